package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// leases stands in for the part of Kubernetes' API that an election needs, with its rules: what is written must be based on what is there,
// or it is refused with 409 (API conventions, "Concurrency Control and Consistency").
type leases struct {
	mu      sync.Mutex // guards what follows
	held    map[string]map[string]any
	version int
	refused int
}

func startLeases(t *testing.T) (*leases, string) {
	t.Helper()
	l := &leases{held: map[string]map[string]any{}}
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	return l, s.URL
}

const leasePath = "/apis/coordination.k8s.io/v1/namespaces/net/leases"

func (l *leases) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, leasePath), "/")
	var sent map[string]any
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			refuse(w, http.StatusBadRequest, "BadRequest")
			return
		}
	}
	switch {
	case !strings.HasPrefix(r.URL.Path, leasePath):
		refuse(w, http.StatusNotFound, "NotFound")
	case r.Method == http.MethodGet && l.held[name] == nil:
		refuse(w, http.StatusNotFound, "NotFound")
	case r.Method == http.MethodGet:
		answer(w, http.StatusOK, l.held[name])
	case r.Method == http.MethodPost && name == "":
		name = metadata(sent)["name"].(string)
		if l.held[name] != nil {
			l.refused++
			refuse(w, http.StatusConflict, "AlreadyExists")
			return
		}
		answer(w, http.StatusCreated, l.keep(name, sent))
	case r.Method == http.MethodPut && l.held[name] == nil:
		refuse(w, http.StatusNotFound, "NotFound")
	case r.Method == http.MethodPut && metadata(sent)["resourceVersion"] != metadata(l.held[name])["resourceVersion"]:
		l.refused++
		refuse(w, http.StatusConflict, "Conflict")
	case r.Method == http.MethodPut:
		answer(w, http.StatusOK, l.keep(name, sent))
	default:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func (l *leases) keep(name string, lease map[string]any) map[string]any {
	l.version++
	metadata(lease)["resourceVersion"] = strconv.Itoa(l.version)
	lease["apiVersion"], lease["kind"] = "coordination.k8s.io/v1", "Lease"
	l.held[name] = lease
	return lease
}

func (l *leases) holder() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	spec, _ := l.held["peerd"]["spec"].(map[string]any)
	who, _ := spec["holderIdentity"].(string)
	return who
}

func metadata(lease map[string]any) map[string]any {
	m, _ := lease["metadata"].(map[string]any)
	return m
}

func refuse(w http.ResponseWriter, code int, reason string) {
	answer(w, code, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // whoever asked may be gone
}
