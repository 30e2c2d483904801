package iampolicy

import (
	"fmt"
	"io"
	"strings"
)

// CloudFormation writes the set as one template for all its accounts, as for a stack set: each resource is made in its own account only.
// Who may assume the roles is a parameter unless it is known.
func CloudFormation(w io.Writer, s Set) error {
	t := &text{}
	t.header(s, "One template for all accounts: in each of them it makes that account's roles. Roles with names need CAPABILITY_NAMED_IAM.")
	t.line("AWSTemplateFormatVersion: \"2010-09-09\"")
	t.line("Description: %q", "Roles and policies of peerd, owner "+string(s.Owner))
	if s.asks() {
		t.line("Parameters:\n  Principals:\n    Type: CommaDelimitedList\n    Description: ARNs of who may assume the roles, who runs peerd")
	}
	t.line("Conditions:")
	for _, a := range s.Accounts {
		t.line("  In%s: !Equals [!Ref \"AWS::AccountId\", %q]", a.ID, a.ID)
	}
	t.line("Resources:")
	for _, a := range s.Accounts {
		t.line("  # Account %s, %s", a.Name, a.ID)
		for _, n := range a.Notes {
			t.WriteString("  ")
			t.comment(n)
		}
		if err := t.stack(a); err != nil {
			return err
		}
	}
	return t.to(w)
}

func (t *text) stack(a Account) error {
	if len(a.Roles) == 0 {
		t.line("  # The spec states no role: attach these to whoever peerd runs as.")
		for _, p := range a.carries(true) {
			t.line("  In%s%s:\n    Type: AWS::IAM::ManagedPolicy\n    Condition: In%s\n    Properties:", a.ID, strings.TrimPrefix(p.name, "peerd-"), a.ID)
			t.line("      ManagedPolicyName: %s", p.name)
			if err := t.document("      PolicyDocument", p.Policy); err != nil {
				return err
			}
		}
	}
	for _, r := range a.Roles {
		if err := t.role(a, r); err != nil {
			return err
		}
	}
	return nil
}

func (t *text) role(a Account, r Role) error {
	id := fmt.Sprintf("Role%s", a.ID)
	if !r.Writes {
		id = fmt.Sprintf("Reader%s", a.ID)
	}
	t.line("  %s:\n    Type: AWS::IAM::Role\n    Condition: In%s\n    Properties:\n      RoleName: %q\n      Path: %q", id, a.ID, r.Name, r.Path)
	if err := t.document("      AssumeRolePolicyDocument", a.Trust); err != nil {
		return err
	}
	t.line("      Policies:")
	for _, p := range a.carries(r.Writes) {
		t.line("        - PolicyName: %s", p.name)
		if err := t.document("          PolicyDocument", p.Policy); err != nil {
			return err
		}
	}
	return nil
}

// document writes a policy as a flow mapping, which JSON is, below a key.
func (t *text) document(key string, p Policy) error {
	indent := strings.Repeat(" ", len(key)-len(strings.TrimLeft(key, " "))+2)
	doc, err := encode(p, indent, "  ")
	t.line("%s:\n%s%s", key, indent, nobody.ReplaceAllString(doc, "!Ref Principals"))
	return err
}
