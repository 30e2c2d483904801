// Package netstate is the vocabulary of peerd: what is, or should be, in AWS, as plain values, what to look at, and the kinds of
// failure. It must not know the SDK, the spec's file format, a clock or a context. Read Observed first: it is one look at the world,
// and everything peerd decides is decided from one of those and a spec.
package netstate
