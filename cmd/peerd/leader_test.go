package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/simtest"
)

// door is one process's own way to the simulator: it sees what that process asks.
type door struct {
	*httptest.Server
	sim *ec2sim.Sim

	mu    sync.Mutex // guards what follows
	asked []asked
	wrote func(n int) // told of each write, with its number, when it has taken effect and before it is answered; may be nil
}

type asked struct {
	action string
	at     time.Time
	role   string // of AssumeRole
}

func openDoor(t *testing.T, sim *ec2sim.Sim) *door {
	t.Helper()
	d := &door{sim: sim}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form, _ := url.ParseQuery(string(body)) // the simulator says what is wrong with it
	d.mu.Lock()
	d.asked = append(d.asked, asked{form.Get("Action"), time.Now(), form.Get("RoleArn")})
	d.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	d.sim.ServeHTTP(answer, r)
	if isWrite(form.Get("Action")) {
		d.mu.Lock()
		wrote, n := d.wrote, len(writesOf(d.asked))
		d.mu.Unlock()
		if wrote != nil {
			wrote(n)
		}
	}
	for k, v := range answer.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // whoever asked may be gone
}

func (d *door) tell(wrote func(n int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wrote = wrote
}

func isWrite(action string) bool {
	return !strings.HasPrefix(action, "Describe") && !strings.HasPrefix(action, "Get") && action != "AssumeRole"
}

func writesOf(all []asked) (out []asked) {
	for _, a := range all {
		if isWrite(a.action) {
			out = append(out, a)
		}
	}
	return out
}

func (d *door) writes() []asked {
	d.mu.Lock()
	defer d.mu.Unlock()
	return writesOf(d.asked)
}

func (d *door) roles() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]bool{}
	for _, a := range d.asked {
		if a.role != "" {
			out[a.role[strings.LastIndex(a.role, "/")+1:]] = true
		}
	}
	return out
}

// longSpec has sixty routes on each side, so that somebody can be stopped in the middle of them.
func longSpec() string {
	list := func(second int) string {
		var to []string
		for i := range 60 {
			to = append(to, fmt.Sprintf("10.%d.%d.0/24", second, i))
		}
		return strings.Join(to, ", ")
	}
	return fmt.Sprintf(`apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, readRole: peerd-read, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
peerings:
  - name: hub-tools
    requester: {vpc: hub, routes: {tables: main, to: [%s]}}
    accepter: {vpc: tools, routes: {to: [%s]}}
`, list(1), list(0))
}

// kubeconfig is the file that says where Kubernetes is.
func kubeconfig(t *testing.T, at string) string {
	t.Helper()
	return fileOf(t, fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n", at))
}

// Two processes and one lease: one writes, the other measures drift with the role that reads. The first is stopped in the middle of its
// writes, so that it cannot know that its lease is over; the other takes over and finishes. Woken up, the first begins no other write; what was on its way to the
// network when it was stopped nobody can call back.
func TestLeaderElection(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	world := strings.Replace(string(simtest.World), "roles: [{name: peerd, externalId: acme-7f3}]", "roles: [{name: peerd, externalId: acme-7f3}, {name: peerd-read, externalId: acme-7f3}]", 1)
	sim, err := ec2sim.New(ec2sim.Config{World: []byte(world)})
	if err != nil {
		t.Fatal(err)
	}
	kubernetes, at := startLeases(t)
	config := kubeconfig(t, at)
	path := filepath.Join(t.TempDir(), "spec.yaml")
	if err := os.WriteFile(path, []byte(longSpec()), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() (*running, *door) {
		d := openDoor(t, sim)
		r := prepareDaemonAt(t, sim, d.URL, "--spec", path, "--interval", "1s", "--aws-share", "1", "--leader-elect")
		r.cmd.Env = append(r.cmd.Env, "KUBECONFIG="+config, "POD_NAMESPACE=net")
		return r, d
	}
	first, doorOfFirst := start()
	stopped := make(chan struct{})
	first.start()
	doorOfFirst.tell(func(n int) {
		if n == 20 {
			_ = first.cmd.Process.Signal(syscall.SIGSTOP)
			close(stopped)
		}
	})
	<-stopped
	asleep := time.Now()
	second, doorOfSecond := start()
	second.start()
	leader := kubernetes.holder()
	second.until("the standby measures drift", 20*time.Second, second.measures(`peerd_peering_in_sync{peering="hub-tools"}`, 0))
	if second.metric("peerd_leader") != 0 || second.metric(`peerd_apply_blocked{reason="standby"}`) != 1 || len(doorOfSecond.writes()) > 0 {
		t.Errorf("the standby: leader %v, %d writes", second.metric("peerd_leader"), len(doorOfSecond.writes()))
	}
	if roles := doorOfSecond.roles(); roles["peerd"] || !roles["peerd-read"] {
		t.Errorf("the standby assumed %v", roles)
	}
	second.until("the standby takes over", 40*time.Second, func() bool { return kubernetes.holder() != leader })
	t.Logf("the lease changed hands %s after its holder was stopped", time.Since(asleep).Round(time.Second))
	second.until("it finishes", 30*time.Second, second.measures(`peerd_peering_in_sync{peering="hub-tools"}`, 1))
	if second.metric("peerd_leader") != 1 || doorOfSecond.writes() == nil {
		t.Error("who writes does not say that it leads")
	}

	before := len(doorOfFirst.writes())
	if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	first.until("it knows that it does not lead", 20*time.Second, first.measures("peerd_leader", 0))
	first.until("it measures again", 20*time.Second, first.measures(`peerd_peering_in_sync{peering="hub-tools"}`, 1))
	if n := len(doorOfFirst.writes()) - before; n > 3 { // of the four calls that a peering makes side by side, one was answered when it was stopped
		t.Errorf("%d writes by one that leads no more", n)
	}
	first.stop()
	second.stop()
	if who := kubernetes.holder(); who != "" {
		t.Errorf("the lease is still held by %q, and the next start would wait for it", who)
	}
}

// Who only looks does not take the lease from those who would write.
func TestDryRunDoesNotLead(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	kubernetes, at := startLeases(t)
	sim, endpoint := server(t)
	r := prepareDaemonAt(t, sim, endpoint, "--spec", filepath.Join("testdata", "scenarios", "same-account", "spec.yaml"), "--interval", "1s", "--leader-elect", "--dry-run")
	r.cmd.Env = append(r.cmd.Env, "KUBECONFIG="+kubeconfig(t, at), "POD_NAMESPACE=net")
	r.start()
	r.until("some passes", 30*time.Second, func() bool { return r.metric(`peerd_reconcile_runs_total{mode="full",result="success"}`) >= 3 })
	if who := kubernetes.holder(); who != "" || r.metric("peerd_leader") != 0 {
		t.Errorf("%q holds the lease, and says that it leads: %v", who, r.metric("peerd_leader"))
	}
	r.stop()
}

// A pass is made at once when somebody begins to lead, and when they end: what was shown before is not so any more.
func TestPassAtAChangeOfTheLeader(t *testing.T) {
	t.Parallel()
	d := newDaemon(&app{}, slog.New(slog.DiscardHandler))
	for _, leads := range []bool{true, false} {
		d.onLead(leads)
		if len(d.passNow) != 1 {
			t.Errorf("leads %t: no pass", leads)
		} else {
			<-d.passNow
		}
	}
}
