package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
	"github.com/peerd/peerd/pkg/simtest"
	"github.com/peerd/peerd/pkg/tooltest"
)

// reach is the flags that reach a repository.
func reach(c gitwatch.Config) (flags []string) {
	for flag, value := range map[string]string{"--repo": c.Repo, "--git-token-file": c.TokenFile, "--git-ca-file": c.CAFile,
		"--git-ssh-key-file": c.SSHKeyFile, "--git-known-hosts-file": c.KnownHostsFile} {
		if value != "" {
			flags = append(flags, flag, value)
		}
	}
	return append(flags, "--path", "specs")
}

// inSpecs is the files of a commit with one spec.
func inSpecs(text string) map[string]string { return map[string]string{"specs/core.yaml": text} }

// withTicket is a spec with a tag that can be looked for.
func withTicket(text, ticket string) string { return text + "    tags: {ticket: " + ticket + "}\n" }

// tagged reports whether the newest connection carries the ticket.
func (r *running) tagged(ticket string) func() bool {
	return func() bool { return strings.Contains(r.sim.Dump(), `"ticket":"`+ticket+`"`) }
}

// address is where the daemon listens for something, as it says itself.
func (r *running) address(flag string) string {
	r.t.Helper()
	return "http://" + addressSaid(r, `msg=listening for=`+flag+` address=(\S+)`)
}

// addressSaid waits for a process to say where it listens.
func addressSaid(r *running, words string) string {
	r.t.Helper()
	said := regexp.MustCompile(words)
	r.until("it says where it listens: "+words, 20*time.Second, func() bool { return said.MatchString(r.log.String()) })
	return said.FindStringSubmatch(r.log.String())[1]
}

// get returns an answer's status and body.
func get(t *testing.T, url string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// metric is the value of a series, and -1 where there is none.
func (r *running) metric(series string) float64 {
	r.t.Helper()
	_, body := get(r.t, r.address("listen")+"/metrics")
	for line := range strings.Lines(body) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				r.t.Fatalf("%s: %v", line, err)
			}
			return n
		}
	}
	return -1
}

func (r *running) measures(series string, want float64) func() bool {
	return func() bool { return r.metric(series) == want }
}

// routes counts those that lead to the newest connection.
func (r *running) routes() (n int) {
	for _, l := range simtest.Lines(r.sim.Dump()) {
		if strings.Contains(l, " -> "+simtest.Newest(r.sim)+" ") {
			n++
		}
	}
	return n
}

func (r *running) deleteRoute() {
	r.t.Helper()
	(&simtest.Rig{T: r.t, Sim: r.sim}).Do("111111111111", "eu-west-1", "DeleteRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.1.0.0/16")
}

func skipProcesses(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
}

// A push is live by the next interval, what somebody breaks is counted and mended, a broken commit changes nothing, and a branch that was
// rewound is held, whichever way the repository is reached.
func TestDaemonFollowsARepository(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	for name, config := range map[string]func(*testing.T, *gittest.Origin) gitwatch.Config{
		"https":        func(t *testing.T, o *gittest.Origin) gitwatch.Config { return gittest.Serve(t, o).Config() },
		"ssh":          func(t *testing.T, o *gittest.Origin) gitwatch.Config { return gittest.ServeSSH(t).Config(o) },
		"on this disk": func(_ *testing.T, o *gittest.Origin) gitwatch.Config { return gitwatch.Config{Repo: o.Bare} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := gittest.NewOrigin(t)
			text := scenarioText(t, "same-account")
			first := o.Commit("first", inSpecs(text))
			r := startDaemon(t, append(reach(config(t, o)), "--interval", "1s", "--aws-share", "1")...)
			r.until("the first commit", 30*time.Second, r.measures(`peerd_peering_in_sync{peering="hub-tools"}`, 1))
			if n := r.metric(`peerd_git_revision_info{revision="` + first + `"}`); n != 1 {
				t.Errorf("the revision in force is not %s", first)
			}
			r.until("it is ready", 10*time.Second, func() bool { code, _ := get(t, r.address("probe-listen")+"/readyz"); return code == http.StatusOK })

			pushed := time.Now()
			o.Commit("second", inSpecs(withTicket(text, "NET-7")))
			r.until("the second commit", 10*time.Second, r.tagged("NET-7"))
			t.Logf("a push was live after %s, with an interval of 1s", time.Since(pushed).Round(time.Millisecond))

			const missing = `peerd_drift_detected_total{kind="missing",resource="route"}`
			r.until("in sync again", 10*time.Second, r.measures(`peerd_peering_in_sync{peering="hub-tools"}`, 1))
			made, before := r.routes(), r.metric(missing)
			r.deleteRoute()
			r.until("the route is made again", 10*time.Second, func() bool { return r.routes() == made })
			r.until("the drift is counted", 10*time.Second, r.measures(missing, before+1))

			o.Commit("broken", inSpecs(strings.Replace(text, "peerings:", "peerngs:", 1)))
			r.until("the broken commit", 10*time.Second, r.measures("peerd_spec_last_load_successful", 0))
			if !r.said("specs/core.yaml:13:1: peerngs: unknown field")() || !r.tagged("NET-7")() || r.routes() != made || r.metric(`peerd_apply_blocked{reason="spec"}`) != 1 {
				t.Errorf("the broken commit: %d routes, want %d\n%s", r.routes(), made, r.log)
			}
			r.deleteRoute()
			r.until("the last good commit is still enforced", 10*time.Second, func() bool { return r.routes() == made })
			good := o.Commit("mended", inSpecs(withTicket(text, "NET-8")))
			r.until("the mended commit", 10*time.Second, r.measures("peerd_spec_last_load_successful", 1))
			r.until("its tag", 10*time.Second, r.tagged("NET-8"))

			o.InBare("update-ref", "refs/heads/main", first)
			r.until("the rewind is held", 10*time.Second, r.measures(`peerd_apply_blocked{reason="repository"}`, 1))
			failures.Shown(t, 11, r.said("does not descend from "+good)(), "a branch that was rewound")
			r.deleteRoute()
			r.until("the last good commit is enforced", 10*time.Second, func() bool { return r.routes() == made })
			if !r.tagged("NET-8")() {
				t.Error("the rewound branch was applied")
			}
			r.stop()
		})
	}
}

