package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/peerd/peerd/pkg/tooltest"
)

// peerd starts with the arguments that the chart renders, on files that lie as Kubernetes mounts them; it answers the probes, and ends in order
// within the time that the pod gives it. Repositories and AWS cannot be reached.
func TestChartStartsPeerd(t *testing.T) {
	t.Parallel()
	forEachValues(t, func(t *testing.T, objects []runtime.Object) {
		template := podOf(t, objects)
		c := template.Spec.Containers[0]
		sandboxed := slices.Contains(c.Args, "--spec=/etc/peerd/spec")
		p := startPod(t, objects, inCluster(t, &kubernetesAPI{}))
		if c.LivenessProbe == nil {
			want := map[bool]int{true: 0, false: 1}[sandboxed] // 1: the repository cannot be reached; 3 would be flags that are refused
			if code := p.wait(t, time.Minute); code != want {
				t.Errorf("exit %d, want %d\n%s", code, want, p.out.String())
			}
			return
		}
		probes := "http://" + p.address(t, "probe-listen")
		wantAnswer(t, probes+c.LivenessProbe.HTTPGet.Path)
		if sandboxed {
			wantAnswer(t, probes+c.ReadinessProbe.HTTPGet.Path)
		}
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := p.wait(t, time.Duration(*template.Spec.TerminationGracePeriodSeconds)*time.Second); code != 0 {
			t.Errorf("exit %d\n%s", code, p.out.String())
		}
	})
}

// The Role lets an election do all that it asks for, and each verb is asked for.
func TestChartRole(t *testing.T) {
	t.Parallel()
	objects := render(t, chart+"/ci/two-replicas-values.yaml")
	k := &kubernetesAPI{}
	p := startPod(t, objects, inCluster(t, k))
	eventually(t, "the lease is renewed", func() bool { return k.asked("update") })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t, 30*time.Second); code != 0 {
		t.Errorf("exit %d\n%s", code, p.out.String())
	}
	role, binding := only[*rbac.Role](t, objects), only[*rbac.RoleBinding](t, objects)
	if binding.RoleRef.Name != role.Name || binding.Subjects[0].Name != podOf(t, objects).Spec.ServiceAccountName || binding.Subjects[0].Namespace != "net" {
		t.Errorf("the role is bound to somebody else: %+v", binding)
	}
	needed, granted := map[access]bool{}, map[access]bool{}
	for _, a := range k.all() {
		needed[a] = true
	}
	for _, rule := range role.Rules {
		if len(rule.APIGroups) != 1 || len(rule.Resources) != 1 || len(rule.ResourceNames) > 1 {
			t.Errorf("the rule grants more than one thing: %+v", rule)
		}
		for _, verb := range rule.Verbs {
			granted[access{rule.APIGroups[0], rule.Resources[0], strings.Join(rule.ResourceNames, ""), verb}] = true
		}
	}
	if diff := cmp.Diff(needed, granted); diff != "" {
		t.Errorf("- what the election asks for, + what the role grants:\n%s", diff)
	}
}

// access is one thing that may be done, as RBAC sees it: of a request that creates something it does not see the name.
type access struct{ Group, Resource, Name, Verb string }

// kubernetesAPI holds one Lease, and remembers what it was asked for.
type kubernetesAPI struct {
	mu       sync.Mutex // guards what follows
	requests []access
	lease    []byte
}

var leasePath = regexp.MustCompile(`^/apis/([^/]+)/v1/namespaces/net/([^/]+)(?:/([^/]+))?$`)

func (k *kubernetesAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete"}[r.Method]
	m := leasePath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		k.requests = append(k.requests, access{Resource: r.URL.Path, Verb: verb})
		http.Error(w, "another path", http.StatusNotFound)
		return
	}
	k.requests = append(k.requests, access{m[1], m[2], m[3], verb})
	w.Header().Set("Content-Type", "application/json")
	switch {
	case verb == "get" && k.lease == nil:
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": http.StatusNotFound})
		return
	case verb != "get":
		k.lease, _ = io.ReadAll(r.Body) // what is cut short is found by who reads it back
	}
	_, _ = w.Write(k.lease)
}

func (k *kubernetesAPI) all() []access {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.requests)
}

func (k *kubernetesAPI) asked(verb string) bool {
	return slices.ContainsFunc(k.all(), func(a access) bool { return a.Verb == verb })
}

// inCluster serves an API server, and returns what tells peerd where it is.
func inCluster(t *testing.T, k *kubernetesAPI) []string {
	t.Helper()
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	writeFile(t, path, fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: %q}}]\ncontexts: [{name: a, context: {cluster: a}}]\n"+
		"current-context: a\n", server.URL))
	return []string{"POD_NAMESPACE=net", "KUBECONFIG=" + path}
}

