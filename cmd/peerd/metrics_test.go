package main

import (
	"encoding/json"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/peerd/peerd/pkg/ec2sim/fault"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
	"github.com/peerd/peerd/pkg/tooltest"
)

// waitingSpec has a peering that works, and a request that a partner does not accept.
const waitingSpec = `apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
  partner: {id: "999999999999", managed: false}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  them: {account: partner, region: eu-west-1, id: vpc-0000000000000c001, cidrs: [10.200.0.0/16]}
peerings:
  - {name: hub-tools, requester: {vpc: hub}, accepter: {vpc: tools, rules: [{group: web, protocol: tcp, ports: [443]}]}}
  - {name: with-them, requester: {vpc: tools}, accepter: {vpc: them}}
`

// startWhole starts a daemon that has something to say for every metric: of a repository, with a webhook, elected, throttled, and with a
// partner who keeps it waiting.
func startWhole(t *testing.T) *running {
	t.Helper()
	o := gittest.NewOrigin(t)
	o.Commit("a peering and a partner", inSpecs(waitingSpec))
	_, kubernetes := startLeases(t)
	sim, endpoint := server(t)
	sim.Inject(fault.Rule{Operation: "DescribeRouteTables", Kind: fault.Error, Code: "RequestLimitExceeded", Count: 1, Before: true})
	r := prepareDaemonAt(t, sim, endpoint, "--repo", o.Bare, "--path", "specs", "--interval", "1s", "--aws-share", "1", "--leader-elect",
		"--webhook-listen", "127.0.0.1:0", "--webhook-secret-file", fileOf(t, webhookSecret))
	r.cmd.Env = append(r.cmd.Env, "KUBECONFIG="+kubeconfig(t, kubernetes), "POD_NAMESPACE=net")
	r.start()
	r.until("it is in sync", 30*time.Second, r.measures(`peerd_peering_in_sync{peering="hub-tools"}`, 1))
	r.until("the partner is waited for", 30*time.Second, r.measures(`peerd_peering_status{peering="with-them",status="pending-acceptance"}`, 1))
	return r
}

// emitted is what a scrape holds: of each metric the labels, and of each label the values.
type emitted map[string]map[string]map[string]bool

