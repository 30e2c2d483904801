package deploy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// forge stands in for the part of GitHub's and GitLab's APIs that a comment needs: list a page, make, change ("REST API endpoints for issue
// comments" of GitHub's documentation, "Notes API" of GitLab's).
type forge struct {
	*httptest.Server
	t      *testing.T
	refuse bool // to write anything
	lose   bool // the answers to what was written

	mu       sync.Mutex // guards comments
	comments []remark
}

type remark struct {
	id           int
	author, body string
}

const (
	forgeToken  = "ghs-0123456789-token"
	forgeAuthor = "github-actions[bot]"
	forgeNumber = "7" // of the pull request
)

func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/acme/net/issues/"+forgeNumber+"/comments", f.list)
	mux.HandleFunc("POST /repos/acme/net/issues/"+forgeNumber+"/comments", f.post)
	mux.HandleFunc("PATCH /repos/acme/net/issues/comments/{id}", f.change)
	mux.HandleFunc("GET /user", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id": 42}`) })
	mux.HandleFunc("GET /projects/5/merge_requests/"+forgeNumber+"/notes", f.list)
	mux.HandleFunc("POST /projects/5/merge_requests/"+forgeNumber+"/notes", f.post)
	mux.HandleFunc("PUT /projects/5/merge_requests/"+forgeNumber+"/notes/{id}", f.change)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+forgeToken && r.Header.Get("Private-Token") != forgeToken {
			http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *forge) list(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	per, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if per < 1 || per > 100 || page < 1 {
		http.Error(w, "page", http.StatusUnprocessableEntity)
		return
	}
	out := []any{}
	for i := (page - 1) * per; i < min(page*per, len(f.comments)); i++ {
		c := f.comments[i]
		author := 1
		if c.author == forgeAuthor {
			author = 42
		}
		out = append(out, map[string]any{"id": c.id, "body": c.body, "user": map[string]any{"login": c.author}, "author": map[string]any{"id": author}})
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (f *forge) body(w http.ResponseWriter, r *http.Request) (string, bool) {
	var in struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || f.refuse {
		http.Error(w, `{"message": "Resource not accessible by integration"}`, http.StatusForbidden)
		return "", false
	}
	if n := len([]rune(in.Body)); n > 65536 { // what GitHub takes
		http.Error(w, `{"message": "Body is too long (maximum is 65536 characters)"}`, http.StatusUnprocessableEntity)
		return "", false
	}
	return in.Body, true
}

func (f *forge) post(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if body, ok := f.body(w, r); ok {
		f.comments = append(f.comments, remark{len(f.comments) + 1000, forgeAuthor, body})
		if f.lose {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, "{}")
	}
}

func (f *forge) change(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, ok := f.body(w, r)
	if !ok {
		return
	}
	i := slices.IndexFunc(f.comments, func(c remark) bool { return strconv.Itoa(c.id) == r.PathValue("id") })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	f.comments[i].body = body
	fmt.Fprint(w, "{}")
}

// say makes comments of other people.
func (f *forge) say(n int, author, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.comments = append(f.comments, remark{len(f.comments) + 1000, author, body})
	}
}

func (f *forge) all() []remark {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.comments)
}

// ours returns the only comment that jobs have made.
func (f *forge) ours() string {
	f.t.Helper()
	var out []string
	for _, c := range f.all() {
		if c.author == forgeAuthor && strings.Contains(c.body, "peerd") {
			out = append(out, c.body)
		}
	}
	if len(out) != 1 {
		f.t.Fatalf("%d comments", len(out))
	}
	return out[0]
}
