package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// The accounts of these stories; the role of the first wants an external id.
const (
	network, payments = "111111111111", "222222222222"
	externalID        = "acme-7f3"
)

// TestAWSCLI: the manual procedure that peerd replaces, step by step with the AWS CLI, an EC2 client that nobody here wrote, against
// `peerd sim` as a process of its own; each of its mistakes; and peerd taking over what was made by hand.
func TestAWSCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("the processes it starts are not what is tested with -short")
	}
	t.Parallel()
	c := findCLI(t)
	for _, story := range []struct {
		name string
		tell func(*testing.T, *cli)
	}{ // the longest first
		{"by hand, then peerd", byHandThenPeerd},
		{"by hand between regions, then peerd", betweenRegionsThenPeerd},
		{"mistakes", mistakes},
		{"by hand, then import", byHandThenImport},
		{"credentials", badCredentials},
		{"credentials whose time has come", expiredCredentials},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			story.tell(t, c)
		})
	}
}

// cli is an AWS CLI and an environment in which it knows nothing but what it is told: no profile, no metadata service.
type cli struct {
	path string
	env  []string
}

// findCLI finds a working AWS CLI: the distribution's, else the first of the PATH; PEERD_TEST_AWS_CLI names another. Without any the test
// is skipped, except in CI.
func findCLI(t *testing.T) *cli {
	t.Helper()
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cli{env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + none,
		"AWS_SHARED_CREDENTIALS_FILE=" + none,
	}}
	wanted := os.Getenv("PEERD_TEST_AWS_CLI")
	for _, path := range []string{cmp.Or(wanted, "/usr/bin/aws"), cmp.Or(wanted, "aws")} {
		version := exec.CommandContext(t.Context(), path, "--version")
		version.Env = c.env
		if out, err := version.CombinedOutput(); err == nil && bytes.HasPrefix(out, []byte("aws-cli/")) {
			t.Logf("%s: %s", path, bytes.TrimSpace(out))
			c.path = path
			return c
		}
	}
	const absent = "there is no AWS CLI that works: install the package awscli, or name one in PEERD_TEST_AWS_CLI"
	if os.Getenv("CI") == "true" || wanted != "" {
		t.Fatal(absent)
	}
	t.Skip(absent)
	return nil
}

// simProcess starts `peerd sim` on a world file and returns its endpoint. It ends, in order, with the test.
func simProcess(t *testing.T, world string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background()) // the cleanup ends it: t.Context would do so without waiting
	cmd := exec.CommandContext(ctx, os.Args[0], "sim", "--listen", "127.0.0.1:0", "--world", world)
	cmd.Env = []string{asPeerd + "=1"}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("peerd sim: %v\n%s", err, &stderr)
		}
	})
	giveUp := time.AfterFunc(30*time.Second, cancel)
	defer giveUp.Stop()
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	endpoint, ok := strings.CutPrefix(strings.TrimSpace(line), "simulated AWS on ")
	if !ok {
		t.Fatalf("peerd sim said %q at first, which names no address\n%s", line, &stderr)
	}
	return endpoint
}

// terminal is where an engineer types: the CLI with one set of credentials, in one region.
type terminal struct {
	t        *testing.T
	cli      *cli
	endpoint string
	region   string
	keys     []string
}

// in is the same terminal, for another region.
func (x terminal) in(region string) terminal {
	x.region = region
	return x
}

// of is the same terminal, for a part of the test.
func (x terminal) of(t *testing.T) terminal {
	x.t = t
	return x
}

// with is the same terminal with other credentials.
func (x terminal) with(id, secret, token string) terminal {
	x.keys = []string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret}
	if token != "" {
		x.keys = append(x.keys, "AWS_SESSION_TOKEN="+token)
	}
	return x
}

// user is the terminal of an account's own user.
func (c *cli) user(t *testing.T, endpoint, account string) terminal {
	id, secret := ec2sim.AccessKey(account)
	return terminal{t: t, cli: c, endpoint: endpoint, region: "eu-west-1"}.with(id, secret, "")
}

// engineer is a terminal with the credentials of an account's role, got by an explicit assume-role.
func (c *cli) engineer(t *testing.T, endpoint, account string) terminal {
	t.Helper()
	u := c.user(t, endpoint, account)
	return u.take(u.run("sts assume-role --role-session-name engineer --duration-seconds 900 --external-id " + externalID +
		" --role-arn arn:aws:iam::" + account + ":role/peerd"))
}

// take is the same terminal with the credentials of an answer of STS.
func (x terminal) take(answer string) terminal {
	x.t.Helper()
	var a struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil || a.Credentials.SessionToken == "" {
		x.t.Fatalf("no credentials in %q: %v", answer, err)
	}
	return x.with(a.Credentials.AccessKeyId, a.Credentials.SecretAccessKey, a.Credentials.SessionToken)
}

// run types a command that must succeed, and returns what it prints.
func (x terminal) run(line string) string {
	x.t.Helper()
	out, stderr := x.typed(line)
	if stderr != "" {
		x.t.Fatalf("aws %s\n%s", line, stderr)
	}
	return out
}

// refusal is how the CLI tells an error of the service; its own complaints about the command line look otherwise.
var refusal = regexp.MustCompile(`An error occurred \(([\w.]+)\) when calling the \w+ operation(?: \([^)]*\))?: (.*)`)

// refused types a command that must fail with a code of the service, and says in its message.
func (x terminal) refused(code, says, line string) {
	x.t.Helper()
	out, stderr := x.typed(line)
	m := refusal.FindStringSubmatch(stderr)
	if m == nil || m[1] != code || !strings.Contains(m[2], says) {
		x.t.Errorf("aws %s\ngot:  %s\nwant: %s: …%s…", line, cmp.Or(stderr, out), code, says)
	}
}

// typed runs the CLI and returns what it prints on success, or on failure.
func (x terminal) typed(line string) (stdout, stderr string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	args := append([]string{"--endpoint-url", x.endpoint, "--region", x.region, "--output", "json"}, strings.Fields(line)...)
	cmd := exec.CommandContext(ctx, x.cli.path, args...)
	cmd.Env = append(append([]string{}, x.cli.env...), x.keys...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", cmp.Or(strings.TrimSpace(errs.String()), err.Error())
	}
	return strings.TrimSpace(out.String()), ""
}

// id types a command and takes one field out of its answer.
func (x terminal) id(field, line string) string {
	x.t.Helper()
	var out string
	x.read(line+" --query "+field, &out)
	return out
}

// read types a command and reads its answer.
func (x terminal) read(line string, into any) {
	x.t.Helper()
	out := x.run(line)
	if err := json.Unmarshal([]byte(out), into); err != nil || out == "null" {
		x.t.Fatalf("aws %s: %v\n%s", line, err, out)
	}
}

// until describes a connection until it has a status, as the engineer does; each look takes the CLI long enough to need no pause.
func (x terminal) until(pcx, status string) {
	x.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		var seen []string
		x.read("ec2 describe-vpc-peering-connections --filters Name=vpc-peering-connection-id,Values="+pcx+" --query VpcPeeringConnections[].Status.Code", &seen)
		switch {
		case len(seen) == 1 && seen[0] == status:
			return
		case time.Now().After(deadline):
			x.t.Fatalf("%s is %q after a minute, not %s", pcx, seen, status)
		}
	}
}
