package iamtest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/iampolicy"
	"github.com/peerd/peerd/pkg/spec"
)

func policiesOf(t *testing.T, situation string) map[string]Role {
	t.Helper()
	set, err := spec.Load(os.DirFS(filepath.Join("..", "testdata", situation)), "")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := iampolicy.JSON(&b, iampolicy.For(set, iampolicy.Options{Prune: true})); err != nil {
		t.Fatal(err)
	}
	roles, err := Read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return roles
}

var situations = []string{"two-accounts", "partner", "ambient-china"}

// Every statement is one that EC2 understands: its actions know its resources, and its conditions ask only what EC2 tells of them.
func TestConditionsAreSupported(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, situation := range situations {
		for arn, role := range policiesOf(t, situation) {
			for _, p := range role.Identity {
				for _, s := range p.Statement {
					checked++
					for _, complaint := range unsupported(s) {
						t.Errorf("%s: %s, statement %s: %s", situation, arn, s.Sid, complaint)
					}
				}
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d statements", checked)
	}
}

func unsupported(s Statement) []string {
	var out []string
	for _, a := range s.Action {
		types := supported[strings.TrimPrefix(a, "ec2:")]
		for _, r := range s.Resource {
			kind := typeOf(r)
			keys, known := types[kind]
			if kind != "*" && !known {
				out = append(out, a+" knows no resource "+kind)
			}
			for _, wants := range s.Condition {
				for k := range wants {
					if k != "aws:RequestedRegion" && !slices.ContainsFunc(keys, func(s string) bool { return k == s || strings.HasSuffix(s, "/") && strings.HasPrefix(k, s) }) {
						out = append(out, a+" on "+kind+" has no "+k)
					}
				}
			}
		}
	}
	return out
}

func typeOf(resource string) string {
	if resource == "*" {
		return "*"
	}
	kind, _, _ := strings.Cut(strings.SplitN(resource, ":", 6)[5], "/")
	return kind
}

// What unsupported would miss, were it wrong.
func TestUnsupportedIsNoticed(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Statement{
		"the VPC of a rule":   {Action: []string{"ec2:ModifySecurityGroupRules"}, Resource: []string{"arn:aws:ec2:*:1:security-group-rule/*"}, Condition: map[string]map[string][]string{"ArnLike": {"ec2:Vpc": {"x"}}}},
		"the rule of Revoke":  {Action: []string{"ec2:RevokeSecurityGroupIngress"}, Resource: []string{"arn:aws:ec2:*:1:security-group-rule/*"}},
		"tags of a listing":   {Action: []string{"ec2:DescribeVpcs"}, Resource: []string{"*"}, Condition: map[string]map[string][]string{"StringEquals": {"aws:ResourceTag/a": {"b"}}}},
		"the maker at Accept": {Action: []string{"ec2:AcceptVpcPeeringConnection"}, Resource: []string{"arn:aws:ec2:*:1:vpc-peering-connection/*"}, Condition: map[string]map[string][]string{"StringEquals": {"ec2:CreateAction": {"b"}}}},
	} {
		if len(unsupported(s)) == 0 {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// The policies hold every call that awsnet makes, and no other.
func TestActionsAreThoseOfAwsnet(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("..", "..", "awsnet", "api.go"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^\t([A-Z]\w+) +call\[`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, "ec2:"+m[1])
	}
	slices.Sort(want)
	var got []string
	for _, role := range policiesOf(t, "two-accounts") {
		for _, p := range role.Identity {
			for _, s := range p.Statement {
				got = append(got, s.Action...)
			}
		}
	}
	slices.Sort(got)
	missing := []string{"ec2:UpdateSecurityGroupRuleDescriptionsEgress"} // no rule out of a group has a description in this spec
	if d := cmp.Diff(want, slices.Sorted(slices.Values(append(slices.Compact(got), missing...)))); d != "" {
		t.Errorf("calls of awsnet (-) and actions allowed (+):\n%s", d)
	}
}
