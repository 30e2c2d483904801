package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/iampolicy/iamtest"
)

// Nothing can be taken away from the policies of any scenario: without a statement, an action, a resource or a value, a call of the
// scenario is refused; without a condition, a call is allowed that must not be.
func TestNothingCanBeCutFromPolicies(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios(t) {
		if name == "one-of-three-broken" {
			continue // what cannot be had needs no permission, which its policies do not know
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				roles := rolesOf(t, newRig(t, kinds["prompt"], name).Spec, true)
				made := lifetime(t, name)
				cuts := iamtest.Cuts(roles)
				less := 0
				for _, c := range cuts {
					if c.Wide || strings.HasPrefix(c.What, "Read: ec2:") {
						continue // the list of what is read is the same for all specs
					}
					less++
					if !slices.ContainsFunc(made, func(a iamtest.Asked) bool { return !a.Allowed(c.Roles) }) {
						t.Errorf("without %s all calls are still allowed", c.What)
					}
				}
				t.Logf("%d calls, %d cuts", len(made), less)
			})
		})
	}
}
