package main

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/iampolicy"
	"github.com/peerd/peerd/pkg/iampolicy/iamtest"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/spec"
)

// runner is whose credentials the rigs start from.
const runner = "arn:aws:iam::111111111111:user/peerd"

// rolesOf are the roles of a spec as iam-policy prints them.
func rolesOf(t *testing.T, set *spec.Set, prune bool) map[string]iamtest.Role {
	t.Helper()
	var b bytes.Buffer
	if err := iampolicy.JSON(&b, iampolicy.For(set, iampolicy.Options{Prune: prune, Principals: []string{runner}})); err != nil {
		t.Fatal(err)
	}
	roles, err := iamtest.Read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return roles
}

// underPolicies lets the policies of the rig's spec, as it is at each call, decide about all its calls.
func underPolicies(t *testing.T, r *simtest.Rig, prune bool) *iamtest.Enforcer {
	t.Helper()
	var mu sync.Mutex
	var of *spec.Set
	var roles map[string]iamtest.Role
	e := &iamtest.Enforcer{Sim: r.Sim, Roles: func() map[string]iamtest.Role {
		mu.Lock()
		defer mu.Unlock()
		if of != r.Spec {
			of, roles = r.Spec, rolesOf(t, r.Spec, prune)
		}
		return roles
	}}
	r.Via = e
	return e
}

// allAllowed fails the test if a call was refused, or none was asked about.
func allAllowed(t *testing.T, e *iamtest.Enforcer) {
	t.Helper()
	for _, a := range e.Refused() {
		t.Errorf("refused: %s", a)
	}
	if len(e.Asked()) == 0 {
		t.Error("no call was asked about")
	}
}

// withAndWithoutPolicies runs a test twice: as it is, and with the policies that iam-policy --prune prints for the rig's spec enforced.
func withAndWithoutPolicies(t *testing.T, cfg ec2sim.Config, scenario string, test func(*testing.T, *simtest.Rig)) {
	t.Helper()
	t.Run("without policies", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, newRig(t, cfg, scenario)) })
	})
	t.Run("with policies", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, cfg, scenario)
			e := underPolicies(t, r, true)
			test(t, r)
			allAllowed(t, e)
		})
	})
}

// Every scenario comes to the same end with the policies enforced that iam-policy prints for its spec.
func TestScenariosUnderTheirPolicies(t *testing.T) {
	t.Parallel()
	for _, name := range scenarios(t) {
		for _, kind := range []string{"prompt", "lagging"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, kinds[kind], name)
					e := underPolicies(t, r, false)
					converge(t, r, name, false)
					allAllowed(t, e)
				})
			})
		}
	}
}

// What a policy does not allow never arrives, and the pass says so: without a statement that a first pass needs, it comes to no good end.
func TestRefusedCallsDoNotArrive(t *testing.T) {
	t.Parallel()
	needed := 0
	for _, c := range iamtest.Cuts(rolesOf(t, newRig(t, kinds["prompt"], "group-reference").Spec, false)) {
		if strings.Contains(c.What, ":") || slices.Contains([]string{"TagUnowned", "TagOwned", "ChangeOwnedRules", "TagOwnedRules"}, c.What) {
			continue // less than a statement, or one that a first pass can do without, in one account at least
		}
		needed++
		t.Run(c.What, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, kinds["prompt"], "group-reference")
				e := &iamtest.Enforcer{Sim: r.Sim, Roles: func() map[string]iamtest.Role { return c.Roles }}
				r.Via = e
				got, _ := r.Apply()
				if code := got.Exit(); code != reconcile.ExitAttention && code != reconcile.ExitFailed {
					t.Errorf("exit %d", code)
				}
				if len(e.Refused()) == 0 || !strings.Contains(simtest.Text(got), "AccessDenied") && !strings.Contains(simtest.Text(got), "UnauthorizedOperation") {
					t.Errorf("%d calls refused, and the report says:\n%s", len(e.Refused()), simtest.Text(got))
				}
				if asked, arrived := len(e.Asked())-len(e.Refused()), len(r.Sim.Calls()); arrived > asked+2 { // and GetCallerIdentity, once an account
					t.Errorf("%d calls arrived, %d were allowed", arrived, asked)
				}
			})
		})
	}
	if needed < 15 {
		t.Errorf("only %d statements", needed)
	}
}
