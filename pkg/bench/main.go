// Command bench measures peerd as a process against `peerd sim` as a process, and beside it a client that makes only the calls that must be
// made. For each workload it prints what converging, finding nothing to do, and mending one route cost: calls, wall time, CPU and memory; and
// the least that they can cost; for a mesh also what a commit costs a daemon. Start reading at workload; the figures of a release are in docs/performance.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "client" {
		if err := clientMain(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "client:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	names := flags.String("workloads", "W1,W2,W3", "which, with commas between")
	latency := flags.Duration("latency", 30*time.Millisecond, "added to every call")
	share := flags.Float64("aws-share", 1, "the part of EC2's request rates that peerd may use")
	throttle := flags.Bool("throttle", false, "the simulator enforces EC2's request rates")
	out := flags.String("json", "", "a file for the figures")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peerd-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, peerd: filepath.Join(dir, "peerd"), latency: *latency, share: *share, throttle: *throttle}
	if msg, err := exec.CommandContext(ctx, "go", "build", "-o", b.peerd, "./cmd/peerd").CombinedOutput(); err != nil {
		return fmt.Errorf("build peerd: %w\n%s", err, msg)
	}
	header(os.Stdout)
	for _, w := range workloads {
		if !strings.Contains(","+*names+",", ","+w.Name+",") {
			continue
		}
		if err := b.workload(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	growth(os.Stdout, b.results)
	if *out != "" {
		text, err := json.MarshalIndent(b.results, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*out, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return b.over()
}

// bench measures workloads one after the other.
type bench struct {
	dir, peerd string
	latency    time.Duration
	share      float64
	throttle   bool
	results    []result
}

// result is what one thing that is done to a workload costs.
type result struct {
	Workload string   `json:"workload"`
	Peerings int      `json:"peerings"`
	What     string   `json:"what"`
	Throttle bool     `json:"throttle,omitempty"` // the simulator enforced EC2's request rates
	Peerd    measure  `json:"peerd"`
	Minimal  *measure `json:"minimal,omitempty"`
	Limit    *limit   `json:"limit,omitempty"`
	Most     int      `json:"most,omitempty"` // calls that the goal allows
}

func (b *bench) workload(ctx context.Context, w workload) error {
	world, spec := filepath.Join(b.dir, w.Name+"-world.yaml"), filepath.Join(b.dir, w.Name)
	if err := os.WriteFile(world, []byte(w.world(b.throttle)), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(spec, 0o700); err != nil {
		return err
	}
	for name, text := range w.spec() {
		if err := os.WriteFile(filepath.Join(spec, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	minimal, err := b.minimal(ctx, w, world)
	if err != nil {
		return fmt.Errorf("the minimal client: %w", err)
	}
	sim, err := startSim(ctx, b.peerd, world, b.latency)
	if err != nil {
		return err
	}
	defer sim.stop()
	pass := func() (measure, error) {
		return sim.run(ctx, b.latency, b.peerd, "--once", "--spec", spec, "--aws-share", fmt.Sprint(b.share), "--color", "never")
	}
	m, err := pass()
	if err != nil {
		return err
	}
	most := w.everything(b.latency, b.share)
	b.add(result{Workload: w.Name, Peerings: len(w.pairs), What: "converge", Peerd: m, Minimal: &minimal[0], Limit: &most, Most: most.Calls * 115 / 100})
	if m, err = pass(); err != nil {
		return err
	}
	least := w.nothingToDo(b.latency)
	b.add(result{Workload: w.Name, Peerings: len(w.pairs), What: "no change", Peerd: m, Minimal: &minimal[1], Limit: &least, Most: least.Calls})
	if err := sim.breakRoute(w); err != nil {
		return err
	}
	if m, err = pass(); err != nil {
		return err
	}
	b.add(result{Workload: w.Name, Peerings: len(w.pairs), What: "one route", Peerd: m})
	if w.shape == "mesh" {
		return b.commits(ctx, w, sim)
	}
	return nil
}

// minimal runs the minimal client in a world of its own: it converges, and then it lists.
func (b *bench) minimal(ctx context.Context, w workload, world string) (out [2]measure, err error) {
	sim, err := startSim(ctx, b.peerd, world, b.latency)
	if err != nil {
		return out, err
	}
	defer sim.stop()
	self, err := os.Executable()
	if err != nil {
		return out, err
	}
	for i, what := range []string{"converge", "nothing"} {
		if out[i], err = sim.run(ctx, b.latency, self, "client", w.Name, what); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (b *bench) add(r result) {
	r.Throttle = b.throttle
	b.results = append(b.results, r)
	r.row(os.Stdout)
}

// over says which results took more calls than their goal allows.
func (b *bench) over() error {
	var out []string
	for _, r := range b.results {
		if r.Most > 0 && r.Peerd.Calls > r.Most {
			out = append(out, fmt.Sprintf("%s, %s: %d calls, the goal is %d", r.Workload, r.What, r.Peerd.Calls, r.Most))
		}
	}
	if len(out) > 0 {
		return fmt.Errorf("more calls than the goal:\n  %s", strings.Join(out, "\n  "))
	}
	return nil
}
