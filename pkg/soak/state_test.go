package soak

import (
	"encoding/json"
	"maps"
	"strings"
)

// state is a dumped world, taken apart: routes and rules by what makes them the same, connections by id, and all other lines.
type state struct {
	routes map[string]string // "scope table destination" → target; local and propagated ones left out
	rules  map[string]rule   // "scope group direction protocol ports peer"
	conns  map[string]*conn
	rest   map[string]bool
}

type rule struct {
	id, text string // text is all that is not its key: description and tags
	tags     map[string]string
}

type conn struct {
	id, requester, accepter, status string
	tags                            map[string]map[string]string // by view
	dns                             map[string]string            // by view
}

func (c *conn) alive() bool {
	switch c.status {
	case "initiating-request", "pending-acceptance", "provisioning", "active":
		return true
	}
	return false
}

// ours reports whether a view carries our owner tag, and none another's.
func (c *conn) ours() bool {
	mine := false
	for _, t := range c.tags {
		o := t["peerd:owner"]
		if o != "" && o != owner {
			return false
		}
		mine = mine || o == owner
	}
	return mine
}

// looks reports whether its tags and options are those of another.
func (c *conn) looks(as *conn) bool {
	return maps.Equal(c.dns, as.dns) && maps.EqualFunc(c.tags, as.tags, func(a, b map[string]string) bool { return maps.Equal(a, b) })
}

func (c *conn) joins(ends [2]string) bool {
	return c.requester == ends[0] && c.accepter == ends[1] || c.requester == ends[1] && c.accepter == ends[0]
}

func (c *conn) label() string {
	for _, view := range []string{"shared", "requester", "accepter"} {
		if l := c.tags[view]["peerd:peering"]; l != "" {
			return l
		}
	}
	return c.id
}

// leaving reports whether its removal was begun.
func (c *conn) leaving() bool {
	for _, t := range c.tags {
		if t["peerd:entry"] == "leaving" {
			return true
		}
	}
	return false
}

func parse(dump string) state {
	s := state{map[string]string{}, map[string]rule{}, map[string]*conn{}, map[string]bool{}}
	for line := range strings.Lines(dump) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Fields(line)
		switch {
		case f[1] == "route" && strings.Contains(line, " origin=CreateRoute "):
			s.routes[f[0]+" "+f[2]+" "+f[3]] = f[5]
		case f[1] == "rule":
			s.rules[f[0]+" "+strings.Join(f[3:8], " ")] = rule{f[2], line[strings.Index(line, " description="):], tagsOf(line)}
		case f[1] == "connection":
			s.conn(f, line)
		case f[1] != "route":
			s.rest[line] = true
		}
	}
	return s
}

func (s *state) conn(f []string, line string) {
	value := func(key string) string {
		for _, x := range f {
			if v, ok := strings.CutPrefix(x, key+"="); ok {
				return v
			}
		}
		return ""
	}
	c := s.conns[f[2]]
	if c == nil {
		c = &conn{id: f[2], requester: value("requester"), accepter: value("accepter"), status: value("status"), tags: map[string]map[string]string{}, dns: map[string]string{}}
		s.conns[c.id] = c
	}
	view := value("view")
	c.tags[view] = tagsOf(line)
	c.dns[view] = value("dns") + value("requester-dns") + value("accepter-dns")
}

// tagsOf reads the tags at the end of a line.
func tagsOf(line string) map[string]string {
	out := map[string]string{}
	if err := json.Unmarshal([]byte(line[strings.LastIndex(line, " tags=")+len(" tags="):]), &out); err != nil {
		panic(line + ": " + err.Error())
	}
	return out
}
