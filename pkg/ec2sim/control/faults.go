package control

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/fault"
)

// rule is a fault as it is written: its delay is text, such as 10s.
type rule struct {
	fault.Rule
	Delay string `json:"delay,omitempty"`
}

// parsed refuses a fault that could never fire: one of a kind or of an action that does not exist.
func (t rule) parsed() (fault.Rule, error) {
	r := t.Rule
	if t.Delay != "" {
		d, err := time.ParseDuration(t.Delay)
		if err != nil {
			return r, fmt.Errorf("delay %q is no duration, such as 1m30s", t.Delay)
		}
		r.Delay = d
	}
	if r.Operation != "" && !slices.Contains(ec2sim.Actions("ec2"), r.Operation) && !slices.Contains(ec2sim.Actions("sts"), r.Operation) {
		return r, fmt.Errorf("operation %q is none that is simulated", r.Operation)
	}
	return r, r.Check()
}

// faults are those in force, and what all that ever were have done.
type faults struct {
	Faults []state            `json:"faults"`
	Fired  map[fault.Kind]int `json:"fired"`
}

type state struct {
	rule
	Met   int `json:"met"`   // calls that it could have met
	Fired int `json:"fired"` // those that it did
}

func listFaults(sim *ec2sim.Sim, _ *http.Request) (any, error) {
	out := faults{Faults: []state{}, Fired: sim.Fired()}
	for _, f := range sim.Faults() {
		t := rule{Rule: f.Rule}
		if f.Delay > 0 {
			t.Delay = f.Delay.String()
		}
		out.Faults = append(out.Faults, state{t, f.Met, f.Fired})
	}
	return out, nil
}

// addFaults takes one fault or a list of them, all or none.
func addFaults(sim *ec2sim.Sim, r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		body = slices.Concat([]byte("["), body, []byte("]"))
	}
	var list []rule
	if err := readJSON(body, &list); err != nil {
		return nil, err
	}
	rules := make([]fault.Rule, len(list))
	for i, t := range list {
		if rules[i], err = t.parsed(); err != nil {
			return nil, err
		}
	}
	for _, r := range rules {
		sim.Inject(r)
	}
	return listFaults(sim, r)
}

func dropFaults(sim *ec2sim.Sim, r *http.Request) (any, error) {
	sim.ClearFaults()
	return listFaults(sim, r)
}
