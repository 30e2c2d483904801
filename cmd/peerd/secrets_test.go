package main

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
	"github.com/peerd/peerd/pkg/simtest"
)

// planted are secrets that peerd is given, and everything that it said.
type planted struct {
	t *testing.T

	mu      sync.Mutex // guards what follows
	secrets map[string]string
	said    map[string]string
}

func (p *planted) plant(what, secret string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets[what] = secret
	return secret
}

func (p *planted) hear(where, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said[where] += text
}

// run runs peerd to its end, and hears what it says.
func (p *planted) run(name string, want int, cmd *exec.Cmd, out *bytes.Buffer) {
	p.t.Helper()
	_ = cmd.Run() // its code is looked at
	if code := cmd.ProcessState.ExitCode(); code != want {
		p.t.Errorf("%s: exit %d, want %d\n%s", name, code, want, out)
	}
	p.hear(name, out.String())
}

// check looks for every secret in every form in which it may be written.
func (p *planted) check() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for what, secret := range p.secrets {
		forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%q", secret)}
		for where, text := range p.said {
			for _, f := range forms {
				if strings.Contains(text, strings.Trim(f, `"`)) {
					p.t.Errorf("%s is said by %s: %s", what, where, f)
					break
				}
			}
		}
	}
}

// aws is a simulated AWS that tells which sessions it gave out, and repeats what a request proved itself with when it refuses, as proxies do.
func (p *planted) aws(repeats string) (*ec2sim.Sim, string) {
	p.t.Helper()
	sim, _ := server(p.t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(bytes.Buffer)
		_, _ = body.ReadFrom(r.Body) // a body that ends early is refused by the simulator
		form, _ := url.ParseQuery(body.String())
		if form.Get("Action") == repeats {
			told := r.Header.Get("X-Amz-Security-Token") + " " + r.Header.Get("Authorization")
			shape := "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no access for %s</Message></Error></Errors><RequestID>1</RequestID></Response>"
			if repeats == "AssumeRole" { // STS has a shape of its own
				shape = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no access for %s</Message></Error><RequestId>1</RequestId></ErrorResponse>"
			}
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, shape, told)
			return
		}
		inner := r.Clone(r.Context())
		inner.Body = io.NopCloser(body)
		answer := httptest.NewRecorder()
		sim.ServeHTTP(answer, inner)
		p.session(answer.Body.Bytes())
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // whoever asked may be gone
	}))
	p.t.Cleanup(s.Close)
	return sim, s.URL
}

// session plants the credentials of a session that is given out.
func (p *planted) session(answer []byte) {
	var reply struct {
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	if xml.Unmarshal(answer, &reply) == nil && reply.Token != "" {
		p.mu.Lock()
		n := len(p.secrets)
		p.mu.Unlock()
		p.plant(fmt.Sprintf("secret key of session %d", n), reply.Secret)
		p.plant(fmt.Sprintf("token of session %d", n), reply.Token)
	}
}

// Secrets are planted wherever peerd takes some, everything is let go right and wrong at debug level, and what it says is searched: logs,
// errors, metrics, status, state, reports, and the stacks of a process that is killed.
func TestF60PlantedSecrets(t *testing.T) {
	skipProcesses(t)
	t.Parallel()
	p := &planted{t: t, secrets: map[string]string{}, said: map[string]string{}}
	text := scenarioText(t, "cross-account")
	o := gittest.NewOrigin(t)
	o.Commit("first", inSpecs(text))
	git := gittest.Serve(t, o)
	git.Set(func() { git.Password = p.plant("git password", "gh-pat-7Qx+2/f0=e9d1c3b5a7") })
	right := git.Config()
	right.TokenFile = fileOf(t, git.Password)
	wrong := right
	wrong.TokenFile = fileOf(t, p.plant("git password of yesterday", "gh-pat-0ld+0/ne=77aa55cc33"))

	_, awsSecret := ec2sim.AccessKey("111111111111")
	p.plant("AWS secret key", awsSecret)
	common := []string{"--log.level", "debug", "--aws-share", "1"}
	env := []string{
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + p.plant("token of the container's credentials", "cont-1f0e9d8c7b6a5f4e"),
		"PEERD_GIT_TOKEN=" + p.plant("token in a variable that is no flag's", "env-tok-5a4b3c2d1e0f"),
		"HTTPS_PROXY=", "GITHUB_TOKEN=" + p.plant("token of the CI", "ghs-9182736455463728"),
	}
	once := func(name, endpoint string, want int, args ...string) {
		t.Helper()
		cmd, out := process(t.Context(), t, endpoint, append(append([]string{"--once"}, common...), args...)...)
		cmd.Env = append(cmd.Env, env...)
		p.run(name, want, cmd, out)
	}

	sim, endpoint := p.aws("")
	state, metrics := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "metrics")
	once("a pass", endpoint, 0, append(reach(right), "--state-file", state, "--metrics-textfile", metrics, "-o", "json")...)
	for _, f := range []string{state, metrics} {
		said, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p.hear(filepath.Base(f), string(said))
	}
	once("a pass that git refuses", endpoint, 1, reach(wrong)...)
	for _, action := range []string{"DescribeVpcs", "AssumeRole", "CreateVpcPeeringConnection"} {
		_, refusing := p.aws(action)
		cmd, out := process(t.Context(), t, refusing, append(append([]string{"--once", "-o", "json"}, common...), reach(right)...)...)
		_ = cmd.Run() // refused in one way or another
		failures.Shown(t, 60, strings.Contains(out.String(), "no access for "), "an AWS that repeats what was sent to it")
		if strings.Contains(out.String(), "AWS4-HMAC-SHA256 Credential=") {
			t.Errorf("a signature is said:\n%s", out)
		}
		p.hear("a pass that AWS refuses at "+action, out.String())
	}
	once("a password in the URL", endpoint, 3, "--repo", "https://ada:"+p.plant("password in the URL", "url-p4ss-c0ffee1234")+"@git.example.com/specs.git")
	once("a token in the query", endpoint, 3, "--repo", "https://git.example.com/specs.git?private_token="+p.plant("token in the query", "query-tok-00ff11ee22"))
	once("a token as a flag", endpoint, 3, "--git-token="+p.plant("token as a flag", "flag-tok-a1b2c3d4e5"))
	proxied := env
	env = append(env, "HTTPS_PROXY=http://ada:"+p.plant("password of the proxy", "proxy-pw-0123456789")+"@127.0.0.1:1")
	once("a proxy that is down", endpoint, 1, "--repo", "https://git.example.com/specs.git")
	env = proxied
	for name, in := range map[string]func(*exec.Cmd){
		"an AWS address with a password": func(c *exec.Cmd) {
			c.Env = append(c.Env, "AWS_ENDPOINT_URL=http://ada:"+p.plant("password of the AWS address", "endp-pw-55667788")+"@127.0.0.1:1")
		},
		"a wrong AWS key": func(c *exec.Cmd) {
			c.Env = append(c.Env, "AWS_SECRET_ACCESS_KEY="+p.plant("wrong AWS secret key", "wrong+secret/key/40chars"), "AWS_SESSION_TOKEN="+p.plant("session token of the environment", "FwoGZXIvYXdzEJr//planted"))
		},
	} {
		cmd, out := process(t.Context(), t, endpoint, append(append([]string{"--once"}, common...), reach(right)...)...)
		in(cmd)
		p.run(name, 1, cmd, out)
	}
	keys := gittest.NewSSHKeys(t)
	keys.Key("locked", "ed25519", "-N", p.plant("passphrase of the ssh key", "open-sesame-4242"))
	key, err := os.ReadFile(keys.Path("locked"))
	if err != nil {
		t.Fatal(err)
	}
	p.plant("ssh key", strings.Split(string(key), "\n")[1])
	once("a locked ssh key", endpoint, 1, reach(gitwatch.Config{Repo: "ssh://git@127.0.0.1:1/specs.git", SSHKeyFile: keys.Path("locked"), KnownHostsFile: fileOf(t, "")})...)

	p.daemon(sim, endpoint, right, common)
	if len(p.secrets) < 20 {
		t.Errorf("%d secrets were planted, want 20 or more", len(p.secrets))
	}
	t.Logf("%d secrets in %d outputs", len(p.secrets), len(p.said))
	p.check()
}

