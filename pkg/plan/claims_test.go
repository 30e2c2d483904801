package plan_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/spec"
)

// The claim table, cell by cell, as Diff decides it: testdata/claims.golden. Every cell is a plan of its own of a small world.
func TestClaimsGolden(t *testing.T) {
	t.Parallel()
	c := &claims{t: t}
	c.connections()
	c.removals()
	c.routes()
	c.rules()
	got := c.text()
	const path = "testdata/claims.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("claims differ (-want +got):\n%s", d)
	}
}

// claims collects tables of verdicts.
type claims struct {
	t      *testing.T
	tables []claimTable
	cells  int
}

// claimTable is one table, or a title without one.
type claimTable struct {
	title string
	rows  [][]cell // the first holds the heads
}

// cell is a verdict, and the words with which the plan gives a reason for it.
type cell struct{ verdict, why string }

func (c *claims) table(title string, heads ...string) *claimTable {
	c.tables = append(c.tables, claimTable{title: title})
	last := &c.tables[len(c.tables)-1]
	if len(heads) > 0 {
		last.row(heads)
	}
	return last
}

func (t *claimTable) row(heads []string, cells ...cell) {
	var row []cell
	for _, h := range heads {
		row = append(row, cell{verdict: h})
	}
	t.rows = append(t.rows, append(row, cells...))
}

// keys are the words that stand in a cell for a reason, by what the reason's own words are.
var keys = []struct{ words, key string }{
	{"belongs to", "other's"}, {"was released", "released"}, {"nobody's tag", "nobody's"},
	{"orphan", "orphan"}, {"accepter's view", "untagged-a"}, {"requester's view", "untagged-r"}, {"only they can withdraw", "theirs"},
	{"is held", "held"}, {"is suspended", "suspended"}, {"has another owner", "other's"}, {"accept, reject or delete", "not-active"},
	{"not among those listed", "unlisted"}, {"peerd does not know", "unknown"}, {"it was made by", "origin"}, {"it is local", "local"},
	{"set routes.onConflict", "in-use"},
}

// key returns the word for a reason.
func (c *claims) key(why string) string {
	for _, k := range keys {
		if strings.Contains(why, k.words) {
			return k.key
		}
	}
	if why != "" {
		c.t.Errorf("no word stands for the reason %q", why)
	}
	return ""
}

// text prints the tables and, below them, the reasons in full.
func (c *claims) text() string {
	var b strings.Builder
	b.WriteString("What is observed, what the spec wants, and the tags of each view, with the verdict of each cell: see the comment of verdict in claim.go.\n" +
		"Made by TestClaimsGolden, a plan a cell; refresh with go test ./pkg/plan -run Claims -update.\n")
	reasons := map[string]bool{}
	for _, t := range c.tables {
		fmt.Fprintf(&b, "\n%s\n\n", t.title)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, r := range t.rows {
			var words []string
			for _, x := range r {
				key := c.key(x.why)
				words = append(words, strings.TrimSpace(x.verdict+" "+key))
				reasons[key+"\t"+x.why] = key != ""
			}
			fmt.Fprintln(w, strings.Join(words, "\t"))
		}
		w.Flush()
	}
	fmt.Fprintf(&b, "\nThe reasons\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, line := range slices.Sorted(maps.Keys(reasons)) {
		if reasons[line] {
			fmt.Fprintln(w, line)
		}
	}
	w.Flush()
	fmt.Fprintf(&b, "\n%d cells\n", c.cells)
	return trailing.ReplaceAllString(b.String(), "\n")
}

var trailing = regexp.MustCompile(` +\n`)

// The places of the small world: two accounts in one region, and a partner's.
var (
	here  = netstate.Scope{Account: "111111111111", Region: "eu-west-1"}
	there = netstate.Scope{Account: "222222222222", Region: "eu-west-1"}
	hub   = netstate.VPC{Scope: here, ID: "vpc-0000000000000000a"}
	pay   = netstate.VPC{Scope: there, ID: "vpc-0000000000000000b"}
	tools = netstate.VPC{Scope: here, ID: "vpc-0000000000000000c"}
	far   = netstate.VPC{Scope: here, ID: "vpc-0000000000000000d"}
)

