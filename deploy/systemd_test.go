package deploy

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/tooltest"
)

var services = []string{"peerd.service", "peerd-once.service"}

// unitRoot is what a package installs, and the units of this machine that ours name.
func unitRoot(t *testing.T) root {
	t.Helper()
	r := newRoot(t)
	if err := os.CopyFS(r.path("/usr/lib/systemd/system"), os.DirFS("/usr/lib/systemd/system")); err != nil {
		tooltest.Missing(t, "systemd's own units: "+err.Error())
	}
	units, err := filepath.Glob("systemd/peerd*.*")
	if err != nil || len(units) != 4 {
		t.Fatalf("%v, %v", units, err)
	}
	for _, u := range units {
		if filepath.Ext(u) != ".env" {
			r.copy("/usr/lib/systemd/system/"+filepath.Base(u), u, 0o644)
		}
	}
	r.write("/usr/bin/peerd", 0o755, nil)
	r.copy("/usr/bin/kill", tooltest.Need(t, "kill"), 0o755)
	return r
}

// verify returns what systemd has to say against our units.
func verify(t *testing.T, r root) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "systemd-analyze"), "verify", "--root="+r.dir, "peerd.service", "peerd-once.service", "peerd-once.timer").CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

// systemd knows every word of the units, and finds what they name; a misspelt one is noticed.
func TestUnitsVerify(t *testing.T) {
	t.Parallel()
	r := unitRoot(t)
	if said := verify(t, r); said != "" {
		t.Error(said)
	}
	text := readUnit(t, "peerd.service")
	for _, wrong := range []string{strings.Replace(text, "ProtectClock", "ProtectClok", 1), strings.Replace(text, "/usr/bin/peerd", "/usr/bin/perd", 1)} {
		r.write("/usr/lib/systemd/system/peerd.service", 0o644, []byte(wrong))
		if said := verify(t, r); said == "" {
			t.Error("a wrong unit passes")
		}
	}
}

func readUnit(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("systemd/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var exposure = regexp.MustCompile(`Overall exposure level for (\S+): (\d+\.\d+)`)

// By systemd's own measure, from 0 to 10, the units expose little; both are restricted alike.
func TestUnitsAreHardened(t *testing.T) {
	t.Parallel()
	for _, name := range services {
		out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "systemd-analyze"), "security", "--offline=true", "--threshold=19", "./systemd/"+name).CombinedOutput()
		m := exposure.FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		level, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil || level >= 2 {
			t.Errorf("%s: exposure %s, want less than 2.0\n%s", name, m[2], out)
		}
		t.Logf("%s: exposure %s", name, m[2])
	}
	restrictions := func(name string) string {
		_, text, _ := strings.Cut(readUnit(t, name), "# It owns nothing")
		text, _, _ = strings.Cut(text, "\n[Install]")
		return strings.TrimSpace(text)
	}
	if d := cmp.Diff(restrictions(services[0]), restrictions(services[1])); d != "" || len(restrictions(services[0])) < 500 {
		t.Errorf("the restrictions of %v differ:\n%s", services, d)
	}
}

// environment is what peerd.env sets.
func environment(t *testing.T) (out []string) {
	t.Helper()
	for line := range strings.Lines(readUnit(t, "peerd.env")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// serviceRoot is what peerd finds as a service: the package's files, a spec, its state, and systemd's socket.
func serviceRoot(t *testing.T) (r root, notified func() string) {
	t.Helper()
	i, r := buildImage(t), newRoot(t)
	r.copy("/usr/bin/peerd", i.program, 0o755)
	r.copy("/etc/peerd/specs/peerings.yaml", "../peerings.example.yaml", 0o644)
	r.mkdir("/var/lib/peerd")
	r.mkdir("/run")
	socket, err := os.MkdirTemp("", "notify") // a socket's name must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(socket) })
	if err := os.Symlink(r.path("/run"), socket+"/run"); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket + "/run/notify", Net: "unixgram"})
	if err == nil {
		err = os.Chmod(r.path("/run/notify"), 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	var said tooltest.Buffer
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return // closed
			}
			_, _ = said.Write(append(b[:n:n], '\n'))
		}
	}()
	return r, said.String
}

