package spec

import (
	"net/netip"
	"slices"

	"github.com/peerd/peerd/pkg/netstate"
)

// loader puts the documents of all files together and makes a Set of them. In its maps a name with a nil value is one that was defined with
// mistakes: using it is no mistake of its own.
type loader struct {
	ps  *problems
	set *Set

	entries  map[string]map[string]*node // accounts, vpcs: name to what was stated
	order    map[string][]string         // their names as the files have them
	lists    map[string][]*node          // peerings, meshes, hubs
	defaults *node

	accounts map[string]*Account
	vpcs     map[string]*VPC
	firstIn  map[*Account]*VPC // the first VPC of an account: its region tells the account's partition
	labels   map[netstate.Link]Pos
	checked  map[ruleList]bool // lists of rules that were looked through for repeats; nil: do not look
	items    int               // destinations and rules of the sides made so far
}

func newLoader() *loader {
	return &loader{
		ps: &problems{}, set: &Set{},
		entries: map[string]map[string]*node{"accounts": {}, "vpcs": {}}, order: map[string][]string{}, lists: map[string][]*node{},
		accounts: map[string]*Account{}, vpcs: map[string]*VPC{}, firstIn: map[*Account]*VPC{}, labels: map[netstate.Link]Pos{}, checked: map[ruleList]bool{},
	}
}

// collect takes what a checked document states.
func (l *loader) collect(doc *node) {
	l.owner(doc.get("owner"))
	for _, section := range []string{"accounts", "vpcs"} {
		l.named(section, doc.get(section))
		l.ps.lost = l.ps.lost || slices.Contains(doc.lost, section)
	}
	for _, section := range []string{"peerings", "meshes", "hubs"} {
		l.lists[section] = append(l.lists[section], doc.list(section)...)
	}
	for _, p := range doc.list("protected") {
		l.set.Protected = append(l.set.Protected, value[netip.Prefix](p))
	}
	if d := doc.get("defaults"); d != nil {
		l.defaults = l.join(defaultsShape, l.defaults, d)
	}
}

func (l *loader) owner(n *node) {
	owner := value[netstate.OwnerID](n)
	switch {
	case owner == "" || owner == l.set.Owner:
	case l.set.Owner == "":
		l.set.Owner, l.set.OwnerPos = owner, n.pos
	default:
		l.ps.at(n, "the owner is %s at %s: all files must name the same one", l.set.Owner, l.set.OwnerPos)
	}
}

// named takes the elements of a map of accounts or VPCs.
func (l *loader) named(section string, n *node) {
	if n == nil {
		return
	}
	have := l.entries[section]
	for _, name := range n.lost {
		if _, taken := have[name]; !taken {
			have[name] = nil
		}
	}
	for _, e := range n.fields {
		if first, taken := have[e.key.text]; taken {
			l.twice(e.key, first)
			continue
		}
		have[e.key.text] = e.val
		l.order[section] = append(l.order[section], e.key.text)
	}
}

func (l *loader) twice(n, first *node) {
	if first == nil {
		return
	}
	l.ps.at(n, "the name %s is taken, at %s: names are global, choose another", quote(n.text), first.pos)
}

// resolve makes accounts, VPCs and peerings of what was collected, in that order, since each names the ones before.
func (l *loader) resolve() {
	l.set.Protected = netstate.SortPrefixes(l.set.Protected)
	for name := range l.entries["accounts"] {
		l.accounts[name] = nil
	}
	for name := range l.entries["vpcs"] {
		l.vpcs[name] = nil
	}
	l.makeAccounts()
	l.makeVPCs()
	l.makePeerings()
	l.set.sort()
}

// find returns what a node names, or nil after a complaint: one here when nothing has the name, or one made before.
func find[T any](l *loader, n *node, all map[string]*T, section string) *T {
	if n == nil {
		return nil
	}
	v, known := all[n.text]
	if !known && !l.ps.lost && !l.ps.full() {
		hint := didYouMean(n.text, keysOf(all))
		if hint == "" {
			hint = ": define it there"
		}
		l.ps.at(n, "%s is not defined under %s%s", quote(n.text), section, hint)
	}
	return v
}
