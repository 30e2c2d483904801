package iampolicy

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Terraform writes the set as HCL: the roles with their policies, each account by a provider of its own where there are several. Who may
// assume the roles is a variable unless it is known.
func Terraform(w io.Writer, s Set) error {
	t, ids := &text{}, identifiers(s)
	how := []string{}
	if len(s.Accounts) > 1 {
		how = append(how, "Each account has a provider of its own: provider \"aws\" { alias = \"NAME\", … } with the names used below.")
	}
	t.header(s, how...)
	if s.asks() {
		t.line("\nvariable \"peerd_principals\" {\n  type        = list(string)\n  description = \"ARNs of who may assume the roles: who runs peerd\"\n}")
	}
	for i, a := range s.Accounts {
		t.line("\n# Account %s, %s", a.Name, a.ID)
		t.comment(a.Notes...)
		h := hcl{text: t, id: ids[i]}
		if len(s.Accounts) > 1 {
			h.provider = "aws." + ids[i]
		}
		if err := h.account(a); err != nil {
			return err
		}
	}
	return t.to(w)
}

type hcl struct {
	*text
	id, provider string
}

func (h hcl) account(a Account) error {
	if len(a.Roles) == 0 {
		h.comment("The spec states no role: attach these to whoever peerd runs as.")
		for _, p := range a.carries(true) {
			if err := h.resource("aws_iam_policy", h.id+suffix(p.name), p.name, "", p.Policy); err != nil {
				return err
			}
		}
	}
	for _, r := range a.Roles {
		if err := h.role(a, r); err != nil {
			return err
		}
	}
	return nil
}

func (h hcl) role(a Account, r Role) error {
	id := h.id
	if !r.Writes {
		id += "_reader"
	}
	h.open("aws_iam_role", id)
	h.line("  name = %s", quoted(r.Name))
	h.line("  path = %s", quoted(r.Path))
	doc, err := hclJSON(a.Trust)
	if err != nil {
		return err
	}
	h.line("  assume_role_policy = jsonencode(%s)\n}", nobody.ReplaceAllString(doc, "var.peerd_principals"))
	for _, p := range a.carries(r.Writes) {
		if err := h.resource("aws_iam_role_policy", id+suffix(p.name), p.name, "aws_iam_role."+id+".id", p.Policy); err != nil {
			return err
		}
	}
	return nil
}

func suffix(policy string) string { return strings.Replace(policy, "peerd-", "_", 1) }

func (h hcl) open(kind, id string) {
	h.line("\nresource %q %q {", kind, id)
	if h.provider != "" {
		h.line("  provider = %s\n", h.provider)
	}
}

func (h hcl) resource(kind, id, name, role string, p Policy) error {
	h.open(kind, id)
	h.line("  name = %s", quoted(name))
	if role != "" {
		h.line("  role = %s", role)
	}
	doc, err := hclJSON(p)
	h.line("  policy = jsonencode(%s)\n}", doc)
	return err
}

var jsonKey = regexp.MustCompile(`(?m)^(\s*"(?:[^"\\]|\\.)*"):`)

// hclJSON is JSON as an HCL expression, as terraform fmt writes it: in strings ${ and %{ would begin a template.
func hclJSON(p Policy) (string, error) {
	doc, err := encode(p, "  ", "  ")
	return jsonKey.ReplaceAllString(escapeHCL(doc), "$1 :"), err
}

func quoted(s string) string { return `"` + escapeHCL(s) + `"` }

func escapeHCL(s string) string { return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s) }

// identifiers are names of accounts as Terraform takes them: without dots, and each its own.
func identifiers(s Set) []string {
	var out []string
	taken := map[string]bool{}
	for _, a := range s.Accounts {
		id := "peerd_" + strings.ReplaceAll(a.Name, ".", "_")
		if taken[id] {
			id = fmt.Sprintf("%s_%s", id, a.ID)
		}
		taken[id] = true
		out = append(out, id)
	}
	return out
}