var (
	sample = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`)
	label  = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
	named  = regexp.MustCompile(`\b(peerd_[a-z_]+)\b(?:\{([^}]*)\})?`)
)

func scrape(t *testing.T, at string) emitted {
	t.Helper()
	_, text := get(t, at+"/metrics")
	all := emitted{}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		if all[m[1]] == nil {
			all[m[1]] = map[string]map[string]bool{}
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if all[m[1]][l[1]] == nil {
				all[m[1]][l[1]] = map[string]bool{}
			}
			all[m[1]][l[1]][l[3]] = true
		}
	}
	for name := range maps.Clone(all) { // a histogram is named without its endings too
		if base, is := strings.CutSuffix(name, "_bucket"); is {
			all[base] = all[name]
		}
	}
	return all
}

// ofTargets are labels that Prometheus adds.
var ofTargets = []string{"job", "instance", "pod", "node", "namespace"}

// check says which metrics of a text are not emitted, and which matchers of labels match nothing that is.
func (e emitted) check(text string) (wrong []string) {
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		labels, there := e[m[1]]
		if !there {
			wrong = append(wrong, m[1])
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			if there && !slices.Contains(ofTargets, l[1]) && !matches(labels[l[1]], l[3]) {
				wrong = append(wrong, m[0]+": "+l[0])
			}
		}
	}
	return wrong
}

// matches reports whether a label has the values that a matcher names, one or several; LABEL and what begins with $ stand for any.
func matches(has map[string]bool, want string) bool {
	return has != nil && (want == "LABEL" || strings.HasPrefix(want, "$") || !slices.ContainsFunc(strings.Split(want, "|"), func(v string) bool { return !has[v] }))
}

// speaking are the files that name metrics to people and to Prometheus, as they are in the repository.
func speaking(t *testing.T) (files []string) {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"cmd", "pkg", "testdata"}, name)) {
			return fs.SkipDir
		}
		if ext := path.Ext(name); !d.IsDir() && (ext == ".md" || strings.HasPrefix(name, "deploy/") && ext != ".go") {
			files = append(files, filepath.Join("..", "..", name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Every metric that documents, rules and the dashboard name is one that peerd emits, with those labels; Prometheus answers each of their queries
// from what it scraped, and jq each of the runbooks' from the status.
func TestMetricsThatAreNamed(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	r := startWhole(t)
	all := scrape(t, r.address("listen"))
	in := map[string]bool{}
	for _, f := range speaking(t) {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		in[path.Base(f)] = named.Match(text)
		for _, w := range all.check(strings.ReplaceAll(string(text), `\"`, `"`)) {
			if !strings.HasSuffix(f, "_test.yaml") || !strings.Contains(w, ":") { // its series have names of its own
				t.Errorf("%s: not emitted: %s", f, w)
			}
		}
	}
	for _, f := range []string{"metrics.md", "runbooks.md", "peerd.rules.yaml", "peerd.json"} {
		if !in[f] {
			t.Errorf("%s names no metric", f)
		}
	}
	jqReads(t, r.address("listen"))
	p := startPrometheus(t, r.address("listen"))
	r.until("it is scraped a few times", 30*time.Second, func() bool { return p.value("count_over_time(peerd_leader[1m])") >= 4 })
	for query, must := range queries(t) {
		if n, err := p.answers(query); err != "" || must && n == 0 {
			t.Errorf("%s\n%d series, %s", query, n, err)
		}
	}
	r.stop()
}

var jqFilter = regexp.MustCompile("jq ('[^']*'|[a-z.]+)`")

// jqReads runs each filter of the runbooks on the status that peerd serves.
func jqReads(t *testing.T, at string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "runbooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, status := get(t, at+"/api/v1/status")
	filters := jqFilter.FindAllSubmatch(text, -1)
	for _, m := range filters {
		filter := strings.ReplaceAll(strings.Trim(string(m[1]), "'"), `\|`, "|")
		cmd := exec.CommandContext(t.Context(), tooltest.Need(t, "jq"), filter)
		cmd.Stdin = strings.NewReader(status)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("jq %s: %v\n%s", filter, err, out)
		}
	}
	if len(filters) < 6 {
		t.Errorf("%d filters in the runbooks", len(filters))
	}
}

// queries are those of rules and dashboard; those without a comparison have an answer here, too.
func queries(t *testing.T) map[string]bool {
	t.Helper()
	var rules struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	out := map[string]bool{}
	read(t, "prometheus/peerd.rules.yaml", yaml.Unmarshal, &rules)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			out[strings.ReplaceAll(r.Expr, "peerd:standby", "(peerd_leader == 0)")] = false
		}
	}
	read(t, "grafana/peerd.json", json.Unmarshal, &board)
	for _, p := range board.Panels {
		for _, x := range p.Targets {
			query := strings.NewReplacer("$__rate_interval", "1m", "$job", ".+", "$peering", ".*").Replace(x.Expr)
			out[query] = !strings.HasSuffix(query, "> 0")
		}
	}
	if len(out) < 40 {
		t.Fatalf("%d queries", len(out))
	}
	return out
}

func read(t *testing.T, name string, decode func([]byte, any) error, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	if err == nil {
		err = decode(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answers returns how many series an instant query has, and why it failed.
func (p *prometheus) answers(query string) (series int, failed string) {
	p.t.Helper()
	_, body := get(p.t, p.url+"/api/v1/query?query="+url.QueryEscape(query))
	var reply struct {
		Error string
		Data  struct{ Result []any }
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil {
		p.t.Fatalf("%s: %v\n%s", query, err, body)
	}
	return len(reply.Data.Result), reply.Error
}
