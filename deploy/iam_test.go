package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/iampolicy/iamtest"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// parameters are given by the names of Terraform's variables; "account" and "partition" say where.
type parameters map[string]any

// memberRole is a role as AWS would have it.
type memberRole struct {
	Path, Boundary string
	Session        float64
	Trust          iamtest.Policy
	Policies       documents
}

type documents map[string]iamtest.Policy

func document(t *testing.T, text string) iamtest.Policy {
	t.Helper()
	var p iamtest.Policy
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return p
}

// runs is whose credentials the simulated peerd starts from.
const runs = "arn:aws:iam::111111111111:user/peerd"

// estate are the parameters of the two accounts of the scenarios that cmd/peerd is tested with, and how they are changed.
func estate(change parameters) map[string]parameters {
	out := map[string]parameters{}
	for _, account := range []string{"111111111111", "222222222222"} {
		p := parameters{"account": account, "partition": "aws", "owner": "acme", "principals": []string{runs}, "regions": []string{"eu-west-1", "us-east-1"},
			"tag_keys": []string{"team", "mesh"}, "prune": true}
		if account == "111111111111" {
			p["external_id"] = "acme-7f3"
		}
		maps.Copy(p, change)
		out[account] = p
	}
	return out
}

// Terraform and CloudFormation make the same roles, whatever is asked for; and no role carries more than IAM takes inline (10,240 characters
// beside white space).
func TestMemberRolesAreAlike(t *testing.T) {
	t.Parallel()
	all := map[string]parameters{
		"least": {"account": "111111111111", "partition": "aws-cn", "owner": "acme", "principals": []string{runs}, "regions": []string{"cn-north-1"}},
		"most": {"account": "222222222222", "partition": "aws", "owner": "acme/net", "principals": []string{runs, "arn:aws:iam::111111111111:role/ci"},
			"read_principals": []string{"arn:aws:iam::111111111111:role/plan"}, "external_id": "acme-7f3",
			"regions":   []string{"eu-west-1", "us-east-1"},
			"peer_vpcs": []string{"arn:aws:ec2:*:111111111111:vpc/*", "arn:aws:ec2:us-east-1:333333333333:vpc/vpc-1"},
			"tag_keys":  []string{"team", "cost-centre"}, "prune": true,
			"role_name": "net", "read_role_name": "net-read", "role_path": "/peerd/", "permissions_boundary": "arn:aws:iam::222222222222:policy/b",
			"max_session_duration": 7200},
		"no-reader": {"account": "222222222222", "partition": "aws", "owner": "acme", "principals": []string{runs}, "regions": []string{"eu-west-1"}, "read_role_name": ""},
	}
	made := byTerraform(t, all)
	for name, p := range all {
		stacked := byStackSet(t, p)
		for role, r := range stacked {
			withoutDefaultKey(r)
			size := 0
			for _, d := range r.Policies {
				size += len(jsonOf(t, d))
			}
			if size == 0 || size > 10240 {
				t.Errorf("%s: %s has %d characters", name, role, size)
			}
		}
		if d := cmp.Diff(made[name], stacked); d != "" {
			t.Errorf("%s (-terraform +cloudformation):\n%s", name, d)
		}
	}
	if n := len(made["least"]) + len(made["most"]) + len(made["no-reader"]); n != 5 {
		t.Errorf("%d roles", n)
	}
	if _, has := made["least"]["peerd"].Policies["peerd-remove"]; has {
		t.Error("without prune the role may remove")
	}
	if len(made["most"]["net-read"].Policies) != 1 || len(made["most"]["net"].Trust.Statement[0].Principal.AWS) != 2 {
		t.Error("the reading role may do more than read, or who only reads may assume the writing one")
	}
}

// withoutDefaultKey takes the second peerd:peering out of lists of keys, which stands for none in CloudFormation.
func withoutDefaultKey(r memberRole) {
	for _, p := range r.Policies {
		for _, s := range p.Statement {
			for _, keys := range s.Condition {
				if tags := keys["aws:TagKeys"]; len(tags) > 1 && tags[len(tags)-1] == "peerd:peering" && slices.Index(tags, "peerd:peering") < len(tags)-1 {
					keys["aws:TagKeys"] = tags[:len(tags)-1]
				}
			}
		}
	}
}