// podProcess is peerd as a process, in place of a pod.
type podProcess struct {
	cmd  *exec.Cmd
	done chan struct{}
	out  tooltest.Buffer
}

// startPod starts peerd with a pod's arguments, mounts and environment, at any free ports. On a spec that is at hand it uses a simulated AWS.
func startPod(t *testing.T, objects []runtime.Object, env []string) *podProcess {
	t.Helper()
	c := podOf(t, objects).Spec.Containers[0]
	root := mountAll(t, objects)
	var args []string
	for _, arg := range c.Args {
		arg = regexp.MustCompile(`^(--(?:probe-|webhook-)?listen)=:\d+$`).ReplaceAllString(arg, "$1=127.0.0.1:0")
		args = append(args, strings.Replace(arg, "=/", "="+root+"/", 1))
	}
	if slices.Contains(c.Args, "--spec=/etc/peerd/spec") {
		args = append(args, "--sandbox")
	}
	ctx, cancel := context.WithCancel(context.Background()) // the cleanup waits for the process, which t.Context would not let it do
	p := &podProcess{cmd: exec.CommandContext(ctx, peerd(t), args...), done: make(chan struct{})}
	p.cmd.Env = append(env, "HOME="+root, "AWS_EC2_METADATA_DISABLED=true", "HTTPS_PROXY=http://127.0.0.1:1")
	for _, e := range c.Env {
		if e.Name != "HTTPS_PROXY" {
			p.cmd.Env = append(p.cmd.Env, e.Name+"="+e.Value)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }() // its exit code is looked at by wait
	t.Cleanup(func() { cancel(); <-p.done })
	return p
}

func (p *podProcess) wait(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		t.Fatalf("it did not end within %v\n%s", within, p.out.String())
		return 0
	}
}

// address is where a listener is, as peerd logs it.
func (p *podProcess) address(t *testing.T, listener string) string {
	t.Helper()
	logged := regexp.MustCompile(`"for":"` + listener + `","address":"([^"]+)"|for=` + listener + ` address=(\S+)`)
	var m []string
	eventually(t, listener+" is opened", func() bool { m = logged.FindStringSubmatch(p.out.String()); return m != nil || p.ended() })
	if m == nil {
		t.Fatalf("no %s\n%s", listener, p.out.String())
	}
	return m[1] + m[2]
}

func (p *podProcess) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func wantAnswer(t *testing.T, url string) {
	t.Helper()
	eventually(t, url+" answers 200", func() bool {
		r, err := http.Get(url)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// mountAll lays out a pod's volumes below a directory as the kubelet does, and returns it.
func mountAll(t *testing.T, objects []runtime.Object) string {
	t.Helper()
	root := t.TempDir()
	pod := podOf(t, objects).Spec
	for _, m := range pod.Containers[0].VolumeMounts {
		i := slices.IndexFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			t.Fatalf("mount %s has no volume", m.Name)
		}
		mount(t, filepath.Join(root, m.MountPath), contents(t, pod.Volumes[i], objects))
	}
	return root
}

// mount writes files as the kubelet does: a directory for their state at a time, a link to it that is replaced as a whole, and links to the
// files through that.
func mount(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	const state = "..2026_11_25_10_00_00.123456789"
	if err := os.MkdirAll(filepath.Join(dir, state), 0o755); err != nil {
		t.Fatal(err)
	}
	err := os.Symlink(state, filepath.Join(dir, "..data"))
	for name, text := range files {
		writeFile(t, filepath.Join(dir, state, name), text)
		err = errors.Join(err, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contents are the files of a volume: of the release's own ConfigMap as it is, of others what could be in them.
func contents(t *testing.T, v core.Volume, objects []runtime.Object) map[string]string {
	t.Helper()
	files := map[string]string{}
	var items []core.KeyToPath
	switch {
	case v.Name == "spec":
		for _, c := range all[*core.ConfigMap](objects) {
			if c.Name == v.ConfigMap.Name {
				return c.Data
			}
		}
		example, err := os.ReadFile("../peerings.example.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"peerings.yaml": string(example)}
	case v.Name == "web":
		files["web.yml"] = "http_server_config: {http2: true}\n"
	case v.Secret != nil:
		items = v.Secret.Items
	case v.ConfigMap != nil:
		items = v.ConfigMap.Items
	}
	for _, i := range items {
		files[i.Path] = "something-" + i.Key + "\n"
	}
	return files
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
