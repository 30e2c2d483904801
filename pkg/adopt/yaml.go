package adopt

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// head says what the reader has in front of them.
const head = `# What peerd import found. A plan of this spec changes nothing but tags; review names and selectors, then commit it.
`

// text writes the spec as a person would: sections apart, one line for what is small, comments for what it does not say.
func (b *builder) text() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(head)
	top := mapping("apiVersion", word("peerd/v1"))
	if b.in.Owner != "" {
		top = mapping("apiVersion", word("peerd/v1"), "owner", word(string(b.in.Owner)))
	} else {
		top.FootComment = "owner: NAME, the tag on everything that peerd makes or takes over, is for you to state, here or as --owner"
	}
	parts := []section{{"", top}, {"accounts", b.accountNodes()}, {"vpcs", b.vpcNodes()}}
	meshes, others := b.meshes()
	parts = append(parts, items("peerings", others, (*link).node)...)
	parts = append(parts, items("meshes", meshes, mesh.node)...)
	for _, p := range parts {
		if err := p.write(&out); err != nil {
			return nil, err
		}
	}
	if len(b.left) > 0 {
		out.WriteString("\n# Not in this spec:\n")
		for _, line := range b.left {
			out.WriteString("#   " + line + "\n")
		}
	}
	return out.Bytes(), nil
}

// section is a part of the text with an empty line before it: a key of the document, one more item of the last key, or the top.
type section struct {
	key  string
	node *yaml.Node
}

// items are the sections of a list, each with an empty line before it.
func items[T any](key string, all []T, node func(T) *yaml.Node) []section {
	var out []section
	for _, v := range all {
		out = append(out, section{key, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{node(v)}}})
		key = " "
	}
	return out
}

// encoded is a node as text.
func encoded(n *yaml.Node) (string, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return "", err
	}
	return b.String(), e.Close()
}

func (s section) write(out *bytes.Buffer) error {
	if len(s.node.Content) == 0 {
		return nil
	}
	text, err := encoded(s.node)
	if err != nil {
		return err
	}
	if s.key == "" {
		out.WriteString(text)
		return nil
	}
	out.WriteString("\n")
	if s.key != " " {
		out.WriteString(s.key + ":\n")
	}
	for line := range strings.Lines(text) {
		out.WriteString("  " + line)
	}
	return nil
}

// accountNodes are the accounts of the VPCs and of the groups of rules, and all that were read.
func (b *builder) accountNodes() *yaml.Node {
	all := map[string]*spec.Account{}
	for _, a := range b.accounts {
		all[a.Name] = a
	}
	for _, v := range b.vpcs {
		all[v.Account.Name] = v.Account
	}
	out := mapping()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		put(out, name, accountNode(all[name]))
	}
	return out
}

// accountNode is an account's entry; its credentials are those with which it was read.
func accountNode(a *spec.Account) *yaml.Node {
	n := flow(mapping("id", word(string(a.ID))))
	if !a.Managed {
		put(n, "managed", plain("false"))
		n.LineComment = "not read: what is done there is theirs"
		return n
	}
	for _, f := range [][2]string{{"role", a.Role}, {"readRole", a.ReadRole}, {"externalId", a.ExternalID}, {"profile", a.Profile}, {"stsRegion", string(a.STSRegion)}} {
		if f[1] != "" {
			put(n, f[0], word(f[1]))
		}
	}
	if a.SessionDuration != 0 {
		put(n, "sessionDuration", word(a.SessionDuration.String()))
	}
	return n
}

func (b *builder) vpcNodes() *yaml.Node {
	out := mapping()
	for _, v := range slices.SortedFunc(maps.Values(b.vpcs), func(x, y *spec.VPC) int { return cmp.Compare(x.Name, y.Name) }) {
		n := flow(mapping("account", word(v.Account.Name), "region", word(string(v.Region)), "id", word(string(v.Select.ID))))
		if len(v.CIDRs) > 0 {
			put(n, "cidrs", list(v.CIDRs))
		}
		put(out, v.Name, n)
	}
	return out
}

// node is the entry of a peering, with what it does not say above it.
func (l *link) node() *yaml.Node {
	n := mapping("name", word(string(l.Name)))
	if l.Adopt {
		put(n, "adopt", plain("true"))
	}
	put(n, "requester", sideNode(l.Sides[0]))
	put(n, "accepter", sideNode(l.Sides[1]))
	if len(l.Tags) > 0 {
		put(n, "tags", tags(l.Tags))
	}
	n.HeadComment = strings.Join(l.notes, "\n")
	return n
}

// node is the entry of a mesh.
func (m mesh) node() *yaml.Node {
	members := make([]*yaml.Node, len(m.members))
	for i, name := range m.members {
		members[i] = word(name)
	}
	n := mapping("name", word(m.name), "vpcs", flow(&yaml.Node{Kind: yaml.SequenceNode, Content: members}))
	if m.of.Adopt {
		put(n, "adopt", plain("true"))
	}
	if side := plainSide(m.side()); len(side.Content) > 0 {
		put(n, "side", side)
	}
	if len(m.of.Tags) > 0 {
		put(n, "tags", tags(m.of.Tags))
	}
	return n
}

// sideNode is a side: on one line unless it has rules.
func sideNode(s spec.Side) *yaml.Node {
	n := plainSide(s)
	n.Content = slices.Concat([]*yaml.Node{word("vpc"), word(s.VPC.Name)}, n.Content)
	return n
}

