package deploy

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/peerd/peerd/pkg/tooltest"
)

// ciJob is a job of a forge, in a clone with a spec.
type ciJob struct {
	t     *testing.T
	dir   string
	env   []string
	shell []string // what runs the script, if not the system's shell
}

// newJob is one of GitHub's, on a pull request, or of GitLab's, on a merge request.
func newJob(t *testing.T, kind string, f *forge) *ciJob {
	t.Helper()
	tooltest.Need(t, "curl")
	tooltest.Need(t, "jq")
	bin := t.TempDir()
	guarded := filepath.Join(bin, "peerd") // peerd, if it is not handed the token
	writeFile(t, guarded, "#!/bin/sh\n[ -z \"${COMMENT_TOKEN+x}\" ] || exit 99\nexec '"+peerd(t)+"' \"$@\"\n")
	mustPass(t, ".", "chmod", "0755", guarded)
	j := &ciJob{t: t, dir: t.TempDir(), env: []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "COMMENT_TOKEN=" + forgeToken}}
	if kind == "github" {
		event := filepath.Join(j.dir, "event.json")
		writeFile(t, event, `{"pull_request": {"number": `+forgeNumber+`, "head": {"sha": "0123abcd"}}}`)
		j.set("GITHUB_ACTIONS=true", "GITHUB_EVENT_PATH="+event, "GITHUB_API_URL="+f.URL, "GITHUB_REPOSITORY=acme/net", "GITHUB_OUTPUT="+filepath.Join(j.dir, "output"))
	} else {
		j.inBusybox(bin)
		j.set("GITLAB_CI=true", "CI_API_V4_URL="+f.URL, "CI_PROJECT_ID=5", "CI_MERGE_REQUEST_IID="+forgeNumber, "CI_COMMIT_SHA=0123abcd")
	}
	return j
}

// inBusybox gives the script the shell and the tools that GitLab's image has, instead of this machine's.
func (j *ciJob) inBusybox(dir string) {
	j.t.Helper()
	busybox := tooltest.Need(j.t, "busybox")
	for _, name := range []string{"awk", "cat", "mkdir", "mktemp", "rm", "sha256sum", "tar", "tr", "uname"} {
		if err := os.Symlink(busybox, filepath.Join(dir, name)); err != nil {
			j.t.Fatal(err)
		}
	}
	j.shell = []string{busybox, "sh"}
}

func (j *ciJob) set(variables ...string) { j.env = append(j.env, variables...) }

func (j *ciJob) spec(text string) { writeFile(j.t, filepath.Join(j.dir, "specs", "net.yaml"), text) }

// run runs the script, which must end with that exit code, and returns what the job's log shows.
func (j *ciJob) run(want int, args ...string) string {
	j.t.Helper()
	script, err := filepath.Abs("ci/peerd-ci")
	if err != nil {
		j.t.Fatal(err)
	}
	line := append(append(slices.Clone(j.shell), script), args...)
	cmd := exec.CommandContext(j.t.Context(), line[0], line[1:]...)
	cmd.Dir, cmd.Env = j.dir, j.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		j.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		j.t.Errorf("%v: exit %d, want %d\n%s", args, got, want, out)
	}
	if strings.Contains(string(out), forgeToken) {
		j.t.Errorf("the token is in the log:\n%s", out)
	}
	return string(out)
}

func mustHold(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%.3000s", want, text)
		}
	}
}

var shield = regexp.MustCompile(`(?s)::stop-commands::(\S{10,})\n.*28 to add.*\n::(\S+)::\n`)

// A plan with changes, an invalid spec and a plan again are one comment, which is changed in place, whatever others say before and after it;
// somebody else's with the same first line is left alone.
func TestCIPlan(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"github", "gitlab"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			j := newJob(t, kind, f)
			j.set("PEERD_SANDBOX=true")
			f.say(1, "mallory", "<!-- peerd plan of specs -->\nmine")
			f.say(120, "alice", "looks good")
			example := read(t, "../peerings.example.yaml")

			j.spec(example)
			log := j.run(0, "plan", "specs")
			mustHold(t, log, "valid: 3 peerings", "28 to add")
			if shielded := shield.FindStringSubmatch(log); (kind == "github") != (shielded != nil && shielded[1] == shielded[2]) {
				t.Errorf("what stands in the log might be taken for a command:\n%s", log)
			}
			mustHold(t, f.ours(), "<!-- peerd plan of specs -->\n### peerd plan: 28 to add, 0 to change, 0 to delete", "\nOf 0123abcd, exit 2.\n")

			f.say(120, "alice", "and so on")
			j.spec(strings.Replace(example, "requester: {vpc: hub}", "requester: {vpc: hbu}", 1))
			log = j.run(3, "plan", "specs")
			mustHold(t, f.ours(), "### peerd: the spec is not valid\n\n    specs/net.yaml:", "did you mean hub?", "exit 3.")
			if strings.Contains(log, "::error file=specs/net.yaml,line=") != (kind == "github") {
				t.Errorf("annotations: %s", log)
			}

			j.spec(example)
			j.run(0, "plan", "specs")
			mustHold(t, f.ours(), "28 to add")
			if c := f.all()[0]; c.body != "<!-- peerd plan of specs -->\nmine" {
				t.Errorf("somebody else's comment was changed: %s", c.body)
			}
			if kind == "github" {
				mustHold(t, read(t, filepath.Join(j.dir, "output")), "add=28\n", "exit=2\n", "exit=3\n")
			}
		})
	}
}