// With what the units leave it, no user, no capability, no way to any, nothing to write to but its state, and nothing of the system calls that
// they refuse, peerd serves, is ready and ends in order; so does a single pass.
func TestUnitsLeaveWhatPeerdNeeds(t *testing.T) {
	t.Parallel()
	r, notified := serviceRoot(t)
	calls := filepath.Join(t.TempDir(), "calls")
	env := append(environment(t), "PEERD_SANDBOX=true", "NOTIFY_SOCKET=/run/notify", "WATCHDOG_USEC=200000")
	cmd := r.confined(t.Context(), "/var/lib/peerd", env, append(execStart(t, "peerd.service"), "--listen", "127.0.0.1:0", "--probe-listen", "127.0.0.1:0")...)
	traced(t, cmd, calls)
	d := start(t, cmd)
	for _, want := range []string{"READY=1", "WATCHDOG=1", "STATUS=in sync"} {
		d.until(want, func() bool { return strings.Contains(notified(), want) })
	}
	d.ready()
	d.mustBeConfined()
	d.stop()
	d.until("STOPPING=1", func() bool { return strings.Contains(notified(), "STOPPING=1") })
	refused(t, calls)

	env = append(environment(t), "PEERD_SANDBOX=true", "PEERD_METRICS_TEXTFILE=/var/lib/peerd/peerd.prom")
	once := r.confined(t.Context(), "/var/lib/peerd", env, execStart(t, "peerd-once.service")...)
	if out, err := once.CombinedOutput(); err != nil || !strings.Contains(string(out), "in sync: 3 peerings") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(r.path("/var/lib/peerd/peerd.prom")); err != nil {
		t.Error(err)
	}
}

func execStart(t *testing.T, name string) []string {
	t.Helper()
	return strings.Fields(regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(readUnit(t, name))[1])
}

var call = regexp.MustCompile(`(?m)^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)`)

// refused says which system calls of peerd, as strace saw them, SystemCallFilter= would refuse.
func refused(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	_, ours, begun := strings.Cut(string(text), `execve("/usr/bin/peerd"`)
	if err != nil || !begun {
		t.Fatalf("peerd was not traced: %v\n%.2000s", err, text)
	}
	allowed, made := filter(t), map[string]bool{}
	for _, m := range call.FindAllStringSubmatch(ours, -1) {
		made[m[1]] = true
	}
	for name := range made {
		if !allowed[name] {
			t.Errorf("peerd calls %s, which the unit refuses", name)
		}
	}
	if len(made) < 20 || !made["sendto"] && !made["write"] || allowed["mount"] || allowed["setuid"] || !allowed["openat"] {
		t.Errorf("%d system calls were seen, %d are allowed: that is not what was meant", len(made), len(allowed))
	}
	t.Logf("%d different system calls, all of them among the %d allowed", len(made), len(allowed))
}

// filter is the set of system calls that the unit allows, as this systemd knows its groups.
func filter(t *testing.T) map[string]bool {
	t.Helper()
	allowed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllStringSubmatch(readUnit(t, "peerd.service"), -1) {
		for _, group := range strings.Fields(m[2]) {
			for _, name := range members(t, group) {
				allowed[name] = m[1] == ""
			}
		}
	}
	for _, name := range members(t, "@default") { // which no filter refuses
		allowed[name] = true
	}
	return allowed
}

// members are the system calls of a group and of those in it.
func members(t *testing.T, group string) (out []string) {
	t.Helper()
	if group[0] != '@' {
		return []string{group}
	}
	text, err := exec.CommandContext(t.Context(), tooltest.Need(t, "systemd-analyze"), "syscall-filter", group).Output()
	lines := slices.Collect(strings.Lines(string(text)))
	if err != nil || len(lines) < 2 {
		t.Fatalf("%s: %v\n%s", group, err, text)
	}
	for _, line := range lines[1:] {
		if name := strings.TrimSpace(line); name != "" && name[0] != '#' {
			out = append(out, members(t, name)...)
		}
	}
	return out
}
