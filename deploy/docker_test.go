package deploy

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/tooltest"
)

// instruction is one of a Dockerfile.
type instruction struct{ name, rest string }

// dockerfile reads the instructions of our Dockerfile, which has no heredocs and no other escape than the backslash.
func dockerfile() (out []instruction, err error) {
	text, err := os.ReadFile("docker/Dockerfile")
	lines := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(text), "")
	for line := range strings.Lines(strings.ReplaceAll(lines, "\\\n", " ")) {
		if name, rest, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" {
			out = append(out, instruction{name, strings.TrimSpace(rest)})
		}
	}
	return out, err
}

func steps(t *testing.T) []instruction {
	t.Helper()
	out, err := dockerfile()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// restOf returns what follows each instruction of a name.
func restOf(instructions []instruction, name string) (out []string) {
	for _, i := range instructions {
		if i.name == name {
			out = append(out, i.rest)
		}
	}
	return out
}

// tag is the version of the clones that releases and images are made from here.
const tag = "v1.2.3"

// clone is what is committed, in a directory of its own, as a release finds it.
func clone(ctx context.Context, dir string) error {
	for _, args := range [][]string{
		{"clone", "--quiet", "..", dir},
		{"-C", dir, "-c", "user.name=test", "-c", "user.email=test@example.com", "tag", "--force", "-a", "-m", "test", tag},
	} {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=*"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// image is the program of the image, built once by the Dockerfile's own steps, and where the image has it.
type image struct{ program, at string }

func buildImage(t *testing.T) image {
	t.Helper()
	skipProcesses(t)
	tooltest.Need(t, "git")
	i, err := buildStage()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

var copied = regexp.MustCompile(`^--from=build (\S+) (\S+)$`)

// buildStage does what the Dockerfile's first stage does. With PEERD_FRESH_CACHE nothing is taken from the build cache, so that what another build
// has left there says nothing about this one; that takes minutes.
var buildStage = sync.OnceValues(func() (image, error) {
	steps, err := dockerfile()
	if err != nil {
		return image{}, err
	}
	dir := filepath.Join(workdir, "image")
	src := filepath.Join(dir, "src")
	if err := clone(context.Background(), src); err != nil {
		return image{}, err
	}
	runs, copies := restOf(steps, "RUN"), restOf(steps, "COPY")
	m := copied.FindStringSubmatch(copies[len(copies)-1])
	if len(runs) != 2 || m == nil || !strings.Contains(runs[1], " -o "+m[1]+" ") {
		return image{}, fmt.Errorf("the steps of the Dockerfile are not understood: %q, %q", runs, copies)
	}
	made := filepath.Join(dir, filepath.Base(m[1]))
	for _, run := range runs {
		cmd := exec.Command("sh", "-ec", strings.Replace(run, m[1], made, 1))
		cmd.Dir, cmd.Env = src, append(os.Environ(), "TARGETOS=linux", "TARGETARCH=amd64")
		if os.Getenv("PEERD_FRESH_CACHE") != "" {
			cmd.Env = append(cmd.Env, "GOCACHE="+filepath.Join(dir, "cache"))
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return image{}, fmt.Errorf("RUN %s: %w\n%s", run, err, out)
		}
	}
	return image{made, m[2]}, nil
})

// imageRoot is the root filesystem of the image: of its base what the base's own description names, and the program.
func imageRoot(t *testing.T) (root, image) {
	t.Helper()
	i, r := buildImage(t), newRoot(t)
	r.write("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"+
		"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"))
	r.write("/etc/group", 0o644, []byte("root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"))
	r.copy("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-certificates.crt", 0o644)
	r.mkdir("/tmp")
	r.copy(i.at, i.program, 0o755)
	r.copy("/specs/peerings.yaml", "../peerings.example.yaml", 0o644) // what Kubernetes would mount
	return r, i
}

// The image's root filesystem has all that peerd needs, with nothing that can be written to, no user, no capability.
func TestImageRuns(t *testing.T) {
	t.Parallel()
	r, i := imageRoot(t)
	if d := cmp.Diff([]string{fmt.Sprintf("[%q]", i.at)}, restOf(steps(t), "ENTRYPOINT")); d != "" {
		t.Fatalf("ENTRYPOINT (-want +got):\n%s", d)
	}
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"version"}, "^peerd " + tag + " [0-9a-f]{40} go1"},
		{[]string{"--once", "--sandbox", "--spec", "/specs"}, `(?m)^in sync: 3 peerings$`},
	} {
		out, err := r.confined(t.Context(), "", nil, append([]string{i.at}, tc.args...)...).Output()
		if err != nil || !regexp.MustCompile(tc.says).Match(out) {
			t.Errorf("%v: %v, want %q in\n%s", tc.args, err, tc.says, out)
		}
	}
	d := start(t, r.confined(t.Context(), "", nil, i.at, "--sandbox", "--spec", "/specs", "--listen", "127.0.0.1:0", "--probe-listen", "127.0.0.1:0"))
	d.ready()
	d.mustBeConfined()
	d.stop()
}

// The image is the same whether Docker or ko makes it, and the toolchain is the one that go.mod asks for.
func TestKoMakesTheSameImage(t *testing.T) {
	t.Parallel()
	var ko struct {
		DefaultBaseImage string   `yaml:"defaultBaseImage"`
		DefaultPlatforms []string `yaml:"defaultPlatforms"`
		Builds           []struct {
			ID, Main            string
			Env, Flags, Ldflags []string
		}
	}
	decode(t, "../.ko.yaml", &ko)
	from, run := restOf(steps(t), "FROM"), restOf(steps(t), "RUN")[1]
	b := ko.Builds[0]
	want := fmt.Sprintf(`%s GOOS=$TARGETOS GOARCH=$TARGETARCH go build %s -ldflags="%s" -o %%s %s`,
		strings.Join(b.Env, " "), strings.Join(b.Flags, " "), strings.Join(b.Ldflags, " "), b.Main)
	if got := regexp.MustCompile(`-o \S+`).ReplaceAllString(run, "-o %s"); got != want {
		t.Errorf("ko builds by\n%s\nDocker by\n%s", want, got)
	}
	if from[1] != ko.DefaultBaseImage || !slices.Equal(ko.DefaultPlatforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("ko makes %s for %v, Docker %s", ko.DefaultBaseImage, ko.DefaultPlatforms, from[1])
	}
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	minor := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(text)[1]
	if !strings.Contains(from[0], " golang:"+string(minor)+"-") {
		t.Errorf("FROM %s, and go.mod asks for Go %s", from[0], minor)
	}
}

// A linter of Dockerfiles has nothing to say.
func TestDockerfileIsWellMade(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "dockerfile-utils"), "lint", "docker/Dockerfile").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// Both platforms of the image exist for all that peerd is made of.
func TestImagePlatforms(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Error}}{{.}}{{end}}", "../cmd/peerd")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "" {
			t.Errorf("%s: %v\n%s", arch, err, out)
		}
	}
}
