package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/tooltest"
)

// boot starts systemd as the first process of a machine that shares nothing with this one but the kernel: its root is this one's, with what is
// staged laid over it, and all that it writes is gone with it. It knows no units but those that are staged, and can set nothing of the kernel's.
const boot = `
stage=$0 work=$1
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
root=$work/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
cp -a "$stage/." "$root/"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
for d in run tmp sys/fs/cgroup; do mount -t tmpfs -o mode=755 tmpfs "$root/$d"; done
if [ -d /sys/fs/cgroup/systemd ]; then
  mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
else
  umount "$root/sys/fs/cgroup"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi
cd "$root"
mkdir old
pivot_root . old
umount -l old
mount --make-rshared /
exec env -i container=unshare SYSTEMD_UNIT_PATH=/units PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
`

// machine is one that systemd runs.
type machine struct {
	*daemon
	pid string // of its first process
}

// stage is the units that the machine knows, peerd with its files, and two credentials of six.
func stage(t *testing.T) root {
	t.Helper()
	i, r := buildImage(t), newRoot(t)
	targets, err := filepath.Glob("/usr/lib/systemd/system/*.target")
	if err != nil || len(targets) < 10 {
		tooltest.Missing(t, "systemd is not installed")
	}
	for _, u := range append(targets, "systemd/peerd.service", "systemd/peerd-once.service", "systemd/peerd-once.timer") {
		r.copy("/units/"+filepath.Base(u), u, 0o644)
	}
	for _, service := range services {
		r.write("/units/"+service+".d/test.conf", 0o644, []byte("[Service]\nStandardOutput=append:/log\nStandardError=append:/log\n"))
	}
	r.write("/units/peerd.service.d/fast.conf", 0o644, []byte("[Service]\nWatchdogSec=10s\nRestartSec=100ms\n"))
	r.copy("/usr/bin/peerd", i.program, 0o755)
	r.copy("/etc/peerd/specs/peerings.yaml", "../peerings.example.yaml", 0o644)
	r.write("/etc/peerd/peerd.env", 0o644, []byte(readUnit(t, "peerd.env")+"PEERD_SANDBOX=true\n"+
		"PEERD_WEBHOOK_SECRET_FILE=/run/credentials/peerd.service/webhook-secret\nPEERD_WEB_CONFIG_FILE=/run/credentials/peerd.service/web-config\n"))
	r.write("/etc/credstore/peerd.webhook-secret", 0o600, []byte("It's a Secret to Everybody\n"))
	r.write("/etc/credstore/peerd.web-config", 0o600, []byte("basic_auth_users: {}\n"))
	return r
}

// bootMachine starts the machine; where the kernel does not let a test do that, it is skipped.
func bootMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		tooltest.Missing(t, "only root can boot a machine")
	}
	for _, program := range []string{"unshare", "nsenter", "systemctl"} {
		tooltest.Need(t, program)
	}
	r := stage(t)
	cgroup := fmt.Sprintf("peerd-test-%d", os.Getpid())
	script := `for h in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  if [ -e $h/cgroup.procs ]; then mkdir $h/` + cgroup + `; echo $$ > $h/` + cgroup + `/cgroup.procs; fi
done
exec unshare --cgroup --mount --pid --fork --kill-child --uts --ipc --net sh -ec "$0" "$@"`
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script, boot, r.dir, t.TempDir())
	cmd.WaitDelay = 5 * time.Second
	m := &machine{daemon: start(t, cmd)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // and systemd with it, and so all that runs there
		_ = cmd.Wait()
		removeCgroups(t, cgroup)
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		if m.pid = strings.TrimSpace(string(children)); m.pid == "" {
			continue
		}
		if out, _ := m.run("systemctl", "is-active", "multi-user.target"); strings.HasPrefix(out, "active") {
			return m
		}
	}
	t.Skipf("systemd cannot be booted here:\n%s", m.log.String())
	return nil
}