// plainSide is a side without its VPC.
func plainSide(s spec.Side) *yaml.Node {
	n := mapping()
	if s.DNS == netstate.Yes {
		put(n, "dns", plain("true"))
	}
	if r := routesNode(s); len(r.Content) > 0 {
		put(n, "routes", r)
	}
	if len(s.Rules) == 0 {
		return flow(n)
	}
	rules := &yaml.Node{Kind: yaml.SequenceNode}
	for _, r := range s.Rules {
		rules.Content = append(rules.Content, ruleNode(r, s.VPC.Account))
	}
	put(n, "rules", rules)
	return n
}

// routesNode is empty where the side routes what it does by default.
func routesNode(s spec.Side) *yaml.Node {
	n := flow(mapping())
	r := s.Routes
	if s.VPC.Account.Managed && (r.Tables.Kind != spec.SelectAll || r.Exclude.Kind != spec.SelectNone) {
		put(n, "tables", tablesNode(r.Tables))
	}
	if r.Exclude.Kind != spec.SelectNone {
		put(n, "exclude", tablesNode(r.Exclude))
	}
	if len(r.To) > 0 {
		put(n, "to", dests(r.To))
	}
	return n
}

func tablesNode(t spec.Tables) *yaml.Node {
	switch t.Kind {
	case spec.SelectAll:
		return word("all")
	case spec.SelectMain:
		return word("main")
	case spec.SelectIDs:
		return list(t.IDs)
	case spec.SelectTags:
		return flow(mapping("tags", tags(t.Tags)))
	case spec.SelectSubnets:
		return flow(mapping("subnets", flow(mapping("tags", tags(t.SubnetTags)))))
	}
	return word("none")
}

func ruleNode(r spec.Rule, account *spec.Account) *yaml.Node {
	n := flow(mapping("group", groupNode(r.Group)))
	if r.Account.ID != account.ID {
		put(n, "account", word(r.Account.Name))
	}
	if r.Direction == netstate.Egress {
		put(n, "direction", word("egress"))
	}
	put(n, "protocol", plain(r.Proto.String()))
	switch {
	case r.Proto == netstate.TCP || r.Proto == netstate.UDP:
		put(n, "ports", portsNode(r.Ports))
	case r.Ports[0] != netstate.AllPorts:
		icmp := flow(mapping("type", plain(fmt.Sprint(r.Ports[0].From))))
		if r.Ports[0].To != -1 {
			put(icmp, "code", plain(fmt.Sprint(r.Ports[0].To)))
		}
		put(n, "icmp", icmp)
	}
	if p := peerNode(r.Peer); p != nil {
		put(n, "peer", p)
	}
	if r.Description != "" {
		put(n, "description", word(r.Description))
	}
	return n
}

func portsNode(all []netstate.PortRange) *yaml.Node {
	n := flow(&yaml.Node{Kind: yaml.SequenceNode})
	for _, r := range all {
		text := fmt.Sprint(r.From)
		if r.To != r.From {
			text += fmt.Sprintf("-%d", r.To)
		}
		n.Content = append(n.Content, plain(text))
	}
	if len(n.Content) == 1 {
		return n.Content[0]
	}
	return n
}

// peerNode is nil where the other end is the peer's CIDRs.
func peerNode(p spec.RulePeer) *yaml.Node {
	switch {
	case p.Group != nil:
		return flow(mapping("group", groupNode(*p.Group)))
	case len(p.CIDRs) == 1 && p.CIDRs[0].Dest.List != "":
		return destNode(p.CIDRs[0])
	case len(p.CIDRs) > 0:
		return dests(p.CIDRs)
	}
	return nil
}

func groupNode(g netstate.GroupSelector) *yaml.Node {
	return word(cmp.Or(string(g.ID), g.Name))
}

func dests(all []spec.Dest) *yaml.Node {
	n := flow(&yaml.Node{Kind: yaml.SequenceNode})
	for _, d := range all {
		n.Content = append(n.Content, destNode(d))
	}
	return n
}

func destNode(d spec.Dest) *yaml.Node {
	switch {
	case d.Dest.List != "":
		return flow(mapping("prefixList", word(string(d.Dest.List))))
	case d.Wider:
		return flow(mapping("cidr", word(d.Dest.String()), "wider", plain("true")))
	}
	return word(d.Dest.String())
}

func tags(t netstate.Tags) *yaml.Node {
	n := flow(mapping())
	for _, k := range slices.Sorted(maps.Keys(t)) {
		put(n, k, word(t[k]))
	}
	return n
}

func list[T any](all []T) *yaml.Node {
	n := flow(&yaml.Node{Kind: yaml.SequenceNode})
	for _, v := range all {
		n.Content = append(n.Content, word(fmt.Sprint(v)))
	}
	return n
}

// word is a text, quoted where YAML would take it for something else, and as people quote; plain is written as it is.
func word(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsAny(s, ":#{}[],&*!|>'\"%@`") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// mapping makes a map of keys and nodes by turns.
func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		put(n, pairs[i].(string), pairs[i+1].(*yaml.Node))
	}
	return n
}

func put(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, word(key), value)
}

func flow(n *yaml.Node) *yaml.Node {
	n.Style = yaml.FlowStyle
	return n
}
