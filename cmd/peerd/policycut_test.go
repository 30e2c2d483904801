package main

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/iampolicy/iamtest"
	"github.com/peerd/peerd/pkg/simtest"
)

// Nothing can be taken away from the policies of any scenario: without a statement, an action, a resource or a value, a call of the
// scenario is refused; without a condition, a call is allowed that must not be. What is read is the same for all specs; each action of it
// is needed by one of them.
func TestNothingCanBeCutFromPolicies(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	reads := map[string]bool{} // cut → it was noticed
	t.Run("scenarios", func(t *testing.T) {
		for _, name := range scenarios(t) {
			if name == "one-of-three-broken" {
				continue // what cannot be had needs no permission, which its policies do not know
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for what, noticed := range cutEach(t, name) {
						if !strings.HasPrefix(what, readsOf) {
							if !noticed {
								t.Errorf("nothing shows that this is gone: %s", what)
							}
							continue
						}
						mu.Lock()
						reads[what] = reads[what] || noticed
						mu.Unlock()
					}
				})
			})
		}
	})
	for what, noticed := range reads {
		if !noticed {
			t.Errorf("nothing shows that this is gone, in any scenario: %s", what)
		}
	}
}

// readsOf is how the cut of a call that reads begins.
const readsOf = "Read: ec2:"

// cutEach reports of everything that can be cut from a scenario's policies whether it is noticed.
func cutEach(t *testing.T, name string) map[string]bool {
	t.Helper()
	byID := strings.ReplaceAll(scenarioText(t, name), "tags: {Name: payments-prod}", "id: vpc-0000000000000b001")
	text := byID
	if name == "found-by-tags" || name == "cross-account" {
		text = scenarioText(t, name)
	}
	r := simtest.New(t, kinds["prompt"], text)
	roles := rolesOf(t, r.Spec, true)
	made := lifetime(t, name, simtest.New(t, kinds["prompt"], text))
	if got, _ := r.Apply(); got.Exit() != 0 {
		t.Fatalf("first pass: exit %d", got.Exit())
	}
	world := &trespasses{hands: hands{r}, tried: map[string]bool{}}
	refused := refusedAll(t, append(world.all(), assumptions(roles)...), rolesOf(t, simtest.LoadSpec(t, byID), true), roles)
	out := map[string]bool{}
	less, wide := 0, 0
	for _, c := range iamtest.Cuts(roles) {
		noticed := false
		if c.Wide {
			wide++
			noticed = slices.ContainsFunc(refused, func(a iamtest.Asked) bool { return a.Allowed(c.Roles) })
		} else {
			less++
			noticed = slices.ContainsFunc(made, func(a iamtest.Asked) bool { return !a.Allowed(c.Roles) })
		}
		if before, twice := out[c.What]; twice && strings.HasPrefix(c.What, readsOf) {
			noticed = noticed || before
		} else if twice {
			noticed = noticed && before // in both accounts
		}
		out[c.What] = noticed
	}
	t.Logf("%d calls, %d that must be refused; %d cuts that allow less, %d that allow more", len(made), len(refused), less, wide)
	return out
}
