package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/iampolicy"
)

// The policies of deploy/iam are those that peerd iam-policy prints for deploy/iam/member.yaml, with parameters in the place of that spec's
// owner, accounts, regions and so on. They are written twice: as expressions of Terraform and of CloudFormation.
func TestMemberPoliciesAreMade(t *testing.T) {
	t.Parallel()
	policies := memberPolicies(t)
	for file, made := range map[string]string{
		"iam/terraform/policies.tf": inHCL(t, policies),
		"iam/stackset.yaml":         inStackSet(t, read(t, "iam/stackset.yaml"), policies),
	} {
		if *update {
			if err := os.WriteFile(file, []byte(made), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(read(t, file), made); d != "" {
			t.Errorf("%s (-is +made anew, by -update):\n%s", file, d)
		}
	}
}

// madePolicy is a document under the name that it has in both languages.
type madePolicy struct {
	name string
	iampolicy.Policy
}

// memberPolicies asks peerd for the policies, and puts marks where parameters belong.
func memberPolicies(t *testing.T) []madePolicy {
	t.Helper()
	ask := func(args ...string) (trust, read, write iampolicy.Policy) {
		out, err := exec.CommandContext(t.Context(), peerd(t), append([]string{"iam-policy", "member", "--spec", "iam/member.yaml"}, args...)...).Output()
		var printed struct {
			Accounts []struct {
				Trust    iampolicy.Policy
				Policies struct{ Read, Write iampolicy.Policy }
			}
		}
		if err == nil {
			err = json.Unmarshal(out, &printed)
		}
		if err != nil || len(printed.Accounts) != 1 {
			t.Fatalf("%v: %s", err, out)
		}
		a := printed.Accounts[0]
		return a.Trust, a.Policies.Read, a.Policies.Write
	}
	trust, reads, writes := ask()
	_, _, removes := ask("--prune")
	removes.Statement = removes.Statement[len(writes.Statement):]
	readTrust := iampolicy.Policy{Version: trust.Version, Statement: slices.Clone(trust.Statement)}
	readTrust.Statement[0].Principal = map[string][]string{"AWS": {"@readPrincipals"}}
	trust.Statement[0].Principal = map[string][]string{"AWS": {"@principals"}}
	all := []madePolicy{{"trust", trust}, {"read_trust", readTrust}, {"read", reads}, {"write", writes}, {"remove", removes}}
	for _, p := range all[3:] {
		within(p.Policy)
	}
	for _, p := range all {
		for i, s := range p.Statement {
			p.Statement[i] = marked(s)
		}
	}
	return all
}

// within bounds statements to the regions, as the ARNs of the VPCs in peerd's own output do.
func within(p iampolicy.Policy) {
	for i := range p.Statement {
		s := &p.Statement[i]
		if s.Condition == nil {
			s.Condition = iampolicy.Condition{}
		}
		if s.Condition["StringEquals"] == nil {
			s.Condition["StringEquals"] = map[string][]string{}
		}
		s.Condition["StringEquals"]["aws:RequestedRegion"] = []string{"us-east-1"}
	}
}

func marked(s iampolicy.Statement) iampolicy.Statement {
	s.Resource = mark(s.Resource)
	for _, keys := range s.Condition {
		for k, values := range keys {
			keys[k] = mark(values)
		}
	}
	return s
}

// What stands in member.yaml for a parameter.
var (
	resource = regexp.MustCompile(`^arn:aws:ec2:\*:222222222222:([a-z-]+/\*)$`)
	ownVPC   = regexp.MustCompile(`^arn:aws:ec2:us-east-1:222222222222:vpc/`)
	aVPC     = regexp.MustCompile(`^arn:aws:ec2:us-east-1:\*:vpc/`)
	otherVPC = regexp.MustCompile(`^arn:aws:ec2:us-east-1:(333333333333|444444444444):vpc/`)
	aList    = regexp.MustCompile(`^arn:aws:ec2:us-east-1:\*:prefix-list/`)
)

// mark replaces a list of values by a mark for what they stand for: an ARN or a parameter. A list that has no parameter in it stays.
func mark(values []string) []string {
	has := func(r *regexp.Regexp) bool { return slices.ContainsFunc(values, r.MatchString) }
	switch {
	case len(values) == 0:
		return values
	case slices.Equal(values, []string{"us-east-1"}):
		return []string{"@regions"}
	case slices.Equal(values, []string{"owner-parameter"}):
		return []string{"@owner"}
	case slices.Equal(values, []string{"external-id-parameter"}):
		return []string{"@externalID"}
	case slices.Contains(values, "tag-key-parameter"):
		return []string{"@tags " + strings.Join(slices.DeleteFunc(values, func(v string) bool { return v == "tag-key-parameter" }), ",")}
	case has(otherVPC):
		return []string{"@peers"}
	case has(aVPC): // a group may be in a VPC that another account shares
		return []string{"@arn *:vpc/*"}
	case has(ownVPC):
		return []string{"@arn own:vpc/*"}
	case has(aList):
		return []string{"@arn *:prefix-list/*"}
	case resource.MatchString(values[0]) && len(values) == 1:
		return []string{"@arn own:" + resource.FindStringSubmatch(values[0])[1]}
	}
	return values
}

// language says how parameters are written.
type language struct {
	name    map[string]string                 // of a mark
	arn     func(account, part string) string // account may be a wild card
	tags    func(own []string) string
	account string
}

var list = regexp.MustCompile(`\[\s*"@([^"]*)"\s*\]`)

// document is a policy as an expression: JSON, with parameters in the place of marks.
func (l language) document(t *testing.T, p iampolicy.Policy, prefix string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	if err := e.Encode(p); err != nil {
		t.Fatal(err)
	}
	text := list.ReplaceAllStringFunc(strings.TrimSuffix(b.String(), "\n"), func(m string) string {
		mark, rest, _ := strings.Cut(list.FindStringSubmatch(m)[1], " ")
		switch mark {
		case "arn":
			account, part, _ := strings.Cut(rest, ":")
			return "[" + l.arn(strings.Replace(account, "own", l.account, 1), part) + "]"
		case "tags":
			return l.tags(strings.Split(rest, ","))
		}
		if l.name[mark] == "" {
			t.Fatalf("the mark %q is not known", mark)
		}
		return l.name[mark]
	})
	if left := regexp.MustCompile(`@\w+|parameter|us-east-1|[2-4]{12}`).FindString(text); left != "" {
		t.Fatalf("%q is left in %s", left, text)
	}
	return text
}

func quotedAll(values []string) string {
	text, _ := json.Marshal(values) // strings always encode
	return strings.ReplaceAll(string(text), `","`, `", "`)
}

var hclKey = regexp.MustCompile(`(?m)^(\s*"(?:[^"\\]|\\.)*"):`)

// inHCL writes the policies as locals of a Terraform module.
func inHCL(t *testing.T, policies []madePolicy) string {
	t.Helper()
	hcl := language{
		name: map[string]string{"regions": "var.regions", "owner": "[var.owner]", "principals": "var.principals",
			"readPrincipals": "concat(var.principals, var.read_principals)",
			"externalID":     "[var.external_id]", "peers": `concat([local.own_vpcs], var.peer_vpcs)`},
		account: "${local.account}",
		arn: func(account, part string) string {
			return fmt.Sprintf(`"arn:${local.partition}:ec2:*:%s:%s"`, account, part)
		},
		tags: func(own []string) string { return "concat(" + quotedAll(own) + ", var.tag_keys)" },
	}
	var b strings.Builder
	b.WriteString("# Made by peerd iam-policy from ../member.yaml, by go test ./deploy -update: not to be edited.\n\nlocals {\n")
	b.WriteString("  own_vpcs = " + hcl.arn(hcl.account, "vpc/*") + "\n")
	for _, p := range policies {
		text := hclKey.ReplaceAllString(hcl.document(t, p.Policy, "  "), "$1 :")
		// A condition is left out where its parameter is empty.
		text = externalID.ReplaceAllString(text, `"StringEquals" : { for key, values in {$1} : key => values if values != [""] }`)
		b.WriteString("\n  " + p.name + " = " + text + "\n")
	}
	return b.String() + "}\n"
}

var externalID = regexp.MustCompile(`"StringEquals" ?: \{([^}]*sts:ExternalId[^}]*)\}`)

var madeBlock = regexp.MustCompile(`(?m)^( +)(\w+): # made by peerd iam-policy: (\w+)\n(?:(?:\s*\n)|(?: +[\]{}"].*\n))*`)

// inStackSet writes the policies into the template.
func inStackSet(t *testing.T, template string, policies []madePolicy) string {
	t.Helper()
	const own = "arn:${AWS::Partition}:ec2:*:${AWS::AccountId}:vpc/*"
	join := func(first, parameter string) string {
		return fmt.Sprintf(`!Split [",", !Join [",", [%s, !Join [",", !Ref %s]]]]`, first, parameter)
	}
	cfn := language{
		name: map[string]string{"regions": "!Ref Regions", "owner": "[!Ref Owner]", "principals": "!Ref Principals",
			"readPrincipals": "!If [HasReadPrincipals, " + join(`!Join [",", !Ref Principals]`, "ReadPrincipals") + ", !Ref Principals]",
			"externalID":     `!If [HasExternalId, [!Ref ExternalId], !Ref "AWS::NoValue"]`, "peers": join(`!Sub "`+own+`"`, "PeerVpcs")},
		account: "${AWS::AccountId}",
		arn: func(account, part string) string {
			return fmt.Sprintf(`!Sub "arn:${AWS::Partition}:ec2:*:%s:%s"`, account, part)
		},
		tags: func(tags []string) string { return join(`"`+strings.Join(tags, ",")+`"`, "TagKeys") },
	}
	seen := map[string]bool{}
	out := madeBlock.ReplaceAllStringFunc(template, func(m string) string {
		parts := madeBlock.FindStringSubmatch(m)
		i := slices.IndexFunc(policies, func(p madePolicy) bool { return p.name == parts[3] })
		if i < 0 {
			t.Fatalf("no policy %s", parts[3])
		}
		seen[parts[3]] = true
		indent := parts[1] + "  "
		return fmt.Sprintf("%s%s: # made by peerd iam-policy: %s\n%s%s\n", parts[1], parts[2], parts[3], indent, cfn.document(t, policies[i].Policy, indent))
	})
	if len(seen) != len(policies) {
		t.Fatalf("the template has only %v", seen)
	}
	return out
}
