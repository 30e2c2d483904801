package iampolicy

import (
	"maps"
	"slices"
	"strings"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Policy is one IAM policy document.
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on resources under conditions; in a trust policy it names principals instead of resources.
type Statement struct {
	Sid       string
	Effect    string
	Principal map[string][]string `json:",omitempty"`
	Action    []string
	Resource  []string  `json:",omitempty"`
	Condition Condition `json:",omitempty"`
}

// Condition is operator → key → values. All operators and keys must hold, and of the values one.
type Condition map[string]map[string][]string

// Options say what the policies are for.
type Options struct {
	Prune      bool     // peerd runs with --prune
	Principals []string // who may assume the roles; empty: NoPrincipal stands in their place
}

// NoPrincipal stands where it is not known who may assume a role. IAM refuses it.
const NoPrincipal = "REPLACE-WITH-THE-ARN-OF-WHO-RUNS-PEERD"

// Set is the policies of a spec's accounts.
type Set struct {
	Owner      netstate.OwnerID
	Prune      bool
	Principals []string  // who may assume the roles, where that is known
	Accounts   []Account // managed ones, by name
}

// Account is what one account needs.
type Account struct {
	Name        string
	ID          netstate.AccountID
	Roles       []Role // the writing one first; empty: the spec has none, and the policies are for whoever peerd runs as
	Read, Write Policy
	Trust       Policy   // of each of the roles
	Notes       []string // what a reader must know: what is wider than it should be, and what nobody has verified
}

// Role is one role that the spec names.
type Role struct {
	ARN, Path, Name string
	Writes          bool
}

// For returns the policies of every managed account of a spec. Its owner must be settled.
func For(s *spec.Set, opt Options) Set {
	out := Set{Owner: s.Owner, Prune: opt.Prune, Principals: opt.Principals}
	for _, a := range s.Accounts {
		if !a.Managed {
			continue
		}
		n := needsOf(s, a, opt.Prune)
		account := Account{Name: a.Name, ID: a.ID, Roles: roles(a, n.partition()), Read: n.reading(), Write: n.writing(), Notes: n.notes()}
		if len(account.Roles) > 0 {
			account.Trust = trust(a, opt.Principals)
		}
		account.Notes = append(account.Notes, sizes(account)...)
		out.Accounts = append(out.Accounts, account)
	}
	return out
}

// Only returns the set with one account, false if it has none of that name.
func (s Set) Only(name string) (Set, bool) {
	i := slices.IndexFunc(s.Accounts, func(a Account) bool { return a.Name == name })
	if i < 0 {
		return Set{}, false
	}
	s.Accounts = s.Accounts[i : i+1]
	return s, true
}

// asks reports whether the output needs to be told who may assume the roles.
func (s Set) asks() bool { return len(s.Principals) == 0 && len(s.Caller().Statement) > 0 }

// Caller is the policy of whoever runs peerd: the right to assume the roles. Assuming one across accounts needs both this and the role's
// trust policy (IAM User Guide, "Cross-account resource access in IAM").
func (s Set) Caller() Policy {
	var arns []string
	for _, a := range s.Accounts {
		for _, r := range a.Roles {
			arns = append(arns, r.ARN)
		}
	}
	if len(arns) == 0 {
		return document()
	}
	return document(Statement{Sid: "AssumeRoles", Action: []string{"sts:AssumeRole"}, Resource: arns})
}

func roles(a *spec.Account, partition string) []Role {
	var out []Role
	for i, name := range []string{a.Role, a.ReadRole} {
		if name == "" || i == 1 && name == a.Role {
			continue
		}
		out = append(out, role(name, a.ID, partition, i == 0))
	}
	return out
}

// role takes a name, with or without a path, or a full ARN.
func role(name string, account netstate.AccountID, partition string, writes bool) Role {
	path := strings.TrimPrefix(name, "/")
	arn := "arn:" + partition + ":iam::" + string(account) + ":role/" + path
	if strings.HasPrefix(name, "arn:") {
		arn = name
		_, path, _ = strings.Cut(name, ":role/")
	}
	cut := strings.LastIndex(path, "/") + 1
	return Role{ARN: arn, Path: "/" + path[:cut], Name: path[cut:], Writes: writes}
}

// trust lets the principals assume an account's roles, for sessions by the name that peerd gives them and with the external id that the
// spec states. peerd sends neither session tags nor a source identity, so sts:TagSession and sts:SetSourceIdentity are not needed.
func trust(a *spec.Account, principals []string) Policy {
	if len(principals) == 0 {
		principals = []string{NoPrincipal}
	}
	equals := map[string][]string{"sts:RoleSessionName": {sessionName}}
	if a.ExternalID != "" {
		equals["sts:ExternalId"] = []string{plain(a.ExternalID)}
	}
	return document(Statement{Sid: "AssumedByPeerd", Principal: map[string][]string{"AWS": principals}, Action: []string{"sts:AssumeRole"},
		Condition: Condition{"StringEquals": equals}})
}

// sessionName is what awsnet names its sessions.
const sessionName = "peerd"

func document(statements ...Statement) Policy {
	p := Policy{Version: "2012-10-17", Statement: []Statement{}}
	for _, s := range statements {
		s.Effect = "Allow"
		p.Statement = append(p.Statement, s)
	}
	return p
}

// plain writes a value so that IAM reads no policy variable into it (IAM User Guide, "IAM policy elements: Variables and tags").
func plain(value string) string { return strings.ReplaceAll(value, "${", "${$}{") }

func keysOf(set map[string]bool) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(set)) {
		out = append(out, plain(k))
	}
	return out
}