// removeCgroups takes away what systemd made, once the last process there has ended.
func removeCgroups(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left, _ := filepath.Glob("/sys/fs/cgroup/*/" + name)
		if own := "/sys/fs/cgroup/" + name; exists(own) {
			left = append(left, own)
		}
		if len(left) == 0 {
			return
		}
		out, err := exec.Command("find", append(left, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";")...).CombinedOutput()
		if time.Now().After(deadline) {
			t.Errorf("%v are left: %v\n%s", left, err, out)
			return
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// run runs a program on the machine.
func (m *machine) run(program ...string) (string, error) {
	cmd := exec.Command("nsenter", append([]string{"--target", m.pid, "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--root", "--wd"}, program...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// must runs one that has to succeed.
func (m *machine) must(program ...string) string {
	m.t.Helper()
	out, err := m.run(program...)
	if err != nil {
		m.fatal("%s: %v\n%s", strings.Join(program, " "), err, out)
	}
	return out
}

func (m *machine) fatal(format string, args ...any) {
	m.t.Helper()
	log, _ := m.run("tail", "-c", "4000", "/log")
	m.t.Fatalf(format+"\npeerd:\n%s\nsystemd:\n%s", append(args, log, m.log.String())...)
}

// property is what systemd knows of a service.
func (m *machine) property(service, name string) string {
	m.t.Helper()
	return strings.TrimSpace(m.must("systemctl", "show", "--value", "--property", name, service))
}

// shows waits for a property to look like that.
func (m *machine) shows(service, name, like string) {
	m.t.Helper()
	for deadline := time.Now().Add(time.Minute); !regexp.MustCompile(like).MatchString(m.property(service, name)); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.fatal("%s of %s is %q, want %s", name, service, m.property(service, name), like)
		}
	}
}

// systemd itself runs the units: with all that they take from peerd, with the credentials that there are; it restarts a peerd that hangs, and
// one whose flags are wrong it does not.
func TestSystemdRunsPeerd(t *testing.T) {
	t.Parallel()
	m := bootMachine(t)
	m.must("systemctl", "start", "peerd")
	m.shows("peerd", "StatusText", `^in sync at \d\d:\d\d:\d\d UTC, commit [0-9a-f]{12}$`)
	pid := m.property("peerd", "MainPID")
	status := m.must("cat", "/proc/"+pid+"/status")
	for _, want := range []string{"CapBnd:\t0000000000000000", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	if strings.Contains(status, "Uid:\t0") || !strings.Contains(m.must("ls", "-l", "/run/credentials/peerd.service"), "-r-------- 1 peerd root") {
		t.Errorf("who it is, and who may read its secrets:\n%s%s", status, m.must("ls", "-l", "/run/credentials/peerd.service"))
	}
	m.must("systemctl", "reload", "peerd")

	m.must("kill", "-STOP", pid)
	m.shows("peerd", "NRestarts", "^1$")
	m.shows("peerd", "ActiveState", "^active$")
	if log := m.must("cat", "/log"); !strings.Contains(log, "SIGABRT: abort") || !strings.Contains(log, "pkg/reconcile/loop.go") {
		t.Errorf("it does not show where it hung:\n%.4000s", log)
	}
	m.must("systemctl", "stop", "peerd")
	m.shows("peerd", "Result", "^success$")

	m.must("sh", "-c", "sed -i /WEB/d /etc/peerd/peerd.env && systemctl start peerd-once")
	m.shows("peerd-once", "ExecMainStatus", "^0$")
	m.must("systemctl", "start", "peerd-once.timer")
	m.must("sh", "-c", "echo PEERD_INTERVAL=never >> /etc/peerd/peerd.env; ! systemctl start peerd")
	m.shows("peerd", "ExecMainStatus", "^3$")
	time.Sleep(time.Second) // ten times RestartSec
	m.shows("peerd", "ActiveState", "^failed$")
	m.shows("peerd", "NRestarts", "^0$")
}