// What was applied last is remembered across restarts in the state file, and only there; --allow-rewind lets an older head in.
func TestF11StateFile(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	o := gittest.NewOrigin(t)
	text := scenarioText(t, "same-account")
	first := o.Commit("first", inSpecs(withTicket(text, "OLD-1")))
	second := o.Commit("second", inSpecs(withTicket(text, "NEW-2")))
	state := filepath.Join(t.TempDir(), "state")
	flags := append(reach(gitwatch.Config{Repo: o.Bare}), "--aws-share", "1", "--state-file", state)
	r := startDaemon(t, append(flags, "--interval", "1s")...)
	r.until("the second commit", 30*time.Second, r.tagged("NEW-2"))
	r.stop()
	if text, err := os.ReadFile(state); err != nil || !strings.Contains(string(text), second) {
		t.Fatalf("the state file does not hold %s: %v\n%s", second, err, text)
	}
	o.InBare("update-ref", "refs/heads/main", first)
	once := func(more ...string) (int, string) {
		cmd, out := process(t.Context(), t, r.endpoint, append(append([]string{"--once"}, flags...), more...)...)
		_ = cmd.Run() // its code is looked at
		return cmd.ProcessState.ExitCode(), out.String()
	}
	code, out := once()
	failures.Shown(t, 11, strings.Contains(out, "does not descend from "+second), "a branch that was rewound while nobody watched")
	if code != 1 || !r.tagged("NEW-2")() {
		t.Errorf("a single pass: exit %d\n%s", code, out)
	}
	again := startDaemonAt(t, r.sim, r.endpoint, append(flags, "--interval", "1s")...)
	again.until("the restarted daemon holds it", 20*time.Second, again.said("does not descend from "+second))
	again.until("it is not ready, having nothing to apply", 10*time.Second, func() bool {
		code, _ := get(t, again.address("probe-listen")+"/readyz")
		return code == http.StatusServiceUnavailable
	})
	again.stop()
	if !r.tagged("NEW-2")() {
		t.Error("the rewound branch was applied after a restart")
	}
	if code, out := once("--allow-rewind"); code != 0 || !r.tagged("OLD-1")() {
		t.Errorf("with --allow-rewind: exit %d\n%s", code, out)
	}
	if err := os.WriteFile(state, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := once(); code != 1 || !strings.Contains(out, "is not one that this peerd wrote") {
		t.Errorf("a state file that cannot be read: exit %d\n%s", code, out)
	}
}

// Only signed commits count with --verify; the others leave the last good one in force.
func TestF13DaemonVerifies(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	for name, keys := range map[string]func(*testing.T) (allowed string, good, wrong func(string) string){
		"ssh": func(t *testing.T) (string, func(string) string, func(string) string) {
			k := gittest.NewSSHKeys(t)
			allowed := "ada@example.com " + k.Key("ada", "ed25519") + "\n"
			k.Key("eve", "ed25519")
			return allowed, k.By("ada", "git"), k.By("eve", "git")
		},
		"openpgp": func(t *testing.T) (string, func(string) string, func(string) string) {
			g := gittest.NewGPG(t)
			ada := g.Key("ada", "ed25519", "never")
			return g.Export(ada), g.By(ada), g.By(g.Key("eve", "ed25519", "never"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			allowed, good, wrong := keys(t)
			file := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(file, []byte(allowed), 0o600); err != nil {
				t.Fatal(err)
			}
			o := gittest.NewOrigin(t)
			text := scenarioText(t, "same-account")
			o.Signed("first", inSpecs(withTicket(text, "GOOD-1")), good)
			r := startDaemon(t, append(reach(gitwatch.Config{Repo: o.Bare}), "--verify", name, "--verify-keys-file", file, "--interval", "1s", "--aws-share", "1")...)
			r.until("the signed commit", 30*time.Second, r.tagged("GOOD-1"))
			o.Signed("unsigned", inSpecs(withTicket(text, "BAD-2")), nil)
			r.until("the unsigned commit is refused", 10*time.Second, r.said("it is not signed"))
			o.Signed("a stranger's", inSpecs(withTicket(text, "BAD-3")), wrong)
			r.until("the stranger's commit is refused", 10*time.Second, r.said("is not in "+file))
			failures.Shown(t, 13, r.measures(`peerd_apply_blocked{reason="repository"}`, 1)(), "commits that are not signed as they must be")
			if !r.tagged("GOOD-1")() || strings.Contains(r.sim.Dump(), "BAD-") {
				t.Error("a commit was applied that is not signed as it must be")
			}
			o.Signed("signed again", inSpecs(withTicket(text, "GOOD-4")), good)
			r.until("the next signed commit", 10*time.Second, r.tagged("GOOD-4"))
			r.stop()
		})
	}
}

// With the server down at the very first start nothing is changed, and nothing is taken for an empty spec; once it is up the commit is applied.
func TestF10ServerDownAtTheStart(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	o := gittest.NewOrigin(t)
	o.Commit("first", inSpecs(scenarioText(t, "same-account")))
	s := gittest.Serve(t, o)
	s.Set(func() {
		s.Instead = func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "back soon", http.StatusServiceUnavailable)
			return true
		}
	})
	r := startDaemon(t, append(reach(s.Config()), "--interval", "1s", "--aws-share", "1", "--prune")...)
	r.until("that the server is down", 10*time.Second, r.measures(`peerd_apply_blocked{reason="repository"}`, 1))
	failures.Shown(t, 10, r.said("503")(), "a git server that is down at the first start")
	if n := len(r.sim.Calls()); n > 0 {
		t.Errorf("%d calls without a spec", n)
	}
	if code, _ := get(t, r.address("probe-listen")+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d, and restarting it would not help", code)
	}
	s.Set(func() { s.Instead = nil })
	r.until("the commit", 20*time.Second, r.measures(`peerd_peering_in_sync{peering="hub-tools"}`, 1))
	r.stop()
}