// daemon lets a daemon go right and wrong, reads everything that it serves, and makes it print its stacks.
func (p *planted) daemon(sim *ec2sim.Sim, endpoint string, repo gitwatch.Config, common []string) {
	t := p.t
	t.Helper()
	password := p.plant("password of the metrics", "hunter2-metrics-99")
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	p.plant("hash of the metrics' password", string(hash))
	hook := p.plant("webhook secret", "hook-secret-now-1357")
	older := p.plant("webhook secret of yesterday", "hook-secret-old-2468")
	flags := append(append(reach(repo), common...), "--interval", "1s", "--webhook-listen", "127.0.0.1:0", "--log.format", "text",
		"--webhook-secret-file", fileOf(t, hook+"\n"+older+"\n"), "--web.config.file", fileOf(t, "basic_auth_users: {prometheus: "+string(hash)+"}\n"))
	r := prepareDaemonAt(t, sim, endpoint, flags...)
	r.cmd.Env = append(r.cmd.Env, "GOTRACEBACK=all")
	r.start()
	signIn := func(req *http.Request) { req.SetBasicAuth("prometheus", password) }
	r.until("it is ready", 20*time.Second, func() bool { code, _ := get(t, r.address("probe-listen")+"/readyz"); return code == http.StatusOK })
	if a, b, c := r.push(hook), r.push(older), r.push("another"); a != http.StatusAccepted || b != http.StatusAccepted || c != http.StatusUnauthorized {
		t.Errorf("webhooks: %d, %d, %d", a, b, c)
	}
	(&simtest.Rig{T: t, Sim: sim}).Do("111111111111", "eu-west-1", "DeleteRoute", "RouteTableId", "rtb-0000000000000a001", "DestinationCidrBlock", "10.20.0.0/16")
	if err := os.WriteFile(repo.TokenFile, []byte(p.plant("git password that is wrong from now on", "gh-pat-br0ken-8642")), 0o600); err != nil {
		t.Fatal(err)
	}
	r.until("the token is refused", 20*time.Second, r.said("does not accept the token"))
	for _, path := range []string{"/metrics", "/api/v1/status", "/"} {
		code, body := get(t, r.address("listen")+path, signIn)
		if code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
		p.hear(path, body)
		_, body = get(t, r.address("listen")+path)
		p.hear(path+" without a password", body)
	}
	if err := r.cmd.Process.Signal(syscall.SIGQUIT); err != nil { // Go prints the stacks of all goroutines
		t.Fatal(err)
	}
	_ = r.cmd.Wait() // by a signal
	if !strings.Contains(r.log.String(), "SIGQUIT: quit") {
		t.Errorf("it printed no stacks:\n%s", r.log)
	}
	p.hear("the daemon's log and stacks", r.log.String())
}
