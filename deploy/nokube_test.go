package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program without Kubernetes' client is the smaller one, elects nobody, and says so. The limit also notices when all of EC2's operations are
// linked again, as they are once something puts the SDK's client into an interface: that is 29 MB more.
func TestWithoutKubernetes(t *testing.T) {
	t.Parallel()
	skipProcesses(t)
	const limit = 40_000_000
	program := filepath.Join(t.TempDir(), "peerd")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "nokube", "-ldflags=-s -w", "-o", program, "../cmd/peerd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if info, err := os.Stat(program); err != nil || info.Size() > limit {
		t.Errorf("%d bytes, want at most %d: %v", info.Size(), limit, err)
	}
	if out, err := exec.CommandContext(t.Context(), program, "version").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "peerd ") {
		t.Errorf("version: %v\n%s", err, out)
	}
	const says = "--leader-elect: this peerd was built without Kubernetes' client (-tags nokube)"
	out, err := exec.CommandContext(t.Context(), program, "--leader-elect", "--spec", "../peerings.example.yaml").CombinedOutput()
	if err == nil || !strings.Contains(string(out), says) {
		t.Errorf("%v, want %q in\n%s", err, says, out)
	}
}
