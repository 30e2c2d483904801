// Package plan is the pure core: it expands a spec into desired state, claims what was observed, takes the difference, and orders it
// into actions. It must not know the SDK, a clock, a logger or a context: the same input gives the same plan, byte for byte.
// Read Diff first, then claim.go, which says what is ours.
package plan
