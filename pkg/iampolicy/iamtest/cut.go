package iamtest

import (
	"fmt"
	"maps"
	"slices"
)

// Cut is one thing taken away from one statement of a role.
type Cut struct {
	What  string // statement, and what of it
	Wide  bool   // what is left allows more: a condition is gone; else it allows less
	Roles map[string]Role
}

// Cuts are all policies that differ from those given in one thing: a statement, an action, one of several resources or values, a principal of
// several, or all values of a key of a condition.
func Cuts(roles map[string]Role) []Cut {
	var out []Cut
	for _, arn := range slices.Sorted(maps.Keys(roles)) {
		role := roles[arn]
		for i, p := range role.Identity {
			out = append(out, cutsOf(p, func(cut Policy) map[string]Role {
				identity := slices.Clone(role.Identity)
				identity[i] = cut
				return with(roles, arn, Role{identity, role.Trust})
			})...)
		}
		out = append(out, cutsOf(role.Trust, func(cut Policy) map[string]Role { return with(roles, arn, Role{role.Identity, cut}) })...)
	}
	return out
}

func with(roles map[string]Role, arn string, role Role) map[string]Role {
	out := maps.Clone(roles)
	out[arn] = role
	return out
}

func cutsOf(p Policy, put func(Policy) map[string]Role) []Cut {
	var out []Cut
	for i, s := range p.Statement {
		less := func(what string, s Statement) {
			statements := slices.Clone(p.Statement)
			statements[i] = s
			out = append(out, Cut{s.Sid + ": " + what, false, put(Policy{statements})})
		}
		out = append(out, Cut{s.Sid, false, put(Policy{slices.Delete(slices.Clone(p.Statement), i, i+1)})})
		for k, rest := range without(s.Action) {
			t := s
			t.Action = rest
			less(s.Action[k], t)
		}
		for k, rest := range without(s.Resource) {
			t := s
			t.Resource = rest
			less(s.Resource[k], t)
		}
		for k, rest := range without(s.Principal.AWS) {
			t := s
			t.Principal.AWS = rest
			less(s.Principal.AWS[k], t)
		}
		for operator, keys := range s.Condition {
			for key, values := range keys {
				for k, rest := range without(values) {
					t := s
					t.Condition = changed(s.Condition, operator, key, rest)
					less(fmt.Sprintf("%s %s %s", operator, key, values[k]), t)
				}
				t := s
				t.Condition = changed(s.Condition, operator, key, nil)
				less(operator+" "+key, t)
				out[len(out)-1].Wide = true
			}
		}
	}
	return out
}

// without are the lists that lack one item each, if there are several.
func without(all []string) [][]string {
	if len(all) < 2 {
		return nil
	}
	var out [][]string
	for i := range all {
		out = append(out, slices.Delete(slices.Clone(all), i, i+1))
	}
	return out
}

// changed is a condition with other values for a key, or without the key.
func changed(c map[string]map[string][]string, operator, key string, values []string) map[string]map[string][]string {
	out := maps.Clone(c)
	out[operator] = maps.Clone(c[operator])
	out[operator][key] = values
	if values == nil {
		delete(out[operator], key)
	}
	return out
}