// Both have the same parameters; CloudFormation tags roles by the tags of the stack.
func TestMemberParametersAreAlike(t *testing.T) {
	t.Parallel()
	variables := []string{}
	for _, m := range regexp.MustCompile(`(?m)^variable "(\w+)"`).FindAllStringSubmatch(read(t, "iam/terraform/variables.tf"), -1) {
		variables = append(variables, m[1])
	}
	parameters := []string{"tags"}
	head, _, _ := strings.Cut(read(t, "iam/stackset.yaml"), "\nConditions:")
	for _, m := range regexp.MustCompile(`(?m)^  (\w+):$`).FindAllStringSubmatch(head, -1) {
		parameters = append(parameters, snake(m[1]))
	}
	slices.Sort(variables)
	slices.Sort(parameters)
	if d := cmp.Diff(variables, parameters); d != "" {
		t.Errorf("(-terraform +cloudformation):\n%s", d)
	}
}

// enforced lets roles decide about all calls of a rig.
func enforced(r *simtest.Rig, accounts map[string]map[string]memberRole) *iamtest.Enforcer {
	roles := map[string]iamtest.Role{}
	for account, all := range accounts {
		for name, m := range all {
			roles[fmt.Sprintf("arn:aws:iam::%s:role/%s", account, name)] = iamtest.Role{Trust: m.Trust, Identity: slices.Collect(maps.Values(m.Policies))}
		}
	}
	e := &iamtest.Enforcer{Sim: r.Sim, Roles: func() map[string]iamtest.Role { return roles }}
	r.Via = e
	return e
}

// scenario is one of those, with a peering more that stays when the others go: a spec without any removes nothing.
func scenario(t *testing.T, name string, replace ...string) *simtest.Rig {
	t.Helper()
	text := read(t, filepath.Join("../cmd/peerd/testdata/scenarios", name, "spec.yaml"))
	text = strings.Replace(text, "peerings:\n", "peerings:\n  - {name: a-stays, requester: {vpc: tools}, accepter: {vpc: east}}\n", 1)
	r := simtest.New(t, ec2sim.Config{}, text)
	r.Spec = simtest.LoadSpec(t, text, replace...)
	return r
}

func stacks(t *testing.T, change parameters) map[string]map[string]memberRole {
	t.Helper()
	out := map[string]map[string]memberRole{}
	for account, p := range estate(change) {
		out[account] = byStackSet(t, p)
	}
	return out
}

// With the member roles peerd makes every scenario that it is tested with, and removes all but one peering again; nothing is refused.
func TestMemberRolesSuffice(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir("../cmd/peerd/testdata/scenarios")
	if err != nil || len(dirs) < 15 {
		t.Fatalf("%d scenarios, %v", len(dirs), err)
	}
	tools := map[string]map[string]map[string]memberRole{"terraform": byTerraform(t, lettered(estate(nil))), "cloudformation": stacks(t, nil)}
	tools["terraform"] = unlettered(tools["terraform"])
	for tool, roles := range tools {
		for _, dir := range dirs {
			t.Run(tool+"/"+dir.Name(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := scenario(t, dir.Name())
					e := enforced(r, roles)
					want := reconcile.ExitInSync
					if dir.Name() == "one-of-three-broken" {
						want = reconcile.ExitAttention
					}
					made, _ := r.Apply()
					simtest.MustExit(t, "apply", made, want)
					r.Spec.Peerings = r.Spec.Peerings[:1]
					_, calls := r.Prune(100)
					if len(calls) == 0 {
						t.Error("nothing was removed")
					}
					if refused := e.Refused(); len(refused) > 0 || len(e.Asked()) == 0 {
						t.Errorf("of %d refused: %v", len(e.Asked()), refused)
					}
				})
			})
		}
	}
}

