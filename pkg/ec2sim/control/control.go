// Package control gives those who reach a simulator only over HTTP what tests have in process: faults, the log of calls, the world and the
// clock, as JSON. AWS has nothing like it, and no AWS client ever calls these paths. docs/simulator.md shows it at work; start reading at New.
package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// Prefix is what the paths begin with.
const Prefix = "/_sim/"

// maxBody is far above any list of faults.
const maxBody = 1 << 20

// endpoint answers one method of one path with something that is written as JSON. Its errors are the client's.
type endpoint func(*ec2sim.Sim, *http.Request) (any, error)

var endpoints = map[string]endpoint{
	"GET faults":    listFaults,
	"POST faults":   addFaults,
	"DELETE faults": dropFaults,
	"GET calls":     listCalls,
	"GET dump":      listFacts,
	"GET clock":     tellTime,
	"POST clock":    moveClock,
}

// New serves the paths below Prefix for one Sim.
func New(sim *ec2sim.Sim) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := endpoints[r.Method+" "+strings.TrimPrefix(r.URL.Path, Prefix)]
		if !known {
			writeJSON(w, http.StatusNotFound, complaint{"what there is: " + strings.Join(slices.Sorted(maps.Keys(endpoints)), ", ")})
			return
		}
		v, err := answer(sim, r)
		if err != nil {
			writeJSON(w, http.StatusBadRequest, complaint{err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, v)
	})
}

type complaint struct {
	Error string `json:"error"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // a client that has gone is its own business
}

// readJSON refuses what it does not know: a misspelt member would otherwise mean any.
func readJSON(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body is not what is expected here: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the body's JSON")
	}
	return nil
}

func readBody(r *http.Request) ([]byte, error) { return io.ReadAll(io.LimitReader(r.Body, maxBody)) }

// dump is the world; see world.World.Dump.
type dump struct {
	Time  time.Time `json:"time"`
	Facts []string  `json:"facts"` // sorted
}

// listFacts gives all facts, or those that contain a text.
func listFacts(sim *ec2sim.Sim, r *http.Request) (any, error) {
	q := r.URL.Query()
	if err := only(q, "containing"); err != nil {
		return nil, err
	}
	now, _ := sim.Time()
	out := dump{Time: now.UTC(), Facts: []string{}}
	for line := range strings.Lines(sim.Dump()) {
		if strings.Contains(line, q.Get("containing")) {
			out.Facts = append(out.Facts, strings.TrimSuffix(line, "\n"))
		}
	}
	return out, nil
}

// only refuses parameters that nobody reads.
func only(q url.Values, known ...string) error {
	for name := range q {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no parameter %q here, only %q", name, known)
		}
	}
	return nil
}

type clock struct {
	Time  time.Time `json:"time"`
	Ahead string    `json:"ahead"` // of the machine's clock
}

func tellTime(sim *ec2sim.Sim, _ *http.Request) (any, error) {
	now, ahead := sim.Time()
	return clock{now.UTC(), ahead.String()}, nil
}

// moveClock lets time go by; it never goes back.
func moveClock(sim *ec2sim.Sim, r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Advance string `json:"advance"`
	}
	if err := readJSON(body, &in); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Advance)
	if err != nil || d < 0 {
		return nil, fmt.Errorf("advance %q is no duration that goes by, such as 168h", in.Advance)
	}
	sim.Advance(d)
	return tellTime(sim, r)
}
