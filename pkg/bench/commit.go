package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mostOfCommit is how many calls a commit of one line may take that changes one peering; mostOfNew one that makes one: the lists of its two
// scopes before and after, nine writes, and twice the connections of both, to see it requested and active.
const (
	mostOfCommit = 30
	mostOfNew    = 2*2*perScope + 9 + 2*2
)

// commits measures what a commit costs a daemon that follows a repository and hears of every push, in a world that matches the spec already.
func (b *bench) commits(ctx context.Context, w workload, sim *simulator) error {
	repo := &repository{filepath.Join(b.dir, w.Name+"-repository")}
	if err := repo.begin(ctx); err != nil {
		return err
	}
	if err := repo.commit(ctx, w.spec()); err != nil {
		return err
	}
	d, err := b.startDaemon(ctx, sim, repo.dir)
	if err != nil {
		return err
	}
	defer d.stop()
	for _, c := range w.commitsOfOneLine() {
		if err := repo.commit(ctx, c.files); err != nil {
			return err
		}
		m, err := d.push(b.latency)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		b.add(result{Workload: w.Name, Peerings: len(w.pairs), What: c.what, Peerd: m, Most: c.most})
	}
	return nil
}

// change is a commit, and how many calls it may take; zero: it has no goal.
type change struct {
	what  string
	files map[string]string
	most  int
}

// commitsOfOneLine are what somebody may want of one pair of a mesh, each from the one before: a rule more, another tag, no peering any more,
// a peering again; and a line that concerns all pairs. A removal and the last have no goal here: a pass over everything does them.
func (w workload) commitsOfOneLine() []change {
	rules := w.side(w.rules)
	ruled := strings.TrimSuffix(rules, "]") + ", {group: app, protocol: tcp, ports: 9000}]"
	own := "peerings: [{name: m/v0--v1, requester: {vpc: v0, " + ruled + "}, accepter: {vpc: v1}}]\n"
	tagged := strings.Replace(own, "}}]", "}, tags: {team: net}}]", 1)
	estate := func(own, old, now string) map[string]string {
		files := w.spec()
		files["estate.yaml"] = strings.Replace(files["estate.yaml"], old, now, 1) + own
		return files
	}
	return []change{
		{"commit: a rule more", estate(own, "", ""), mostOfCommit},
		{"commit: a tag", estate(tagged, "", ""), mostOfCommit},
		{"commit: a peering less", estate(tagged, "name: m, ", "name: m, exclude: [[v0, v2]], "), 0},
		{"commit: a peering more", estate(tagged, "", ""), mostOfNew},
		{"commit: all rules otherwise", estate(tagged, rules, strings.ReplaceAll(rules, "8000", "8500")), 0},
	}
}

// repository is one of git, with a work tree.
type repository struct{ dir string }

func (r *repository) begin(ctx context.Context) error {
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return err
	}
	return r.git(ctx, "init", "-q", "-b", "main")
}

// commit makes a commit of the files, which replace those of the same names.
func (r *repository) commit(ctx context.Context, files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := r.git(ctx, "add", "-A"); err != nil {
		return err
	}
	return r.git(ctx, "commit", "-q", "-m", "change")
}

func (r *repository) git(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@example.com", "GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@example.com"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// daemon is peerd as a process that follows a repository.
type daemon struct {
	sim     *simulator
	cmd     *exec.Cmd
	lines   chan logLine
	webhook string // its URL
}

// logLine is what a line of peerd's log may say.
type logLine struct {
	Msg, For, Address, Mode, Verdict string
}

const secret = "bench"

// startDaemon starts peerd and waits until its first pass finds everything in sync. Its interval is so long that it makes passes for commits
// alone.
func (b *bench) startDaemon(ctx context.Context, sim *simulator, repo string) (*daemon, error) {
	file := filepath.Join(b.dir, "webhook-secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, b.peerd, "--repo", repo, "--interval", "1h", "--prune", "--aws-share", fmt.Sprint(b.share), "--listen", "", "--probe-listen", "",
		"--webhook-listen", "127.0.0.1:0", "--webhook-secret-file", file, "--log.format", "json", "--log.level", "debug")
	cmd.Env = sim.env()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{sim: sim, cmd: cmd, lines: make(chan logLine, 1)}
	go d.read(log)
	at, err := d.until(func(l logLine) bool { return l.Msg == "listening" && l.For == "webhook-listen" })
	if err == nil {
		d.webhook = "http://" + at.Address + "/webhook"
		_, err = d.until(inSync)
	}
	if err != nil {
		d.stop()
	}
	return d, err
}

func inSync(l logLine) bool { return l.Msg == "pass" && l.Verdict == "in sync" }

func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	for range d.lines { // until it has ended
	}
	_ = d.cmd.Wait()
}

// read hands out the lines of the log until there are no more.
func (d *daemon) read(log io.Reader) {
	defer close(d.lines)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var l logLine
		if json.Unmarshal(lines.Bytes(), &l) == nil {
			d.lines <- l
		}
	}
}

// until waits for a line of the log.
func (d *daemon) until(is func(logLine) bool) (logLine, error) {
	late := time.After(5 * time.Minute)
	for {
		select {
		case l, more := <-d.lines:
			switch {
			case !more:
				return l, errors.New("peerd ended")
			case is(l):
				return l, nil
			}
		case <-late:
			return logLine{}, errors.New("peerd is not in sync after five minutes")
		}
	}
}

// push tells the daemon of a commit as GitHub does, and measures until everything is in sync again.
func (d *daemon) push(latency time.Duration) (measure, error) {
	before, err := d.sim.calls(0)
	if err != nil {
		return measure{}, err
	}
	was, err := usageOf(d.cmd.Process.Pid)
	if err != nil {
		return measure{}, err
	}
	begun := time.Now()
	if err := d.tell(); err != nil {
		return measure{}, err
	}
	if _, err := d.until(inSync); err != nil {
		return measure{}, err
	}
	m := measure{Wall: time.Since(begun), ByAction: map[string]int{}}
	now, err := usageOf(d.cmd.Process.Pid)
	if err != nil {
		return m, err
	}
	m.CPU, m.Memory = now.cpu-was.cpu, now.peak
	calls, err := d.sim.calls(len(before))
	m.count(calls, latency)
	return m, err
}

// usage is what a process has taken so far.
type usage struct {
	cpu  time.Duration
	peak int64 // bytes of memory
}

// usageOf asks Linux (proc_pid_stat(5), proc_pid_status(5)), in which a process that has not ended can be asked for no more than hundredths of
// a second.
func usageOf(pid int) (u usage, _ error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // the name before it may hold spaces
	for _, f := range fields[11:13] {
		ticks, err := strconv.Atoi(f)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(peak, &u.peak)
	u.peak *= 1024
	return u, err
}

// tell sends a signed webhook.
func (d *daemon) tell() error {
	body := []byte("{}")
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write(body)
	req, err := http.NewRequest(http.MethodPost, d.webhook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the webhook answers %s", resp.Status)
	}
	return nil
}