// However long a plan or a list of problems is, the forge takes the comment.
func TestCICommentIsBounded(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	j := newJob(t, "github", f)
	j.set("PEERD_SANDBOX=true")
	var b strings.Builder
	b.WriteString("apiVersion: peerd/v1\nowner: acme\naccounts: {net: {id: \"111111111111\", role: peerd}}\nvpcs:\n")
	for i := range 120 {
		fmt.Fprintf(&b, "  v%d: {account: net, region: eu-west-1, id: vpc-%017x, cidrs: [10.%d.0.0/16]}\n", i, i+1, i)
	}
	vpcs := b.String()
	b.WriteString("meshes: [{name: core, vpcs: [v0")
	for i := 1; i < 50; i++ {
		fmt.Fprintf(&b, ", v%d", i)
	}
	b.WriteString("]}]\n")
	j.spec(b.String())
	j.run(0, "plan", "specs")
	mustHold(t, f.ours(), "peerings more: run `peerd plan` to see all.")
	if n := len(f.ours()); n < 45000 {
		t.Errorf("only %d bytes: nothing was left out", n)
	}

	b.Reset()
	b.WriteString(vpcs + "peerings:\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "  - {name: p%d, requester: {vpc: ünknown%d}, accepter: {vpc: v1}}\n", i, i)
	}
	j.spec(b.String())
	j.run(3, "plan", "specs")
	mustHold(t, f.ours(), "the spec is not valid", "\n    …\n")
}

// Without a token there is no comment; a refused one fails the job, with what the forge says.
func TestCICommentRefused(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.refuse = true
	j := newJob(t, "github", f)
	j.set("PEERD_SANDBOX=true")
	j.spec(read(t, "../peerings.example.yaml"))
	mustHold(t, j.run(1, "plan", "specs"), "Resource not accessible by integration", "did not succeed")
	j.set("COMMENT_TOKEN=")
	mustHold(t, j.run(0, "plan", "specs"), "no comment", "28 to add")
}

// A comment whose answer is lost is not made a second time: the job fails, and its next run finds it.
func TestCICommentLost(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.lose = true
	j := newJob(t, "github", f)
	j.set("PEERD_SANDBOX=true")
	j.spec(read(t, "../peerings.example.yaml"))
	j.run(1, "plan", "specs")
	mustHold(t, f.ours(), "28 to add")
	f.lose = false
	j.run(0, "plan", "specs")
	mustHold(t, f.ours(), "28 to add")
}

// simulated starts the simulator as a server, of the lived-in world, and returns its address.
func simulated(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peerd(t), "sim", "--listen", "127.0.0.1:0", "--world", "../pkg/simtest/world.yaml")
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(line), "simulated AWS on ")
	if err != nil || !found {
		t.Fatalf("%q, %v", line, err)
	}
	return address
}

