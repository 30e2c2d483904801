package soak

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// source is where the oracle sees what there is.
type source interface{ state() state }

// call is a call of peerd's that took effect.
type call struct {
	action string // EC2's name of it
	conn   string // the connection that it is about; empty: it is about something else
	text   string // for people
}

// removes reports whether the call takes something away.
func (c call) removes() bool {
	return strings.HasPrefix(c.action, "Delete") && c.action != "DeleteTags" || strings.HasPrefix(c.action, "Revoke")
}

// oracle judges every call of peerd by what it did to the world. It knows what strangers made, what the intent is, and nothing of how peerd
// decides.
type oracle struct {
	source

	mu      sync.Mutex // calls come from many goroutines; guards what follows
	in      intent
	also    []intent // of another peerd that is at work: healthy is what they want too, and they may adopt
	prune   bool
	editing bool  // strangers are at work, not peerd
	now     state // as of the last call
	routes  map[string]string
	rules   map[string]rule
	conns   map[string]bool // of strangers, as are the two above
	leaving map[string]bool // labels whose removal was begun before this pass
	losing  map[string]bool // labels that lost something in this pass
	broken  []string        // what went wrong
}

// newOracle takes all that is there for a stranger's.
func newOracle(from source, in intent) *oracle {
	o := &oracle{source: from, in: in, routes: map[string]string{}, rules: map[string]rule{}, conns: map[string]bool{}}
	o.now = o.state()
	o.learn(state{})
	return o
}

// begin is called before a pass.
func (o *oracle) begin(in intent, prune bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.in, o.prune, o.leaving, o.losing = in, prune, map[string]bool{}, map[string]bool{}
	o.now = o.state()
	for _, c := range o.now.conns {
		if c.leaving() {
			o.leaving[c.label()] = true
		}
	}
}

// end is called after a pass with the most peerings that may have lost something.
func (o *oracle) end(limit int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.losing) > limit {
		o.say("%d peerings lost something, at most %d may: %v", len(o.losing), limit, o.losing)
	}
}

func (o *oracle) say(format string, args ...any) {
	o.broken = append(o.broken, fmt.Sprintf(format, args...))
}

// edit lets a stranger do something, and remembers what came of it.
func (o *oracle) edit(f func()) {
	o.mu.Lock()
	o.editing, o.now = true, o.state()
	o.mu.Unlock()
	f()
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.now
	o.editing, o.now = false, o.state()
	o.learn(before)
}

// learn takes the differences between two states for a stranger's work.
func (o *oracle) learn(before state) {
	for k, t := range o.now.routes {
		if before.routes[k] != t {
			o.routes[k] = t
		}
	}
	for k := range before.routes {
		if o.now.routes[k] == "" {
			delete(o.routes, k)
		}
	}
	for k, r := range o.now.rules {
		if was, there := before.rules[k]; !there || was.id != r.id || o.rules[k].id == r.id {
			o.rules[k] = r
		}
	}
	for k := range before.rules {
		if _, there := o.now.rules[k]; !there {
			delete(o.rules, k)
		}
	}
	for id, c := range o.now.conns {
		if was := before.conns[id]; was == nil || was.ours() && !c.ours() {
			o.conns[id] = true
		}
	}
}

// after judges a call that took effect.
func (o *oracle) after(c call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.editing {
		return
	}
	before := o.now
	o.now = o.state()
	if c.removes() && !o.prune {
		o.say("without --prune: %s", c.text)
	}
	o.judgeRoutes(before, c.text)
	o.judgeRules(before, c.removes(), c.text)
	o.judgeConns(before, c)
	for line := range before.rest {
		if !o.now.rest[line] {
			o.say("%s changed %s", c.text, line)
		}
	}
}

