package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/tooltest"
)

// goreleaser runs in a directory, where it must succeed.
func goreleaser(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tooltest.Need(t, "goreleaser"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("goreleaser %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// goreleaser knows every word of its configuration, and none of them is on the way out.
func TestReleaseConfiguration(t *testing.T) {
	t.Parallel()
	if out := goreleaser(t, "..", "check"); !strings.Contains(out, "1 configuration file(s) validated") || strings.Contains(out, "DEPRECATED") {
		t.Error(out)
	}
}

// release makes what a release publishes, for this platform alone, in a clone of its own, and returns where it is.
func release(t *testing.T) string {
	t.Helper()
	src := filepath.Join(t.TempDir(), "src")
	if err := clone(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	goreleaser(t, src, "release", "--skip=publish,sign,sbom", "--config", onePlatform(t))
	return filepath.Join(src, "dist")
}

// onePlatform is the configuration for one platform: compiling for others shows nothing that these tests look for.
func onePlatform(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lists := regexp.MustCompile(`(?m)^    (goos: \[linux|goarch: \[amd64), .*\]$`)
	if n := len(lists.FindAll(text, -1)); n != 2 {
		t.Fatalf("%d lists of platforms in\n%s", n, text)
	}
	path := filepath.Join(t.TempDir(), "goreleaser.yaml")
	if err := os.WriteFile(path, lists.ReplaceAll(text, []byte("    $1]")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Two releases of a tag, made in two places, and the program of an image, made in a third, are the same to the last byte.
func TestReleaseIsReproducible(t *testing.T) {
	t.Parallel()
	i := buildImage(t)
	dists := [2]string{release(t), release(t)}
	var sums [2]string
	for n, dist := range dists {
		text, err := os.ReadFile(filepath.Join(dist, "checksums.txt"))
		if err != nil {
			t.Fatal(err)
		}
		sums[n] = string(text)
	}
	if d := cmp.Diff(sums[0], sums[1]); d != "" || strings.Count(sums[0], "\n") != 3 {
		t.Errorf("checksums (-first +second):\n%s\n%s", d, sums[0])
	}
	programs := [2][]byte{}
	for n, path := range []string{filepath.Join(dists[0], "peerd_linux_amd64_v1/peerd"), i.program} {
		var err error
		if programs[n], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Errorf("the release's program has %d bytes, the image's %d, and they differ", len(programs[0]), len(programs[1]))
	}
	for _, said := range []string{dists[0], os.TempDir() + "/", os.Getenv("HOME") + "/"} {
		if bytes.Contains(programs[0], []byte(said)) {
			t.Errorf("the program says where it was built: %s", said)
		}
	}
	t.Run("archive", func(t *testing.T) { checkArchive(t, dists[0]) })
	t.Run("deb", func(t *testing.T) { checkDeb(t, dists[0]) })
	t.Run("rpm", func(t *testing.T) { checkRPM(t, dists[0]) })
}

const installed = `drwx------ root/root ./etc/credstore/
drwxr-xr-x root/root ./etc/
drwxr-xr-x root/root ./etc/peerd/
-rw-r--r-- root/root ./etc/peerd/peerd.env
drwxr-xr-x root/root ./etc/peerd/specs/
drwxr-xr-x root/root ./usr/
drwxr-xr-x root/root ./usr/bin/
-rwxr-xr-x root/root ./usr/bin/peerd
drwxr-xr-x root/root ./usr/lib/
drwxr-xr-x root/root ./usr/lib/systemd/
drwxr-xr-x root/root ./usr/lib/systemd/system/
-rw-r--r-- root/root ./usr/lib/systemd/system/peerd-once.service
-rw-r--r-- root/root ./usr/lib/systemd/system/peerd-once.timer
-rw-r--r-- root/root ./usr/lib/systemd/system/peerd.service
drwxr-xr-x root/root ./usr/share/
drwxr-xr-x root/root ./usr/share/doc/
drwxr-xr-x root/root ./usr/share/doc/peerd/
-rw-r--r-- root/root ./usr/share/doc/peerd/copyright
-rw-r--r-- root/root ./usr/share/doc/peerd/peerings.example.yaml
`

// checkArchive looks for what jobs of GitLab take out of it.
func checkArchive(t *testing.T, dist string) {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join(dist, "peerd_*_linux_amd64.tar.gz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("%v, %v", archives, err)
	}
	out, err := exec.CommandContext(t.Context(), "tar", "-tvzf", archives[0]).CombinedOutput()
	for _, name := range []string{"peerd", "deploy/ci/peerd-ci"} {
		if !regexp.MustCompile(`(?m)^-rwxr-xr-x root/root .* ` + regexp.QuoteMeta(name) + `$`).Match(out) {
			t.Errorf("no program %s, %v:\n%s", name, err, out)
		}
	}
}

// checkDeb looks at the package as dpkg does; what it installs is what systemd takes.
func checkDeb(t *testing.T, dist string) {
	deb := filepath.Join(dist, "peerd_1.2.3_linux_amd64.deb")
	list := output(t, "dpkg-deb", "--contents", deb)
	list = regexp.MustCompile(`(?m)^(\S+) (\S+) +\d+ \S+ \S+ (\S+)$`).ReplaceAllString(list, "$1 $2 $3")
	if d := cmp.Diff(sorted(installed), sorted(list)); d != "" {
		t.Errorf("the package (-want +got):\n%s", d)
	}
	for field, want := range map[string]string{"Package": "peerd", "Version": "1.2.3", "Architecture": "amd64", "Depends": "ca-certificates"} {
		if got := strings.TrimSpace(output(t, "dpkg-deb", "--field", deb, field)); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	r := unitRoot(t)
	for _, unit := range []string{"peerd.service", "peerd-once.service", "peerd-once.timer"} {
		if err := os.Remove(r.path("/usr/lib/systemd/system/" + unit)); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "dpkg-deb", "--extract", deb, r.dir)
	if said := verify(t, r); said != "" {
		t.Error(said)
	}
	control := t.TempDir()
	output(t, "dpkg-deb", "--control", deb, control)
	if text, err := os.ReadFile(filepath.Join(control, "conffiles")); err != nil || strings.TrimSpace(string(text)) != "/etc/peerd/peerd.env" {
		t.Errorf("files of the operator's: %q, %v", text, err)
	}
	for _, script := range []string{"postinst", "prerm"} {
		output(t, "sh", "-n", filepath.Join(control, script))
	}
}

// checkRPM finds the same files in the other package.
func checkRPM(t *testing.T, dist string) {
	list := output(t, "rpm", "--query", "--package", "--list", filepath.Join(dist, "peerd_1.2.3_linux_amd64.rpm"))
	for line := range strings.Lines(installed) {
		name := strings.TrimPrefix(strings.Fields(line)[2], ".")
		if !strings.HasSuffix(name, "/") && !strings.Contains(list, name+"\n") {
			t.Errorf("no %s in\n%s", name, list)
		}
	}
}

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tooltest.Need(t, program), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func sorted(text string) []string { return slices.Sorted(strings.Lines(text)) }
