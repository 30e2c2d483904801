package netstate

import "context"

type wantedKey struct{}

// WithWanted returns a context for writes that are sent only as long as wanted says so. It is asked right before a write goes out, by many
// goroutines at once: a write may wait long for its turn and for credentials.
func WithWanted(ctx context.Context, wanted func() bool) context.Context {
	return context.WithValue(ctx, wantedKey{}, wanted)
}

// Wanted reports whether a write may still be sent; where nobody says, it may.
func Wanted(ctx context.Context) bool {
	wanted, ok := ctx.Value(wantedKey{}).(func() bool)
	return !ok || wanted()
}
