package main

import (
	"bytes"
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
	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/simtest"
)

// step is one commit of a story: a spec under testdata/story, and what it does to the estate.
type step struct {
	dir        string
	prune      bool
	limits     plan.Limits
	plan, pass int      // exit codes
	takes      []string // foreign facts that the spec takes, as they begin: by onConflict, and routes that lead to dead connections
	before     func(*simtest.Rig)
}

// adopted are the connections made by hand that the story's specs name with adopt: true.
var adopted = []string{"pcx-0000000000000e001", "pcx-0000000000000e002"}

var story = []step{
	{dir: "1-adopt", plan: reconcile.ExitChanges, pass: reconcile.ExitChanges}, // a route made by hand is extra, and pruning is off
	{dir: "2-change", plan: reconcile.ExitChanges, pass: reconcile.ExitChanges, takes: []string{
		"111111111111/eu-west-1 route rtb-0000000000000a002 10.31.0.0/16 -> tgw-",
		"111111111111/eu-west-1 route rtb-0000000000000a002 10.21.0.0/16 -> pcx-0000000000000e011 ",
		"222222222222/eu-west-1 route rtb-0000000000000b011 10.0.0.0/16 -> pcx-0000000000000e011 ",
	}},
	{dir: "3-rename", plan: reconcile.ExitChanges, pass: reconcile.ExitChanges},
	{dir: "4-mesh-grows", plan: reconcile.ExitChanges, pass: reconcile.ExitChanges, before: othersGoOn},
	{dir: "5-hub-replaced", plan: reconcile.ExitChanges, pass: reconcile.ExitChanges},
	{dir: "6-prune", prune: true, limits: plan.Limits{Number: 6}, plan: reconcile.ExitChanges, pass: reconcile.ExitInSync},
	{dir: "7-mass-removal", prune: true, limits: plan.Limits{Percent: 10}, plan: reconcile.ExitAttention, pass: reconcile.ExitAttention, before: somebodyBreaks},
}

// othersGoOn is what other people do meanwhile, beside what is ours.
func othersGoOn(r *simtest.Rig) {
	r.Do("111111111111", "us-east-1", "CreateRoute", "RouteTableId", "rtb-0000000000000a101", "DestinationCidrBlock", "10.36.0.0/16", "VpcPeeringConnectionId", "pcx-0000000000000e101")
	r.Do("222222222222", "eu-west-1", "AuthorizeSecurityGroupIngress", "GroupId", "sg-0000000000000b002", "IpPermissions.1.IpProtocol", "tcp",
		"IpPermissions.1.FromPort", "5432", "IpPermissions.1.ToPort", "5432", "IpPermissions.1.IpRanges.1.CidrIp", "10.20.9.0/24")
	r.Do("333333333333", "ap-northeast-1", "CreateTags", "ResourceId.1", "pcx-0000000000000e103", "Tag.1.Key", "peerd:owner", "Tag.1.Value", "initech")
}

// somebodyBreaks takes a route away from a peering that stays: a repair, which goes on whatever else is withheld.
func somebodyBreaks(r *simtest.Rig) {
	r.Do("333333333333", "eu-west-1", "DeleteRoute", "RouteTableId", "rtb-0000000000000c011", "DestinationCidrBlock", "10.0.0.0/16")
}

// A lived-in estate is taken over and changed, commit by commit, on every kind of AWS. After each step all that is not ours is what it was.
func TestLivedInEstate(t *testing.T) {
	t.Parallel()
	for kind, cfg := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cfg.World = storyFile(t, "world.yaml")
				r := simtest.New(t, cfg, string(storyFile(t, story[0].dir, "spec.yaml")))
				e := &estate{T: t, sim: r.Sim, known: r.Sim.Dump(), foreign: map[string]bool{}}
				e.add(simtest.Without(e.facts(), e.naming(adopted)))
				for _, s := range story {
					if s.before != nil {
						e.others(func() { s.before(r) })
					}
					r.Spec = simtest.LoadSpec(t, string(storyFile(t, s.dir, "spec.yaml")))
					e.take(r, s, cfg.Switches.SharedTags)
				}
			})
		})
	}
}

