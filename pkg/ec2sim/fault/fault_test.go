package fault

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func always(Rule) bool { return true }

var create = Call{Service: "ec2", Operation: "CreateRoute", Account: "1", Region: "a"}

// hits are the positions, from 1, at which a rule fires on calls like c.
func hits(s *Set, c Call, calls int) []int {
	var out []int
	for n := range calls {
		if _, hit := s.Fire(c, always); hit {
			out = append(out, n+1)
		}
	}
	return out
}

func rules(given ...Rule) *Set {
	s := NewSet()
	for _, r := range given {
		s.Add(r)
	}
	return s
}

// Position and count choose the calls that a rate thins out.
func TestPositionCountAndRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{Rule{}, "[1 2 3 4 5 6 7 8 9]"},
		{Rule{From: 3}, "[3 4 5 6 7 8 9]"},
		{Rule{Count: 2}, "[1 2]"},
		{Rule{From: 4, Count: 3}, "[4 5 6]"},
		{Rule{Rate: 1, From: 4, Count: 3}, "[4 5 6]"},
		{Rule{Operation: "DescribeVpcs"}, "[]"},
		{Rule{Operation: "CreateRoute", Account: "1", Region: "a", Service: "ec2"}, "[1 2 3 4 5 6 7 8 9]"},
		{Rule{Region: "b"}, "[]"},
	} {
		if got := fmt.Sprint(hits(rules(c.rule), create, 9)); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.rule, got, c.want)
		}
	}
	all := hits(rules(Rule{Rate: 0.5}), create, 30)
	var want []int
	for _, n := range all {
		if n > 10 && n <= 20 {
			want = append(want, n)
		}
	}
	if d := cmp.Diff(want, hits(rules(Rule{Rate: 0.5, From: 11, Count: 10}), create, 30)); d != "" || len(want) == 0 {
		t.Errorf("a window of a rate (-want +got):\n%s", d)
	}
}

// The first rule that applies fires; every one that applies counts.
func TestStates(t *testing.T) {
	t.Parallel()
	s := rules(Rule{Kind: Reset, Count: 1}, Rule{Kind: HTML, From: 2, Count: 1}, Rule{Kind: Empty, Operation: "DescribeVpcs"})
	hits(s, create, 3)
	var got []string
	for _, st := range s.States() {
		got = append(got, fmt.Sprintf("%s %d %d", st.Kind, st.Met, st.Fired))
	}
	if d := cmp.Diff([]string{"reset 3 1", "html 3 1", "empty 0 0"}, got); d != "" {
		t.Error(d)
	}
	s.Clear()
	if d := cmp.Diff(map[Kind]int{Reset: 1, HTML: 1}, s.Fired()); d != "" || len(s.States()) > 0 || s.Has(HTML) {
		t.Errorf("after clearing: %v\n%s", s.States(), d)
	}
}

// What could never fire, or not as it was meant, is refused.
func TestCheck(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Rule{
		"":                               {Kind: Slow, Rate: 0.5, Seed: 1, From: 2, Count: 3},
		`kind "" is none of`:             {},
		`kind "resett" is none of`:       {Kind: "resett"},
		"kind error needs a code":        {Kind: Error},
		"kind stale needs a delay":       {Kind: Stale},
		"kind not-found needs a delay":   {Kind: NotFound},
		"kind late needs a delay":        {Kind: Late},
		"is the right reply, which":      {Kind: Slow, Before: true},
		"rate 1.5 is not between":        {Kind: Reset, Rate: 1.5},
		"rate -1 is not between":         {Kind: Reset, Rate: -1},
		"are not negative":               {Kind: Reset, Count: -1},
		"status 42 is not one of HTTP's": {Kind: Error, Code: "X", Status: 42},
	} {
		if err := r.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", r, err, want)
		}
	}
}
