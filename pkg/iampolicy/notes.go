package iampolicy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/spec"
)

// Unverified stands in every output.
const Unverified = "Checked against AWS's Service Authorization Reference and a simulator of EC2, not against real accounts: try them with EC2's DryRun or IAM's policy simulator first."

// notes say what is wider than it should be, and what is not verified.
func (n *needs) notes() []string {
	out := []string{}
	for _, v := range n.mentioned() {
		if v.Select.ID == "" {
			out = append(out, fmt.Sprintf("VPC %s is found by its tags {%s}, and no condition of EC2 asks for the tags of a table's, a group's or a peer's VPC: there every VPC of %s in %s is allowed. State its id to narrow that.",
				v.Name, v.Select.Tags, v.Account.ID, v.Region))
		}
	}
	for _, v := range n.rules {
		if v.Account != n.account {
			out = append(out, fmt.Sprintf("Unverified: in ec2:Vpc of a group in the shared VPC %s either account may stand, %s or %s, so any is allowed beside the VPC's id.",
				v.Name, v.Account.ID, n.account.ID))
		}
	}
	if n.writes(connection) {
		out = append(out, "Unverified: whether EC2 sees a tag that was set a moment ago when it checks aws:ResourceTag. If not, the next pass does what was refused.")
	}
	return out
}

func (n *needs) writes(resource string) bool {
	return slices.ContainsFunc(n.writing().Statement, func(s Statement) bool {
		return slices.ContainsFunc(s.Resource, func(r string) bool { return strings.HasSuffix(r, ":"+resource+"/*") })
	})
}

// mentioned are the VPCs of which an ARN stands in a condition, by name.
func (n *needs) mentioned() []*spec.VPC {
	var all vpcSet
	for _, s := range []vpcSet{n.openTo, n.acceptFrom, n.requesters, n.accepters, n.routes, n.rules} {
		all.add(s...)
	}
	if n.prune {
		all.add(n.vpcs...)
	}
	slices.SortFunc(all, func(a, b *spec.VPC) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// mostInline is how many characters all inline policies of a role may have, mostManaged one managed policy; white space does not count (IAM
// User Guide, "IAM and AWS STS quotas").
const mostInline, mostManaged = 10240, 6144

func sizes(a Account) []string {
	read, write := size(a.Read), size(a.Write)
	switch {
	case len(a.Roles) > 0 && read+write > mostInline:
		return []string{fmt.Sprintf("The policies of %s have %d characters, and IAM takes %d inline in a role: attach them as managed policies, and split the writing one.", a.Roles[0].Name, read+write, mostInline)}
	case write > mostManaged && len(a.Roles) == 0:
		return []string{fmt.Sprintf("The writing policy has %d characters, and IAM takes %d in a managed policy: split it.", write, mostManaged)}
	}
	return nil
}

func size(p Policy) int {
	text, err := compact(p)
	if err != nil {
		panic(err) // strings and lists of them always encode
	}
	return len(strings.Join(strings.Fields(text), ""))
}

// compact is JSON that leaves < and > as they are.
func compact(v any) (string, error) { return encode(v, "", "") }

func encode(v any, prefix, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, indent)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
