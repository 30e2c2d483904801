package fault

import (
	"fmt"
	"testing"
)

func fires(seed uint64, calls []Call) (out []bool) {
	s := NewSet()
	s.Add(Rule{Operation: "CreateRoute", Kind: Reset, Rate: 0.25, Seed: seed})
	for _, c := range calls {
		_, hit := s.Fire(c, func(Rule) bool { return true })
		out = append(out, hit)
	}
	return out
}

// A rate meets its part of the calls, the same ones for a seed in whatever order they come, and others for another seed.
func TestRate(t *testing.T) {
	t.Parallel()
	var calls, reversed []Call
	for i := range 4000 {
		calls = append(calls, Call{Service: "ec2", Operation: "CreateRoute", Account: "1", Region: "r", Text: fmt.Sprint(i / 2)})
	}
	for i := range calls { // the two calls that say the same keep their order
		reversed = append(reversed, calls[len(calls)-1-i])
	}
	one, again, other := fires(1, calls), fires(1, reversed), fires(2, calls)
	hits, differ := 0, 0
	for i := range one {
		if one[i] {
			hits++
		}
		if one[i] != other[i] {
			differ++
		}
		if pair := len(one) - 2 - i/2*2 + i%2; one[i] != again[pair] {
			t.Fatalf("call %d: %t, in the other order %t", i, one[i], again[pair])
		}
	}
	if hits < 900 || hits > 1100 {
		t.Errorf("%d of %d calls, want about a quarter", hits, len(one))
	}
	if differ < 1000 {
		t.Errorf("two seeds differ in %d calls only", differ)
	}
}
