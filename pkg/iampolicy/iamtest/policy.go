package iamtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Policy is a policy document.
type Policy struct{ Statement []Statement }

// Statement is one of its statements. Only Allow is understood.
type Statement struct {
	Sid, Effect string
	Principal   struct{ AWS []string }
	Action      []string
	Resource    []string
	Condition   map[string]map[string][]string
}

// Role is what a role may do, and who may assume it.
type Role struct {
	Identity []Policy
	Trust    Policy
}

// Read returns the roles of what peerd iam-policy -o json prints, by ARN.
func Read(text []byte) (map[string]Role, error) {
	var in struct {
		Accounts []struct {
			Roles []struct {
				ARN      string
				Policies []string
			}
			Policies map[string]Policy
			Trust    Policy
		}
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	out := map[string]Role{}
	for _, a := range in.Accounts {
		for _, r := range a.Roles {
			role := Role{Trust: a.Trust}
			for _, name := range r.Policies {
				role.Identity = append(role.Identity, a.Policies[name])
			}
			out[r.ARN] = role
		}
	}
	return out, nil
}

// Question is whether an action may be done to one resource; a call is allowed if all its questions are.
type Question struct {
	Action   string // ec2:CreateRoute
	Resource string // an ARN
	Keys     map[string][]string
}

// String returns the question without its keys.
func (q Question) String() string { return q.Action + " on " + q.Resource }

// Allowed reports whether a statement of some policy allows it. What it cannot judge it panics about.
func (q Question) Allowed(policies []Policy) bool {
	for _, p := range policies {
		if slices.ContainsFunc(p.Statement, func(s Statement) bool { return s.allows(q) }) {
			return true
		}
	}
	return false
}

func (s Statement) allows(q Question) bool {
	if s.Effect != "Allow" {
		panic(fmt.Sprintf("statement %s: effect %q is not understood", s.Sid, s.Effect))
	}
	return slices.Contains(s.Action, q.Action) && slices.ContainsFunc(s.Resource, func(r string) bool { return r == "*" || arnLike(r, q.Resource) }) && s.holds(q.Keys)
}

// trusts reports whether a principal may assume the role: by its ARN, or by its account's number or root.
func (p Policy) trusts(principal string, keys map[string][]string) bool {
	account := strings.Split(principal, ":")[4]
	return slices.ContainsFunc(p.Statement, func(s Statement) bool {
		named := slices.ContainsFunc(s.Principal.AWS, func(w string) bool {
			return w == principal || w == account || strings.HasSuffix(w, ":iam::"+account+":root")
		})
		return s.Effect == "Allow" && named && slices.Contains(s.Action, "sts:AssumeRole") && s.holds(keys)
	})
}

// holds reports whether every key of every operator holds (IAM User Guide, "IAM JSON policy elements: Condition").
func (s Statement) holds(keys map[string][]string) bool {
	for operator, wants := range s.Condition {
		for key, values := range wants {
			if !holds(operator, keys[key], values) {
				return false
			}
		}
	}
	return true
}

// holds is one operator. A key that is not there fails, unless the operator ends in IfExists or asks for all values; ForAllValues holds of
// every value, or of none.
func holds(operator string, have, values []string) bool {
	base, ifExists := strings.CutSuffix(operator, "IfExists")
	base, forAll := strings.CutPrefix(base, "ForAllValues:")
	if base == "Null" {
		return (len(have) == 0) == (values[0] == "true")
	}
	match, known := operators[base]
	switch {
	case !known:
		panic("operator " + operator + " is not understood")
	case len(have) == 0:
		return ifExists || forAll
	case len(have) > 1 && !forAll:
		panic("a key with several values needs ForAllValues")
	}
	for _, h := range have {
		if !slices.ContainsFunc(values, func(v string) bool { return match(v, h) }) {
			return false
		}
	}
	return true
}

var operators = map[string]func(pattern, s string) bool{
	"StringEquals": func(want, s string) bool { return resolve(want) == s },
	"ArnLike":      arnLike,
	"ArnEquals":    arnLike, // the two behave alike (IAM User Guide, "Amazon Resource Name (ARN) condition operators")
}

// resolve replaces policy variables, of which only ${$} for a dollar sign is understood.
func resolve(value string) string {
	out := strings.ReplaceAll(value, "${$}", "\x00")
	if strings.Contains(out, "${") {
		panic("a policy variable in " + value)
	}
	return strings.ReplaceAll(out, "\x00", "$")
}

// arnLike compares the six parts of an ARN, each with wild cards that do not reach beyond it.
func arnLike(pattern, arn string) bool {
	p, a := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	return slices.EqualFunc(p, a, like)
}

func like(pattern, s string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	switch {
	case strings.Contains(pattern, "?"):
		panic("a ? in " + pattern)
	case !wild:
		return pattern == s
	case !strings.HasPrefix(s, head):
		return false
	}
	for i := len(head); i <= len(s); i++ {
		if like(rest, s[i:]) {
			return true
		}
	}
	return false
}
