package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// simulator is `peerd sim` as a process.
type simulator struct {
	url string
	cmd *exec.Cmd
}

// startSim serves a world file, each call taking the latency.
func startSim(ctx context.Context, peerd, world string, latency time.Duration) (*simulator, error) {
	cmd := exec.CommandContext(ctx, peerd, "sim", "--listen", "127.0.0.1:0", "--world", world, "--latency", latency.String())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the simulator said nothing: %w", err)
	}
	return &simulator{strings.TrimSpace(strings.TrimPrefix(line, "simulated AWS on ")), cmd}, nil
}

func (s *simulator) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// call is what the simulator's log says of a call.
type call struct {
	Seq    int       `json:"seq"`
	Time   time.Time `json:"time"`
	Action string    `json:"action"`
	Code   string    `json:"code"`
}

// calls are those after a number.
func (s *simulator) calls(since int) ([]call, error) {
	resp, err := http.Get(fmt.Sprintf("%s/_sim/calls?since=%d", s.url, since))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out struct {
		Calls []call `json:"calls"`
	}
	return out.Calls, json.NewDecoder(resp.Body).Decode(&out)
}

// measure is one run of a program against the simulator.
type measure struct {
	Calls     int            `json:"calls"`
	ByAction  map[string]int `json:"byAction"`
	Throttled int            `json:"throttled"`
	InFlight  int            `json:"inFlight"` // the most calls at once
	Wall      time.Duration  `json:"wall"`     // ns
	CPU       time.Duration  `json:"cpu"`      // ns
	Memory    int64          `json:"memory"`   // bytes, the peak
	Exit      int            `json:"exit"`
}

// run runs a program to its end, and says what it took and called.
func (s *simulator) run(ctx context.Context, latency time.Duration, program string, args ...string) (measure, error) {
	before, err := s.calls(0)
	if err != nil {
		return measure{}, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = s.env()
	var said strings.Builder
	cmd.Stderr = &said
	begun := time.Now()
	err = cmd.Run()
	m := measure{Wall: time.Since(begun), ByAction: map[string]int{}}
	if cmd.ProcessState == nil {
		return m, err
	}
	m.Exit = cmd.ProcessState.ExitCode()
	if m.Exit != 0 {
		return m, fmt.Errorf("%s %v ended with %d:\n%s", program, args, m.Exit, last(said.String(), 20))
	}
	m.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.Memory = u.Maxrss * 1024 // Linux counts in kilobytes
	}
	calls, err := s.calls(len(before))
	m.count(calls, latency)
	return m, err
}

// env is the environment of a program that calls the simulator.
func (s *simulator) env() []string {
	return []string{"AWS_ENDPOINT_URL=" + s.url, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=100000000001", "AWS_SECRET_ACCESS_KEY=bench", "AWS_EC2_METADATA_DISABLED=true", "HOME=/nonexistent"}
}

func last(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// count sums calls up. Each is in flight for the latency after it came.
func (m *measure) count(calls []call, latency time.Duration) {
	m.Calls = len(calls)
	oldest := 0
	for i, c := range calls {
		m.ByAction[c.Action]++
		if c.Code == "RequestLimitExceeded" {
			m.Throttled++
		}
		for c.Time.Sub(calls[oldest].Time) >= latency {
			oldest++
		}
		m.InFlight = max(m.InFlight, i-oldest+1)
	}
}

// breakRoute deletes a route of the workload's first peering, as somebody might by hand.
func (s *simulator) breakRoute(w workload) error {
	cfg := aws.Config{Region: w.region(w.pairs[0][0]), BaseEndpoint: &s.url, Credentials: credentials.NewStaticCredentialsProvider(w.account(w.pairs[0][0]), "bench", "")}
	_, err := ec2.NewFromConfig(cfg).DeleteRoute(context.Background(), &ec2.DeleteRouteInput{
		RouteTableId: aws.String(tableID(w.pairs[0][0], 0)), DestinationCidrBlock: aws.String(cidr(w.pairs[0][1])),
	})
	return err
}