// federated is the simulator where the OIDC identity "job-identity" may assume one role, which has the account 111111111111; the simulator
// itself has no AssumeRoleWithWebIdentity. It is also where GitHub's jobs get their identity.
func federated(t *testing.T) (address string, assumed func() []string) {
	t.Helper()
	var mu sync.Mutex // guards roles
	var roles []string
	to, err := url.Parse(simulated(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/identity":
			if r.Header.Get("Authorization") != "Bearer request" || r.URL.Query().Get("audience") != "sts.amazonaws.com" {
				w.WriteHeader(http.StatusForbidden)
			}
			fmt.Fprint(w, `{"value": "job-identity"}`)
		case r.Header.Get("Authorization") == "" && (r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("WebIdentityToken") != "job-identity"):
			w.WriteHeader(http.StatusForbidden)
		case r.Header.Get("Authorization") == "":
			mu.Lock()
			roles = append(roles, r.FormValue("RoleArn")+" "+r.FormValue("RoleSessionName"))
			mu.Unlock()
			fmt.Fprint(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
				`<AccessKeyId>111111111111</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken></SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`+
				`</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(roles)
	}
}

// A spec is applied, is in sync, drifts, and cannot be had: with the job's OIDC identity alone.
func TestCIApplyAndDrift(t *testing.T) {
	t.Parallel()
	for kind, identity := range map[string][]string{
		"github": {"ACTIONS_ID_TOKEN_REQUEST_URL=%s/identity?api-version=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=request", "GITHUB_RUN_ID=77"},
		"gitlab": {"AWS_ID_TOKEN=job-identity", "CI_JOB_ID=77"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			j := newJob(t, kind, f)
			aws, assumed := federated(t)
			j.set("AWS_ENDPOINT_URL="+aws, "AWS_ENDPOINT_URL_STS="+aws, "AWS_REGION=eu-west-1", "AWS_ROLE_ARN=arn:aws:iam::111111111111:role/ci")
			for _, v := range identity {
				j.set(strings.Replace(v, "%s", aws, 1))
			}
			text := read(t, "../cmd/peerd/testdata/scenarios/cross-account/spec.yaml")
			j.spec(text)
			mustHold(t, j.run(2, "drift", "specs"), "AWS is not as specs says")
			mustHold(t, j.run(0, "plan", "specs"), "to add")
			mustHold(t, j.run(0, "apply", "specs"), "in sync: 1 peering")
			j.run(0, "drift", "specs")
			mustHold(t, j.run(0, "plan", "specs"), "0 to add, 0 to change, 0 to delete")
			mustHold(t, f.ours(), "0 to add", "exit 0.")

			j.spec(strings.NewReplacer("to: [10.20.0.0/16]", "to: [10.20.0.0/17]", "    tags: {team: net}\n", "    suspend: {reason: INC-42}\n").Replace(text))
			mustHold(t, j.run(0, "apply", "specs"), "on purpose")
			j.spec(strings.Replace(text, "peerings:\n", "peerings:\n  - {name: clash, requester: {vpc: hub}, accepter: {vpc: clash}}\n", 1))
			j.run(4, "plan", "specs")
			j.run(4, "apply", "specs")
			j.run(4, "drift", "specs")
			j.spec("apiVersion: peerd/v2\n")
			j.run(3, "apply", "specs")
			j.run(3, "validate", "specs")

			roles := slices.Compact(assumed())
			if want := []string{"arn:aws:iam::111111111111:role/ci peerd-ci-77"}; !slices.Equal(roles, want) {
				t.Errorf("assumed %q, want %q", roles, want)
			}
			j.spec(text)
			j.set("ACTIONS_ID_TOKEN_REQUEST_URL=", "AWS_ID_TOKEN=")
			mustHold(t, j.run(1, "drift", "specs"), "no OIDC identity")
			j.set("AWS_WEB_IDENTITY_TOKEN_FILE=/nonexistent")
			j.run(1, "plan", "specs")
			mustHold(t, f.ours(), "unable to read file at /nonexistent", "exit 1.")
			j.set("PEERD_OWNER=another")
			j.run(3, "plan", "specs")
			mustHold(t, f.ours(), "### peerd: there is no plan", "another", "exit 3.")
		})
	}
}

// A release is installed if its archive has the digest that was given, or that its own list has, and not otherwise.
func TestCIInstall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := filepath.Join(dir, "v1.2.3", "peerd_1.2.3_linux_amd64.tar.gz")
	writeFile(t, filepath.Join(dir, "peerd"), "#!/bin/sh\necho 1.2.3\n")
	writeFile(t, archive, "")
	j := newJob(t, "gitlab", newForge(t))
	must := func(program string, args ...string) string {
		out, err := exec.CommandContext(t.Context(), program, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	must("chmod", "0755", filepath.Join(dir, "peerd"))
	must("tar", "-czf", archive, "-C", dir, "peerd")
	digest, _, _ := strings.Cut(must("sha256sum", archive), " ")
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	j.set("RELEASES_URL=" + s.URL)
	bin := filepath.Join(j.dir, "bin")
	install := func(want int, digest string) {
		t.Helper()
		j.run(want, "install", "1.2.3", digest, bin)
		if _, err := os.Stat(filepath.Join(bin, "peerd")); (err == nil) != (want == 0) {
			t.Errorf("after exit %d: %v", want, err)
		}
		if err := os.RemoveAll(bin); err != nil {
			t.Fatal(err)
		}
	}
	install(0, digest)
	install(1, strings.Repeat("0", 64))
	install(22, "") // no list, as curl says
	writeFile(t, filepath.Join(dir, "v1.2.3", "checksums.txt"), digest+"  peerd_1.2.3_linux_amd64.tar.gz\n")
	install(0, "")
	writeFile(t, filepath.Join(dir, "v1.2.3", "checksums.txt"), digest+"  another\n")
	install(1, "")
}

func TestCIShellcheck(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "shellcheck"), "ci/peerd-ci").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