// judgeRoutes: a stranger's route may only be taken where it leads nowhere, or belongs to a connection of ours; a healthy one of the intent
// may only move to another living connection of its pair.
func (o *oracle) judgeRoutes(before state, what string) {
	for k, was := range before.routes {
		now := o.now.routes[k]
		if was == now {
			continue
		}
		c := before.conns[was]
		if o.routes[k] == was {
			dead := strings.HasPrefix(was, "pcx-") && (c == nil || !c.alive())
			mine := c != nil && c.alive() && c.ours()
			if !dead && !mine {
				o.say("%s: a stranger's route %s -> %s became %q", what, k, was, now)
			}
			delete(o.routes, k)
		}
		if l := o.wants(k, intent.routes); l != nil && c != nil && c.status == "active" && c.joins(o.in.ends(*l)) {
			if n := o.now.conns[now]; n == nil || !n.alive() || !n.joins(o.in.ends(*l)) {
				o.say("%s: %s lost its route %s -> %s, now %q", what, l.name, k, was, now)
			}
		}
		if now == "" {
			o.lose(labelOf(c, was))
		}
	}
}

func labelOf(c *conn, id string) string {
	if c == nil {
		return id
	}
	return c.label()
}

func (o *oracle) lose(label string) {
	if !o.leaving[label] {
		o.losing[label] = true
	}
}

// wants returns the link that wants a key, nil when none does, or another peerd that is at work has none.
func (o *oracle) wants(key string, keys func(intent, link) []string) *link {
	for _, in := range o.also {
		if in.wants(key, keys) == nil {
			return nil
		}
	}
	return o.in.wants(key, keys)
}

func (in intent) wants(key string, keys func(intent, link) []string) *link {
	for i, l := range in.links {
		for _, k := range keys(in, l) {
			if k == key {
				return &in.links[i]
			}
		}
	}
	return nil
}

// judgeRules: a stranger's rule is never changed, and one of the intent never goes.
func (o *oracle) judgeRules(before state, removes bool, what string) {
	for k, was := range before.rules {
		now, there := o.now.rules[k]
		if there && now.id == was.id && now.text == was.text {
			continue
		}
		if o.rules[k].id == was.id {
			o.say("%s: a stranger's rule %s %s became %+v", what, was.id, k, now)
			delete(o.rules, k)
		}
		if there {
			continue
		}
		if l := o.wants(k, intent.rules); l != nil {
			o.say("%s: %s lost its rule %s", what, l.name, k)
		}
		if removes {
			label := was.tags["peerd:peering"]
			if label == "" {
				label = was.id
			}
			o.lose(label)
		}
	}
}

// judgeConns: a stranger's connection may only be taken over where the intent says adopt, and one that joins a pair of the intent may only go
// when another does.
func (o *oracle) judgeConns(before state, c call) {
	for id, was := range before.conns {
		now := o.now.conns[id]
		touched := now != nil && !now.looks(was)
		deleted := c.conn == id && c.action == "DeleteVpcPeeringConnection"
		if o.conns[id] && (touched || c.conn == id) {
			if !o.adopts(was) || deleted {
				o.say("%s: a stranger's connection %s was touched: %v -> %v", c.text, id, was, now)
			}
			delete(o.conns, id)
		}
		if deleted {
			o.judgeClose(was, c.text)
		}
	}
}

func (o *oracle) adopts(c *conn) bool {
	for _, t := range c.tags {
		if t["peerd:owner"] != "" && t["peerd:owner"] != owner {
			return false
		}
	}
	for _, in := range append([]intent{o.in}, o.also...) {
		for _, l := range in.links {
			if l.adopt && !l.suspended && c.joins(in.ends(l)) {
				return true
			}
		}
	}
	return false
}

func (o *oracle) judgeClose(was *conn, what string) {
	o.lose(was.label())
	for _, in := range o.also {
		if !slices.ContainsFunc(in.links, func(l link) bool { return was.joins(in.ends(l)) }) {
			return
		}
	}
	for _, l := range o.in.links {
		if !was.joins(o.in.ends(l)) {
			continue
		}
		other := false
		for _, c := range o.now.conns {
			other = other || c.id != was.id && c.alive() && c.joins(o.in.ends(l))
		}
		if !other {
			o.say("%s: %s lost its connection %s", what, l.name, was.id)
		}
	}
}
