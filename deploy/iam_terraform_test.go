package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/tooltest"
)

// terraform returns Terraform or its twin OpenTofu, run in a directory.
func terraform(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("tofu")
	if err != nil {
		program = tooltest.Need(t, "terraform")
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("terraform %s: %w\n%s%s", args[0], err, out, stderr.String())
	}
	return string(out), err
}

func TestTerraformFormat(t *testing.T) {
	t.Parallel()
	if _, err := terraform(t, ".", "fmt", "-check", "-diff", "-recursive", "iam"); err != nil {
		t.Error(err)
	}
}

// byTerraform lets Terraform make the module's roles, once for each of several parameters.
func byTerraform(t *testing.T, all map[string]parameters) map[string]map[string]memberRole {
	t.Helper()
	modules := map[string]parameters{}
	for name, p := range all {
		m := parameters{"source": "./member"}
		maps.Copy(m, p)
		modules[name] = m
	}
	return applied(t, "main.tf.json", jsonOf(t, map[string]any{"module": modules}))
}

// applied is what a root module makes with the member's beside it. The provider of AWS is not at hand, so each of its resources stands there as
// one of terraform_data, which only holds the arguments, and the account is a variable.
func applied(t *testing.T, file, text string) map[string]map[string]memberRole {
	t.Helper()
	dir := t.TempDir()
	module := filepath.Join(dir, "member")
	for _, name := range []string{"variables.tf", "policies.tf", "main.tf"} {
		writeFile(t, filepath.Join(module, name), withoutProvider(t, read(t, "iam/terraform/"+name)))
	}
	writeFile(t, filepath.Join(module, "account.tf"), `
variable "account" { default = "222222222222" }
variable "partition" { default = "aws" }
locals {
  account   = var.account
  partition = var.partition
}
`)
	writeFile(t, filepath.Join(dir, file), text)
	var shown string
	for _, args := range [][]string{{"init", "-no-color"}, {"apply", "-no-color", "-auto-approve"}, {"show", "-json"}} {
		var err error
		if shown, err = terraform(t, dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	return rolesInState(t, shown)
}

// The document's module makes both roles, and its stack set names parameters that there are.
func TestMemberDocument(t *testing.T) {
	t.Parallel()
	doc := read(t, "../docs/permissions.md")
	module := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindStringSubmatch(doc)
	if module == nil {
		t.Fatal("no module is shown")
	}
	source := regexp.MustCompile(`source = "[^"]*//deploy/iam/terraform\?ref=[^"]*"`)
	made := applied(t, "main.tf", source.ReplaceAllString(module[1], `source = "./member"`))
	if roles := made["peerd"]; len(roles) != 2 || len(roles["peerd-read"].Trust.Statement[0].Principal.AWS) != 2 {
		t.Errorf("%v", made)
	}
	stackSet := read(t, "iam/stackset.yaml")
	keys := regexp.MustCompile(`ParameterKey=(\w+)`).FindAllStringSubmatch(doc, -1)
	for _, k := range keys {
		if !strings.Contains(stackSet, "\n  "+k[1]+":\n") {
			t.Errorf("the template has no parameter %s", k[1])
		}
	}
	if len(keys) == 0 {
		t.Error("no parameters are shown")
	}
}

var (
	resourceBlock = regexp.MustCompile(`(?ms)^resource "(\w+)" "(\w+)" \{\n(?:(  count = [^\n]+)\n\n)?(.*?)^\}`)
	reference     = regexp.MustCompile(`\b(aws_iam_\w+)\.(\w+)`)
)

func withoutProvider(t *testing.T, text string) string {
	t.Helper()
	text = resourceBlock.ReplaceAllStringFunc(text, func(block string) string {
		m := resourceBlock.FindStringSubmatch(block)
		mustTake(t, m[1], m[4])
		return fmt.Sprintf("resource \"terraform_data\" \"%s_%s\" {\n%s\n  input = {\n%s\n  }\n}", m[1], m[2], m[3], m[4])
	})
	return reference.ReplaceAllString(text, "terraform_data.${1}_$2")
}

// takes are the arguments of resources that the module may use, those that must be there first, as in the npm package @cdktf/provider-aws 21.22.1,
// which is made from the provider's own schema.
var takes = map[string][]string{
	"aws_iam_role":        {"assume_role_policy", "name", "path", "description", "max_session_duration", "permissions_boundary", "tags"},
	"aws_iam_role_policy": {"role", "policy", "name"},
}

func mustTake(t *testing.T, kind, body string) {
	t.Helper()
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+) += `).FindAllStringSubmatch(body, -1) {
		have = append(have, m[1])
		if !slices.Contains(takes[kind], m[1]) {
			t.Errorf("%s takes no %s", kind, m[1])
		}
	}
	if need := takes[kind]; len(need) == 0 || !slices.Contains(have, need[0]) || !slices.Contains(have, need[1]) && kind == "aws_iam_role_policy" {
		t.Errorf("%s lacks arguments: it has %v", kind, have)
	}
}

// state is what Terraform has made, as far as it is looked at.
type state struct {
	Values struct {
		Root struct {
			Children []struct {
				Address   string
				Resources []made
			} `json:"child_modules"`
		} `json:"root_module"`
	}
}

// made is one resource with its arguments.
type made struct {
	Values struct {
		ID    string
		Input struct {
			Name, Path, Role, Policy string
			Trust                    string  `json:"assume_role_policy"`
			Boundary                 string  `json:"permissions_boundary"`
			Session                  float64 `json:"max_session_duration"`
		}
	}
}

// rolesInState reads, for each module, the roles and what they carry.
func rolesInState(t *testing.T, shown string) map[string]map[string]memberRole {
	t.Helper()
	var s state
	if err := json.Unmarshal([]byte(shown), &s); err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]memberRole{}
	for _, m := range s.Values.Root.Children {
		out[strings.TrimPrefix(m.Address, "module.")] = rolesOf(t, m.Resources)
	}
	return out
}

func rolesOf(t *testing.T, all []made) map[string]memberRole {
	t.Helper()
	roles, names := map[string]memberRole{}, map[string]string{}
	for _, r := range all {
		if in := r.Values.Input; in.Trust != "" {
			names[r.Values.ID] = in.Name
			roles[in.Name] = memberRole{Path: in.Path, Boundary: in.Boundary, Session: in.Session, Trust: document(t, in.Trust), Policies: documents{}}
		}
	}
	for _, r := range all {
		if in := r.Values.Input; in.Trust == "" {
			roles[names[in.Role]].Policies[in.Name] = document(t, in.Policy)
		}
	}
	return roles
}

// What the variables do not take is refused with a sentence.
func TestTerraformVariables(t *testing.T) {
	t.Parallel()
	for variable, value := range map[string]any{
		"owner": "none", "principals": []string{"*"}, "read_principals": []string{"arn:aws:iam::1:role/x"}, "external_id": "a b", "regions": []string{},
		"peer_vpcs": []string{"vpc-1"}, "tag_keys": []string{"peerd:owner"}, "max_session_duration": 60,
	} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "variables.tf"), read(t, "iam/terraform/variables.tf"))
			given := parameters{"owner": "acme", "principals": []string{"arn:aws:iam::111111111111:role/peerd"}, "regions": []string{"eu-west-1"}}
			plan := func() (string, error) {
				text, err := json.Marshal(given)
				if err != nil {
					t.Fatal(err)
				}
				writeFile(t, filepath.Join(dir, "terraform.tfvars.json"), string(text))
				return terraform(t, dir, "plan", "-no-color", "-input=false")
			}
			if _, err := plan(); err != nil {
				t.Fatal(err)
			}
			given[variable] = value
			if _, err := plan(); err == nil || !strings.Contains(err.Error(), "Invalid value for variable") {
				t.Errorf("%s = %v is taken: %v", variable, value, err)
			}
		})
	}
}