// Of several quick commits only the newest is applied: nothing of those in between is ever made.
func TestF22QuickCommits(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	o := gittest.NewOrigin(t)
	text := scenarioText(t, "same-account")
	o.Commit("first", inSpecs(withTicket(text, "A-1")))
	r := startDaemon(t, append(reach(gitwatch.Config{Repo: o.Bare}), "--interval", "2s", "--aws-share", "1")...)
	r.until("the first commit", 30*time.Second, r.tagged("A-1"))
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil { // so that no fetch falls between the pushes
		t.Fatal(err)
	}
	o.Commit("there", inSpecs(withTicket(text, "B-2")))
	o.Commit("back", inSpecs(withTicket(text, "A-1")))
	last := o.Commit("on", inSpecs(withTicket(text, "C-3")))
	if err := r.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	r.until("the last commit", 20*time.Second, r.tagged("C-3"))
	r.until("the last commit in the metrics", 10*time.Second, r.measures(`peerd_git_revision_info{revision="`+last+`"}`, 1)) // once its pass is over
	failures.Shown(t, 22, o.InBare("rev-list", "--count", last) == "4", "three quick commits after the first")
	for _, c := range r.sim.Calls() {
		if strings.Contains(c.Params.Encode(), "B-2") {
			t.Errorf("%s of a commit in between", c.Action)
		}
	}
	r.stop()
}