// Of the writing role's statements none is idle: without it a call of some scenario is refused. Those that only mend what hands have changed are
// needed in the tests of the policies that they are made from.
func TestMemberStatementsAreNeeded(t *testing.T) {
	t.Parallel()
	mending := []string{"ChangeOwnedRules", "TagOwnedRules", "ListsOfRules"}
	needed, all := map[string]bool{}, sids(t)
	for _, name := range []string{"cross-account", "every-rule-form", "dns-both-sides", "mesh"} {
		synctest.Test(t, func(t *testing.T) {
			r := scenario(t, name)
			e := enforced(r, stacks(t, nil))
			r.Apply()
			r.Spec.Peerings = r.Spec.Peerings[:1]
			r.Prune(100)
			for _, a := range e.Asked() {
				for _, sid := range all {
					needed[sid] = needed[sid] || !a.Allowed(without(e.Roles(), sid))
				}
			}
		})
	}
	for _, sid := range all {
		if needed[sid] == slices.Contains(mending, sid) {
			t.Errorf("%s: needed %v", sid, needed[sid])
		}
	}
}

// sids are the writing role's statements, and that of its trust policy.
func sids(t *testing.T) []string {
	t.Helper()
	role := byStackSet(t, estate(nil)["111111111111"])["peerd"]
	out := []string{role.Trust.Statement[0].Sid}
	for _, p := range role.Policies {
		for _, s := range p.Statement {
			out = append(out, s.Sid)
		}
	}
	if len(out) < 18 {
		t.Fatalf("only %v", out)
	}
	return out
}

func without(roles map[string]iamtest.Role, sid string) map[string]iamtest.Role {
	cut := func(p iamtest.Policy) iamtest.Policy {
		return iamtest.Policy{Statement: slices.DeleteFunc(slices.Clone(p.Statement), func(s iamtest.Statement) bool { return s.Sid == sid })}
	}
	out := map[string]iamtest.Role{}
	for arn, r := range roles {
		less := iamtest.Role{Trust: cut(r.Trust)}
		for _, p := range r.Identity {
			less.Identity = append(less.Identity, cut(p))
		}
		out[arn] = less
	}
	return out
}

// Modules of Terraform cannot be named by a number.
func lettered(all map[string]parameters) map[string]parameters {
	out := map[string]parameters{}
	for k, v := range all {
		out["a"+k] = v
	}
	return out
}

func unlettered[V any](all map[string]V) map[string]V {
	out := map[string]V{}
	for k, v := range all {
		out[strings.TrimPrefix(k, "a")] = v
	}
	return out
}

// Each parameter bounds the roles: with another value of it, a call of the scenario is refused.
func TestMemberRolesAreBound(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		change  parameters
		refused string
	}{
		"nothing":             {nil, "[]"},
		"another owner":       {parameters{"owner": "others"}, "ec2:CreateVpcPeeringConnection"},
		"another region":      {parameters{"regions": []string{"us-east-1"}}, "ec2:Describe"},
		"other peers":         {parameters{"peer_vpcs": []string{"arn:aws:ec2:*:333333333333:vpc/*"}}, "ec2:CreateVpcPeeringConnection"},
		"no tag of the spec":  {parameters{"tag_keys": []string{"peerd:peering"}}, "ec2:CreateTags"},
		"no pruning":          {parameters{"prune": false}, "ec2:DeleteRoute"},
		"another external id": {parameters{"external_id": "acme-8"}, "AssumeRole as"},
		"another principal":   {parameters{"principals": []string{"arn:aws:iam::333333333333:role/x"}}, "AssumeRole as"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			roles := stacks(t, c.change)
			synctest.Test(t, func(t *testing.T) {
				r := scenario(t, "cross-account", "peerings:\n", "defaults: {tags: {team: net}}\npeerings:\n")
				if what == "no pruning" { // first it is made by those who may
					enforced(r, stacks(t, nil))
					r.Apply()
					r.Spec.Peerings = r.Spec.Peerings[:1]
				}
				e := enforced(r, roles)
				r.Prune(100)
				if refused := fmt.Sprint(e.Refused()); !strings.Contains(refused, c.refused) {
					t.Errorf("%s is not refused: %s", c.refused, refused)
				}
			})
		})
	}
}
