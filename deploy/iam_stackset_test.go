package deploy

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/peerd/peerd/pkg/tooltest"
)

// cfn-lint knows the schema of each resource, and what functions may stand where.
func TestStackSetIsLinted(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "cfn-lint"), "iam/stackset.yaml").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// template is what a stack is made from.
type template struct {
	Parameters map[string]struct {
		Type    string `yaml:"Type"`
		Default string `yaml:"Default"`
	} `yaml:"Parameters"`
	Conditions map[string]yaml.Node `yaml:"Conditions"`
	Resources  map[string]struct {
		Type       string    `yaml:"Type"`
		Condition  string    `yaml:"Condition"`
		Properties yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

// stack evaluates a template as CloudFormation does ("Intrinsic function reference" of its user guide).
type stack struct {
	t *testing.T
	template
	values map[string]any // of parameters, and names of roles
}

// byStackSet makes the roles that a stack of the template has.
func byStackSet(t *testing.T, given parameters) map[string]memberRole {
	t.Helper()
	s := stack{t: t, values: map[string]any{"AWS::AccountId": given["account"], "AWS::Partition": given["partition"]}}
	if err := yaml.Unmarshal([]byte(read(t, "iam/stackset.yaml")), &s.template); err != nil {
		t.Fatal(err)
	}
	s.take(given)
	roles := map[string]memberRole{}
	s.each("AWS::IAM::Role", func(id string, properties map[string]any) {
		s.values[id] = properties["RoleName"]
		roles[properties["RoleName"].(string)] = s.role(properties)
	})
	s.each("AWS::IAM::RolePolicy", func(_ string, p map[string]any) {
		roles[p["RoleName"].(string)].Policies[p["PolicyName"].(string)] = document(t, jsonOf(t, p["PolicyDocument"]))
	})
	return roles
}

// take gives the parameters their values, or their defaults.
func (s stack) take(given parameters) {
	for name, p := range s.Parameters {
		value := p.Default
		if v, ok := given[snake(name)]; ok {
			value = fmt.Sprint(v)
			if all, is := v.([]string); is {
				value = strings.Join(all, ",")
			}
		}
		s.values[name] = value
		if p.Type == "CommaDelimitedList" {
			s.values[name] = anys(strings.Split(value, ","))
		}
	}
}

// each calls with the properties of each resource of a type that the stack has.
func (s stack) each(kind string, do func(id string, properties map[string]any)) {
	for id, r := range s.Resources {
		if r.Type == kind && s.holds(r.Condition) {
			do(id, s.eval(&r.Properties).(map[string]any))
		}
	}
}

func (s stack) role(p map[string]any) memberRole {
	session, err := strconv.ParseFloat(fmt.Sprint(p["MaxSessionDuration"]), 64)
	if err != nil {
		s.t.Fatal(err)
	}
	boundary, _ := p["PermissionsBoundary"].(string)
	trust := document(s.t, jsonOf(s.t, p["AssumeRolePolicyDocument"]))
	return memberRole{Path: p["Path"].(string), Boundary: boundary, Session: session, Trust: trust, Policies: documents{}}
}

// snake is a parameter's name as Terraform's variables have it.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func anys(all []string) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = s
	}
	return out
}

func (s stack) holds(condition string) bool {
	if condition == "" {
		return true
	}
	n, ok := s.Conditions[condition]
	if !ok {
		s.t.Fatalf("no condition %s", condition)
	}
	return s.eval(&n).(bool)
}

// nothing is AWS::NoValue: what has it is left out.
type nothing struct{}

func (s stack) eval(n *yaml.Node) any {
	s.t.Helper()
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return s.call(n)
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			if v := s.eval(n.Content[i+1]); v != (any)(nothing{}) {
				out[n.Content[i].Value] = v
			}
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, s.eval(c))
		}
		return out
	}
	return n.Value
}

func (s stack) call(n *yaml.Node) any {
	s.t.Helper()
	arg := func(i int) any { return s.eval(n.Content[i]) }
	switch n.Tag {
	case "!Ref":
		return s.ref(n.Value)
	case "!Sub":
		return s.sub(n.Value)
	case "!Join":
		var parts []string
		for _, v := range arg(1).([]any) {
			parts = append(parts, v.(string))
		}
		return strings.Join(parts, arg(0).(string))
	case "!Split":
		return anys(strings.Split(arg(1).(string), arg(0).(string)))
	case "!Equals":
		return arg(0) == arg(1)
	case "!Not":
		return !arg(0).(bool)
	case "!If":
		if s.holds(n.Content[0].Value) {
			return arg(1)
		}
		return arg(2)
	}
	s.t.Fatalf("line %d: %s is not understood", n.Line, n.Tag)
	return nil
}

func (s stack) ref(name string) any {
	if name == "AWS::NoValue" {
		return nothing{}
	}
	v, ok := s.values[name]
	if !ok {
		s.t.Fatalf("no parameter %s", name)
	}
	return v
}

func (s stack) sub(text string) string {
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			return text
		}
		name, after, _ := strings.Cut(rest, "}")
		text = before + s.ref(name).(string) + after
	}
}