// A single pass of a repository, as CI makes it: exit code, and metrics for the node exporter, also of what went wrong.
func TestOnceOnARepository(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	o := gittest.NewOrigin(t)
	text := scenarioText(t, "same-account")
	o.Commit("first", inSpecs(text))
	_, endpoint := server(t)
	file := filepath.Join(t.TempDir(), "peerd.prom")
	once := func(want int, says, metric string, more ...string) {
		t.Helper()
		flags := append(reach(gitwatch.Config{Repo: o.Bare}), "--once", "--aws-share", "1", "--metrics-textfile", file)
		cmd, out := process(t.Context(), t, endpoint, append(flags, more...)...)
		_ = cmd.Run() // its code is looked at
		if code := cmd.ProcessState.ExitCode(); code != want || !strings.Contains(out.String(), says) {
			t.Errorf("exit %d, want %d and %q\n%s", code, want, says, out)
		}
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), metric+"\n") {
			t.Errorf("the file has no %s: %v\n%s", metric, err, text)
		}
	}
	once(2, "Plan: ", `peerd_peering_in_sync{peering="hub-tools"} 0`, "--dry-run")
	once(0, "in sync: 1 peering", `peerd_peering_in_sync{peering="hub-tools"} 1`)
	promtool(t, file)
	o.Commit("broken", inSpecs(strings.Replace(text, "peerings:", "peerngs:", 1)))
	once(3, "specs/core.yaml:13:1", "peerd_spec_last_load_successful 0")
	once(1, `has no branch "gone"`, `peerd_git_fetches_total{result="error"} 1`, "--branch", "gone")
	once(1, `"nowhere" does not exist`, `peerd_git_fetches_total{result="error"} 1`, "--path", "nowhere")
	once(1, "is not one that this peerd wrote", `peerd_apply_blocked{reason="repository"} 1`, "--state-file", fileOf(t, "{}"))
	once(3, "is no name of a branch", `peerd_apply_blocked{reason="repository"} 1`, "--branch", "a..b")
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "peerd_spec_last_load_successful") {
		t.Errorf("nothing was fetched, and the metrics say whether it loads: %v\n%s", err, text)
	}
}

// promtool reads metrics as Prometheus does, and finds nothing to object to.
func promtool(t *testing.T, file string) {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	cmd := exec.CommandContext(t.Context(), tooltest.Need(t, "promtool"), "check", "metrics")
	cmd.Stdin = text
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// Flags of a repository without one, and the other way round, are refused: a flag that protects must not be passed over.
func TestRepositoryFlags(t *testing.T) {
	t.Parallel()
	example := filepath.Join("..", "..", "peerings.example.yaml")
	for says, args := range map[string][]string{
		"--verify is of a repository: say --repo too":            {"--spec", example, "--verify", "ssh", "--verify-keys-file", "x"},
		"--state-file is of a repository":                        {"--once", "--spec", example, "--state-file", "x"},
		"say one of them":                                        {"--spec", example, "--repo", "/srv/specs.git"},
		"--verify ssh needs --verify-keys-file":                  {"--repo", "/srv/specs.git", "--verify", "ssh"},
		"--leader-elect is for the daemon":                       {"--once", "--spec", example, "--leader-elect"},
		"--leader-elect-resource-name without --leader-elect":    {"--spec", example, "--leader-elect-resource-name", "peerd-net"},
		"--metrics-textfile is for a single pass":                {"--spec", example, "--metrics-textfile", "x"},
		"--webhook-listen without --webhook-secret-file":         {"--spec", example, "--webhook-listen", "127.0.0.1:0"},
		"--webhook-secret-file: ":                                {"--spec", example, "--listen", "127.0.0.1:0", "--probe-listen", "", "--webhook-secret-file", "not-there"},
		"--web.config.file: ":                                    {"--spec", example, "--web.config.file", "not-there"},
		"a token must not be in the URL":                         {"--repo", "https://ada@git.example.com/specs.git"},
		"secrets are never taken on the command line":            {"--repo", "https://git.example.com/specs.git", "--git-token", "x"},
		"say --spec PATH, a file or a directory of *.yaml files": {"--once"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			if code, stdout, stderr := peerd(t, nil, args...); code != 3 || !strings.Contains(stderr, says) {
				t.Errorf("peerd %s: exit %d, want 3 and %q\n%s%s", strings.Join(args, " "), code, says, stdout, stderr)
			}
		})
	}
}