// spec is a spec of the four VPCs with these peerings; pay may be a partner's.
func (c *claims) spec(partner bool, peerings string) *spec.Set {
	c.t.Helper()
	account, cidrs := `role: peerd`, ""
	if partner {
		account, cidrs = `managed: false`, ", cidrs: [10.2.0.0/16]"
	}
	s, err := spec.Load(map1("spec.yaml", fmt.Sprintf(`
apiVersion: peerd/v1
owner: acme
accounts:
  a: {id: "111111111111", role: peerd}
  b: {id: "222222222222", %s}
vpcs:
  hub: {account: a, region: eu-west-1, id: vpc-0000000000000000a}
  pay: {account: b, region: eu-west-1, id: vpc-0000000000000000b%s}
  tools: {account: a, region: eu-west-1, id: vpc-0000000000000000c}
  far: {account: a, region: eu-west-1, id: vpc-0000000000000000d}
peerings:
%s`, account, cidrs, peerings)), "")
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// world has the four VPCs, each with a main table.
func (c *claims) world() *netstate.Observed {
	o := netstate.NewObserved(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	for i, v := range []netstate.VPC{hub, pay, tools, far} {
		o.VPCs[v] = netstate.Facts{CIDRs: prefixes(fmt.Sprintf("10.%d.0.0/16", i+1))}
		o.Tables[netstate.TableKey{Scope: v.Scope, ID: tableOf(v)}] = netstate.Table{VPC: v.ID, Main: true}
	}
	return o
}

func tableOf(v netstate.VPC) netstate.TableID { return netstate.TableID("rtb" + v.ID[len("vpc"):]) }

// plan makes the plan of one cell.
func (c *claims) plan(s *spec.Set, o *netstate.Observed, prune bool) *plan.Plan {
	c.cells++
	return plan.Make(s, o, plan.Options{Prune: prune})
}

var statuses = []netstate.Status{netstate.Initiating, netstate.Pending, netstate.Provisioning, netstate.Active,
	netstate.Failed, netstate.Expired, netstate.Rejected, netstate.Deleting, netstate.Deleted, "frozen"}

// shortStatus heads a column.
func shortStatus(s netstate.Status) string {
	short, _, _ := strings.Cut(string(s), "-")
	return short
}

// owners are what can be said of a view: the value of its owner tag, or that it is not seen.
var owners = []string{"none", "ours", "other's", "released", "unseen"}

func view(of string) netstate.View {
	v := netstate.View{Seen: of != "unseen", Tags: netstate.Tags{}}
	if o := map[string]string{"ours": "acme", "other's": "other", "released": "none"}[of]; o != "" {
		v.Tags[netstate.TagOwner] = o
	}
	return v
}

// joining is a connection with such views; within one scope both are the same.
func joining(id netstate.ConnID, requester, accepter netstate.VPC, s netstate.Status, views [2]string) netstate.Connection {
	c := netstate.Connection{ID: id, Requester: requester, Accepter: accepter, Status: s, Message: "a message of EC2"}
	for i, of := range views {
		c.Views[i] = view(of)
		if of == "ours" {
			c.Views[i].Tags[netstate.TagLink] = "p"
		}
	}
	return c
}

// The three worlds of views: two scopes with every combination, one scope, and a partner whose view nobody reads.
func viewsOfTwoScopes() (out [][2]string) {
	for _, r := range owners {
		for _, a := range owners {
			out = append(out, [2]string{r, a})
		}
	}
	return out
}

func viewsOfOneScope() (out [][2]string) {
	for _, o := range owners {
		out = append(out, [2]string{o, o})
	}
	return out
}

func viewsBeside(partner netstate.Side) (out [][2]string) {
	for _, o := range owners {
		v := [2]string{o, o}
		v[partner] = "unseen"
		out = append(out, v)
	}
	return out
}

// connections: the pair is wanted.
func (c *claims) connections() {
	c.table(connectionLegend)
	for _, k := range []struct {
		title    string
		partner  bool
		peering  string
		ends     [2]netstate.VPC // of the connection, in its direction
		views    [][2]string
		adopting []bool
	}{
		{"both accounts managed, two scopes", false, "requester: {vpc: hub, routes: {tables: none}}, accepter: {vpc: pay, routes: {tables: none}}", [2]netstate.VPC{hub, pay}, viewsOfTwoScopes(), []bool{false, true}},
		{"one account and region: both views are the same", false, "requester: {vpc: hub, routes: {tables: none}}, accepter: {vpc: tools, routes: {tables: none}}", [2]netstate.VPC{hub, tools}, viewsOfOneScope(), []bool{false, true}},
		{"a partner's request, as the spec expects it", true, "requester: {vpc: pay}, accepter: {vpc: hub, routes: {tables: none}}", [2]netstate.VPC{pay, hub}, viewsBeside(netstate.RequesterSide), []bool{false, true}},
		{"a partner's request, where the spec says that we ask", true, "requester: {vpc: hub, routes: {tables: none}}, accepter: {vpc: pay}", [2]netstate.VPC{pay, hub}, viewsBeside(netstate.RequesterSide), []bool{false, true}},
		{"a request to a partner, as the spec says", true, "requester: {vpc: hub, routes: {tables: none}}, accepter: {vpc: pay}", [2]netstate.VPC{hub, pay}, viewsBeside(netstate.AccepterSide), []bool{false, true}},
		{"a request to a partner, where the spec says that they ask", true, "requester: {vpc: pay}, accepter: {vpc: hub, routes: {tables: none}}", [2]netstate.VPC{hub, pay}, viewsBeside(netstate.AccepterSide), []bool{false, true}},
	} {
		heads := []string{"requester", "accepter", "adopt"}
		for _, s := range statuses {
			heads = append(heads, shortStatus(s))
		}
		t := c.table("Connection of a pair that an entry wants: "+k.title, heads...)
		for _, adopt := range k.adopting {
			set := c.spec(k.partner, fmt.Sprintf("  - {name: p, adopt: %v, %s}\n", adopt, k.peering))
			for _, views := range k.views {
				var cells []cell
				for _, s := range statuses {
					o := c.world()
					o.Connections["pcx-1"] = joining("pcx-1", k.ends[0], k.ends[1], s, views)
					cells = append(cells, wantedConnection(c.plan(set, o, true), o.Connections["pcx-1"]))
				}
				t.row([]string{views[0], views[1], yes(adopt)}, cells...)
			}
		}
	}
}

const connectionLegend = `CONNECTIONS WANTED, by the owner tags of their two views

  ours     it is the peering's; +r, +a: the requester's, the accepter's view gets our tag, (+a) once it is seen
  take     it is taken over
  waits    whose it is, no view says yet
  foreign  the peering is held
  unknown  likewise, for a state that peerd does not know
  asks     it counts as no connection: another is asked for; later: once it is gone
  awaits   it counts as no connection: the partner is to ask for another
  held     it counts as no connection, and another is not asked for until the entry changes or nothing of it is shown`

func yes(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }

// wantedConnection says what the plan makes of the only connection of the pair.
func wantedConnection(p *plan.Plan, conn netstate.Connection) cell {
	l := p.Links[0]
	for _, x := range p.Problems {
		switch x.Code {
		case plan.CodeForeignConn:
			_, why, _ := strings.Cut(x.Message, "; ")
			return cell{"foreign", why}
		case plan.CodeUnknownStatus:
			return cell{"unknown", ""}
		}
	}
	if l.Conn == "" {
		return afterDead(p)
	}
	verdict := "take"
	if !slices.ContainsFunc(p.Actions, plan.Action.Ready) {
		verdict = "waits"
	}
	for _, v := range conn.Views {
		if v.Owner() == "acme" {
			verdict = "ours"
		}
	}
	return cell{verdict + tagging(p), ""}
}

// afterDead says what the plan does where the only connection of the pair is over.
func afterDead(p *plan.Plan) cell {
	for _, x := range p.Problems {
		if x.Code == plan.CodeRejected || x.Code == plan.CodeDeleted || x.Code == plan.CodeExpired {
			return cell{"held", ""}
		}
	}
	for _, a := range p.Actions {
		if open, ok := a.(plan.OpenConnection); ok && open.Ready() {
			return cell{"asks", ""}
		} else if ok {
			return cell{"later", ""}
		}
	}
	return cell{"awaits", ""}
}

// tagging says which views the plan puts our owner tag on.
func tagging(p *plan.Plan) string {
	now, later := "", ""
	for _, a := range p.Actions {
		if tag, ok := a.(plan.TagConnection); ok && tag.Tags[netstate.TagOwner] == "acme" {
			if tag.Ready() {
				now += tag.Side.String()[:1]
			} else {
				later += tag.Side.String()[:1]
			}
		}
	}
	out := ""
	if now != "" {
		out += "+" + now
	}
	if later != "" {
		out += "(+" + later + ")"
	}
	return out
}

// removals: no entry wants the pair, and --prune is given.
func (c *claims) removals() {
	c.table(removalLegend)
	for _, k := range []struct {
		title   string
		partner bool
		ends    [2]netstate.VPC
		views   [][2]string
	}{
		{"both accounts managed, two scopes", false, [2]netstate.VPC{hub, pay}, viewsOfTwoScopes()},
		{"one account and region: both views are the same", false, [2]netstate.VPC{hub, tools}, viewsOfOneScope()},
		{"the requester a partner", true, [2]netstate.VPC{pay, hub}, viewsBeside(netstate.RequesterSide)},
		{"the accepter a partner", true, [2]netstate.VPC{hub, pay}, viewsBeside(netstate.AccepterSide)},
		{"the accepter in an account that the spec does not name", false, [2]netstate.VPC{hub, {Scope: netstate.Scope{Account: "333333333333", Region: "eu-west-1"}, ID: "vpc-0000000000000000e"}}, viewsBeside(netstate.AccepterSide)},
	} {
		heads := []string{"requester", "accepter"}
		for _, s := range statuses {
			heads = append(heads, shortStatus(s))
		}
		t := c.table("Connection of a pair that no entry wants: "+k.title, heads...)
		set := c.spec(k.partner, "  - {name: q, requester: {vpc: tools, routes: {tables: none}}, accepter: {vpc: far, routes: {tables: none}}}\n")
		for _, views := range k.views {
			var cells []cell
			for _, s := range statuses {
				o := c.world()
				o.Connections["pcx-1"] = joining("pcx-1", k.ends[0], k.ends[1], s, views)
				c.nothingIsRemovedWithoutPrune(set, o)
				cells = append(cells, unwantedConnection(c.plan(set, o, true)))
			}
			t.row([]string{views[0], views[1]}, cells...)
		}
	}
}

const removalLegend = `CONNECTIONS NOT WANTED, with --prune

  closed   after its routes
  stays    it is ours, and reported as extra
  -        neither touched nor reported`

func unwantedConnection(p *plan.Plan) cell {
	for _, d := range p.Drift {
		if d.Resource == plan.ResourceConnection && d.Kind == plan.DriftExtra {
			if d.Left != "" {
				return cell{"stays", d.Left}
			}
			return cell{"closed", ""}
		}
	}
	return cell{"-", ""}
}

// nothingIsRemovedWithoutPrune makes the plan of a cell without --prune.
func (c *claims) nothingIsRemovedWithoutPrune(s *spec.Set, o *netstate.Observed) {
	c.t.Helper()
	for _, a := range plan.Make(s, o, plan.Options{}).Actions {
		if a.Step().Removes() {
			c.t.Errorf("without --prune: %s", a)
		}
	}
}
