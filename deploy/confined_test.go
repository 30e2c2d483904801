package deploy

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/tooltest"
)

// nonroot is the user of the image.
const nonroot = "65532"

// root is a directory that becomes the root of a process, with nothing else of this machine in it.
type root struct {
	t   *testing.T
	dir string
}

func newRoot(t *testing.T) root {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) { // another user has to reach it
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root{t, dir}
}

func (r root) path(name string) string { return filepath.Join(r.dir, name) }

// mkdir makes a directory that whoever runs in the root may write to, if its mount lets them.
func (r root) mkdir(name string) {
	r.t.Helper()
	if err := os.MkdirAll(r.path(name), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Chmod(r.path(name), 0o777); err != nil {
		r.t.Fatal(err)
	}
}

func (r root) write(name string, mode os.FileMode, text []byte) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.path(name), text, mode); err != nil {
		r.t.Fatal(err)
	}
}

func (r root) copy(name, from string, mode os.FileMode) {
	r.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(name, mode, text)
}

// confine mounts the root read-only, but for some directories, takes every capability and all ways to come by one, and becomes another user.
// The last step has a user namespace, for without a capability there is no chroot; who runs in it has none there either.
const confine = `
root=$0 writable=$1; shift
mount --bind "$root" "$root"
for d in $writable; do mount --bind "$root/$d" "$root/$d"; done
mount -o remount,bind,ro "$root"
exec setpriv --reuid=` + nonroot + ` --regid=` + nonroot + ` --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
  unshare --user --map-current-user --root="$root" --wd=/ "$@"
`

// confined is a program in the root, with that environment and no other, and that one directory to write to; none if it is empty.
func (r root) confined(ctx context.Context, writable string, env []string, program ...string) *exec.Cmd {
	r.t.Helper()
	if os.Getuid() != 0 {
		tooltest.Missing(r.t, "only root can confine a process")
	}
	tooltest.Need(r.t, "setpriv")
	args := append([]string{"--mount", "--ipc", "--uts", "sh", "-ec", confine, r.dir, writable}, program...)
	cmd := exec.CommandContext(ctx, tooltest.Need(r.t, "unshare"), args...)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
	return cmd
}

// traced lets strace note every system call of a command; the command stays the process that signals go to.
func traced(t *testing.T, cmd *exec.Cmd, file string) {
	t.Helper()
	strace := tooltest.Need(t, "strace")
	cmd.Args = append([]string{strace, "-D", "-f", "-qq", "-o", file, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = strace
}

// daemon is one that runs confined.
type daemon struct {
	t   *testing.T
	cmd *exec.Cmd
	log tooltest.Buffer
}

func start(t *testing.T, cmd *exec.Cmd) *daemon {
	t.Helper()
	d := &daemon{t: t, cmd: cmd}
	cmd.Stdout, cmd.Stderr = &d.log, &d.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return d
}

// until waits for a condition, and fails the test with the log if it does not come.
func (d *daemon) until(what string, holds func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: not within a minute\n%s", what, d.log.String())
		}
	}
}

var probes = regexp.MustCompile(`for=probe-listen address=(\S+)`)

// ready waits for /readyz to answer 200.
func (d *daemon) ready() {
	d.t.Helper()
	d.until("/readyz", func() bool {
		m := probes.FindStringSubmatch(d.log.String())
		if m == nil {
			return false
		}
		resp, err := http.Get("http://" + m[1] + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// stop ends the daemon as systemd and Kubernetes do.
func (d *daemon) stop() {
	d.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("the daemon ended with %v\n%s", err, d.log.String())
	}
}

// mustBeConfined reads from the kernel what the process is: nobody, able to nothing, with a root that is read-only.
func (d *daemon) mustBeConfined() {
	d.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", d.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t" + nonroot, "Gid:\t" + nonroot, "Groups:\t \n", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000",
		"CapInh:\t0000000000000000", "CapAmb:\t0000000000000000"} {
		if !strings.Contains(string(status), want) {
			d.t.Errorf("no %q in\n%s", want, status)
		}
	}
	mounts, err := os.ReadFile(proc + "mounts")
	if first, _, _ := strings.Cut(string(mounts), "\n"); err != nil || !strings.HasPrefix(strings.SplitN(first, " ", 4)[3], "ro") {
		d.t.Errorf("the root is no read-only mount: %q, %v", first, err)
	}
}
