package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// left says what the world still lacks of the intent, and what is too much where pruning is on; empty: nothing.
func (o *oracle) left() []string {
	return o.leftIn(o.state())
}

// leftIn is left for a world as somebody sees it.
func (o *oracle) leftIn(now state) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = now
	var out []string
	held := map[string]bool{} // labels with which nothing may be done
	for _, l := range o.in.links {
		lacks, done := o.lacks(l)
		held[l.name] = l.suspended || !done || o.conflicts(l)
		if !l.suspended {
			out = append(out, lacks...)
		}
	}
	if o.prune && len(o.in.links) > 0 { // an empty spec removes nothing
		out = append(out, o.extra(held)...)
	}
	return out
}

// lacks says what one link lacks. One that cannot be had is not done, and lacks nothing.
func (o *oracle) lacks(l link) (out []string, done bool) {
	if o.in.estate.overlap(l.pair) {
		return nil, false
	}
	var mine *conn
	for _, c := range o.now.conns {
		if !c.alive() || !c.joins(o.in.ends(l)) || mine != nil && mine.status == "active" {
			continue
		}
		if mine == nil || c.status == "active" || !c.ours() && !o.adopts(c) {
			mine = c
		}
	}
	if mine != nil && !mine.ours() && !o.adopts(mine) {
		return nil, false // somebody else's
	}
	say := func(format string, args ...any) { out = append(out, l.name+" lacks "+fmt.Sprintf(format, args...)) }
	if mine == nil || mine.status != "active" {
		say("its connection: %+v", mine)
		return out, true
	}
	for view, tags := range mine.tags {
		if tags["peerd:owner"] != owner || tags["peerd:peering"] != l.name {
			say("tags in the %s's view: %v", view, tags)
		}
		if l.dns && strings.Contains(mine.dns[view], "false") {
			say("dns in the %s's view", view)
		}
	}
	for _, k := range o.in.routes(l) {
		if t := o.now.routes[k]; t != mine.id && !o.stays(k, t) {
			say("route %s, it leads to %q", k, t)
		}
	}
	for _, k := range o.in.rules(l) {
		if _, there := o.now.rules[k]; !there {
			say("rule %s", k)
		}
	}
	return out, true
}

// conflicts reports whether a stranger holds what a link wants: nothing of it is removed until it has all that it wants.
func (o *oracle) conflicts(l link) bool {
	return slices.ContainsFunc(o.in.routes(l), func(k string) bool { return o.stays(k, o.now.routes[k]) })
}

// stays reports whether a stranger's route keeps a destination that peerd wants: it leads somewhere, and not to a connection of ours.
func (o *oracle) stays(key, target string) bool {
	if target == "" || o.routes[key] != target {
		return false
	}
	c := o.now.conns[target]
	return !strings.HasPrefix(target, "pcx-") || c != nil && c.alive() && !c.ours()
}

// extra says what of ours is still there though nobody wants it.
func (o *oracle) extra(held map[string]bool) (out []string) {
	for _, c := range o.now.conns {
		if !c.alive() || !c.ours() || held[c.label()] {
			continue
		}
		whole := true // deleting needs our tag in every view
		for _, t := range c.tags {
			whole = whole && t["peerd:owner"] == owner
		}
		wanted := false
		for _, l := range o.in.links {
			wanted = wanted || c.joins(o.in.ends(l))
		}
		if whole && !wanted {
			out = append(out, "too much: connection "+c.id+" "+c.label())
		}
	}
	names := o.namesOf(held)
	for k, r := range o.now.rules {
		if r.tags["peerd:owner"] == owner && o.wants(k, intent.rules) == nil && !names[r.tags["peerd:peering"]] && !o.blind(k) {
			out = append(out, "too much: rule "+k)
		}
	}
	for _, l := range o.in.links {
		if !held[l.name] {
			out = append(out, o.extraRoutes(l)...)
		}
	}
	return out
}

// namesOf are the labels of held links, and those that their connections carry: a link that got another name has its rules under the old one.
func (o *oracle) namesOf(held map[string]bool) map[string]bool {
	out := maps.Clone(held)
	for _, l := range o.in.links {
		for _, c := range o.now.conns {
			if held[l.name] && c.alive() && c.joins(o.in.ends(l)) {
				for _, tags := range c.tags {
					out[tags["peerd:peering"]] = true
				}
			}
		}
	}
	return out
}

// blind reports whether a link that EC2 cannot have opens ports where a rule is: what it wants there is not known to peerd.
func (o *oracle) blind(key string) bool {
	for _, l := range o.in.links {
		for i, p := range l.pair {
			if o.in.estate.overlap(l.pair) && len(l.ports[i]) > 0 && strings.HasPrefix(key, o.in.estate.vpcs[p].scope()+" ") {
				return true
			}
		}
	}
	return false
}

// extraRoutes are those of a link in its selected tables to its connection that it does not want.
func (o *oracle) extraRoutes(l link) (out []string) {
	wanted := map[string]bool{}
	for _, k := range o.in.routes(l) {
		wanted[k] = true
	}
	for i := range l.pair {
		for _, t := range o.in.selected(l, i) {
			for k, target := range o.now.routes {
				c := o.now.conns[target]
				if strings.Contains(k, " "+t+" ") && c != nil && c.ours() && c.alive() && c.joins(o.in.ends(l)) && !wanted[k] {
					out = append(out, "too much: route "+k)
				}
			}
		}
	}
	return out
}