func storyFile(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"testdata", "story"}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// take goes one step: a plan, which changes nothing; a pass, which does what the plan says; another, which has nothing to do.
func (e *estate) take(r *simtest.Rig, s step, sharedTags bool) {
	in := reconcile.Input{Prune: s.prune, Limits: s.limits}
	before := e.sim.Dump()
	planned, calls := r.Run(reconcile.Input{Prune: s.prune, Limits: s.limits, DryRun: true})
	simtest.MustExit(e.T, s.dir+": plan", planned, s.plan)
	if len(calls) > 0 || e.sim.Dump() != before {
		e.Errorf("%s: the plan changed something: %v", s.dir, calls)
	}
	if !sharedTags { // there a view needs no tags that the other has
		e.golden(s.dir, planned.First)
	}
	was := e.facts()
	done, calls := r.Run(in)
	simtest.MustExit(e.T, s.dir+": pass", done, s.pass)
	e.account(s, was, calls)
	left := e.sim.Dump()
	again, calls := r.Run(in)
	simtest.MustExit(e.T, s.dir+": second pass", again, s.pass)
	if len(calls) > 0 || e.sim.Dump() != left {
		e.Errorf("%s: the second pass changed something: %v", s.dir, calls)
	}
}

// golden compares a plan with one that a person read, but for the ids that AWS made meanwhile.
func (e *estate) golden(dir string, p *plan.Plan) {
	var b bytes.Buffer
	if err := render.PlanText(&b, p); err != nil {
		e.Fatal(err)
	}
	got := e.withoutNewIDs(b.String())
	path := filepath.Join("testdata", "story", dir, "plan.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			e.Fatal(err)
		}
	}
	if d := cmp.Diff(string(storyFile(e.T, dir, "plan.golden")), got); d != "" {
		e.Errorf("the plan differs from %s (-want +got):\n%s", path, d)
	}
}

var anyID = regexp.MustCompile(`(pcx|sgr)-[0-9a-f]{17}`)

// withoutNewIDs takes the ids out of a plan that the world file does not have. Rules stand in the order of their ids: that goes with them.
func (e *estate) withoutNewIDs(text string) string {
	lines := strings.Split(anyID.ReplaceAllStringFunc(text, func(id string) string {
		if strings.Contains(e.known, id) {
			return id
		}
		return id[:len("pcx-")] + "NEW"
	}), "\n")
	for from := 0; from < len(lines); from++ {
		to := from
		for to < len(lines) && strings.Contains(lines[to], "sgr-NEW") {
			to++
		}
		slices.Sort(lines[from:to])
		from = max(from, to-1)
	}
	return strings.Join(lines, "\n")
}

// The estate has what its head says: whoever thins it out thins out the test.
func TestLivedInEstateIsLivedIn(t *testing.T) {
	t.Parallel()
	sim, err := ec2sim.New(ec2sim.Config{World: storyFile(t, "world.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	c := census{}
	for _, l := range simtest.Lines(sim.Dump()) {
		c.count(l)
	}
	for what, want := range map[string][]string{
		"accounts":         {"111111111111", "222222222222", "333333333333", "999999999999"},
		"regions":          {"ap-northeast-1", "eu-west-1", "us-east-1"},
		"states by hand":   {"active", "deleted", "deleting", "expired", "failed", "initiating-request", "pending-acceptance", "provisioning", "rejected"},
		"owners":           {"initech", "terraform", "umbrella"},
		"targets":          {"arn", "cagw", "eigw", "eni", "i", "igw", "lgw", "local", "nat", "pcx", "tgw", "vgw", "vpce"},
		"origins":          {"Advertisement", "CreateRoute", "CreateRouteTable", "EnableVgwRoutePropagation"},
		"route states":     {"active", "blackhole", "filtered"},
		"destinations":     {"IPv4", "IPv6", "list"},
		"peers of rules":   {"IPv4", "IPv6", "group", "group over a peering", "group of a dead peering", "list"},
		"protocols":        {"-1", "icmp", "tcp", "udp"},
		"rules with owner": {"umbrella"},
	} {
		simtest.WantSame(t, what+" wanted", want, what+" there", slices.Collect(maps.Keys(c[what])))
	}
	if vpcs, byHand := len(c["vpcs"]), len(c["by hand"]); vpcs != 30 || byHand != 12 {
		t.Errorf("%d VPCs and %d peerings by hand, want 30 and 12", vpcs, byHand)
	}
}