// An address that is taken is said before anything is sent to AWS.
func TestAddressTaken(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	r := startDaemon(t, "--spec", filepath.Join("testdata", "scenarios", "same-account", "spec.yaml"))
	taken := strings.TrimPrefix(r.address("listen"), "http://")
	sim, endpoint := server(t)
	cmd, out := process(t.Context(), t, endpoint, "--spec", filepath.Join("testdata", "scenarios", "same-account", "spec.yaml"), "--listen", taken)
	_ = cmd.Run() // its code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(out.String(), "--listen: listen tcp "+taken+": bind: address already in use") || len(sim.Calls()) > 0 {
		t.Errorf("exit %d, %d calls\n%s", code, len(sim.Calls()), out)
	}
	r.stop()
}

// One file of a commit is broken, in each of the ways in which YAML can be: the whole commit is refused, with file, line and column, in no
// time and little memory, and nothing is sent to AWS: it is not the entries of the good files that are left, nor none.
func TestF17BrokenCommit(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	const head = "apiVersion: peerd/v1\n"
	o := gittest.NewOrigin(t)
	text := scenarioText(t, "same-account")
	o.Commit("good", inSpecs(text))
	sim, endpoint := server(t)
	pass := func() (int, string) {
		cmd, out := process(t.Context(), t, endpoint, append(reach(gitwatch.Config{Repo: o.Bare}), "--once", "--prune", "--max-deletes", "100%", "--aws-share", "1")...)
		if peak := peakOf(t, cmd); peak > 128<<10 {
			t.Errorf("it took %d MB", peak>>10)
		}
		return cmd.ProcessState.ExitCode(), out.String()
	}
	if code, out := pass(); code != 0 {
		t.Fatalf("the good commit: exit %d\n%s", code, out)
	}
	before := sim.Dump()
	for name, broken := range map[string]struct{ text, says string }{
		"an unknown field":           {head + "peerngs: []\n", "specs/more.yaml:2:1: peerngs: unknown field"},
		"a field twice":              {head + "owner: acme\nowner: acme\n", "specs/more.yaml:3:1"},
		"a wrong type":               {head + "peerings: 7\n", "specs/more.yaml:2:11"},
		"null":                       {"null\n", "specs/more.yaml:1:1"},
		"an empty document":          {"---\n", "specs/more.yaml:2:1"},
		"an empty file":              {"", "specs/more.yaml:1:1"},
		"a key that is a list":       {"? [x]: 1\n<<: {b: 1}\n", "specs/more.yaml:1:"},
		"a merge":                    {head + "vpcs: {<<: {a: 1}}\n", "specs/more.yaml:2:8"},
		"what is no YAML":            {"a: [1\nb: }\n", "specs/more.yaml:"},
		"aliases that multiply":      {head + bomb(), "specs/more.yaml:2:"},
		"ten thousand lists in one":  {head + "peerings: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "\n", "specs/more.yaml:"},
		"a file of fifty megabytes":  {head + "# " + strings.Repeat("x", 50<<20) + "\n", "specs/more.yaml"},
		"a name with a line break":   {head + "accounts: {\"a\\nb\": {id: \"111111111111\"}}\n", "specs/more.yaml:2:12"},
		"an entry that is not whole": {head + "peerings: [{name: more, requester: {vpc: hub}}]\n", "specs/more.yaml:2:"},
	} {
		o.Commit(name, map[string]string{"specs/core.yaml": text, "specs/more.yaml": broken.text})
		calls := len(sim.Calls())
		code, out := pass()
		refused := code == 3 || name == "a file of fifty megabytes" && code == 1 // git's own limits come first
		if !refused || !strings.Contains(out, broken.says) || strings.Contains(out, "panic") {
			t.Errorf("%s: exit %d, want 3 and %q\n%.2000s", name, code, broken.says, out)
		}
		if n := len(sim.Calls()) - calls; n > 0 {
			t.Errorf("%s: %d calls to AWS", name, n)
		}
	}
	simtest.WantSame(t, "before", simtest.Lines(before), "after", simtest.Lines(sim.Dump()))
	failures.Shown(t, 17, len(before) > 0, "commits with one broken file")
}

// bomb is aliases that would grow to a billion nodes.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := range 30 {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	return b.String()
}

// peakOf runs a command to its end, and returns the most memory that it had, in kB. It is asked for while it runs: what the kernel says
// afterwards counts the tests' own process in, which it was forked from (getrusage(2), ru_maxrss).
func peakOf(t *testing.T, cmd *exec.Cmd) (peak int) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its code is looked at
	}()
	for {
		select {
		case <-ended:
			return peak
		case <-time.After(5 * time.Millisecond):
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // it may have ended
			_, after, _ := strings.Cut(string(status), "VmHWM:")
			var now int
			_, _ = fmt.Sscan(after, &now)
			peak = max(peak, now)
		}
	}
}
