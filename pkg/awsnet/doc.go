// Package awsnet does all AWS I/O of peerd: it reads the listings that a netstate.Look asks for and applies the actions of a plan. It
// owns the sessions per account, paging, throttling, the deadlines of calls, the check that a reply is one, and the translation
// between the SDK's types and netstate's, of error codes into kinds. It must not know the spec, nor decide anything: what failed
// comes back as a netstate.Error with a kind, and nothing is logged here. Read api.go first: it lists every call that peerd makes.
package awsnet
