package spec

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// samples are texts that some field accepts or nearly does; each is tried on every field.
var samples = strings.Split(`true|false|True|TRUE|yes|unmanaged|none|all|main|report|replace|ingress|cidrs|0|1|6|17|22|58|255|256|65535|65536|-1|-2|-01|+1|+5|007
012345678901|123456789012|999999999999|1000000000000|12345678901|000000000000|1.5|1.10|1e5|.5|-0.5|0x1f|0o17|1_000|2024-01-01|2026-12-01T00:00:00Z
2026-12-01T2:00:00.5+02:00|2026-12-01T00:00:00,5Z|2026-12-01 00:00:00Z|a|ab|a-|-a|a--b|a.b_c-d|A|hub/payments|core/a--b|a b| a|peerd/v1|peerd/v2|acme/net@eu
eu-west-1|us-gov-west-1|xx-new-place-12|eu-west-1a|EU-WEST-1|Ireland|10.0.0.0/8|10.0.0.0/16|10.0.0.0/33|10.0.0.1/16|0.0.0.0/0|10.0.0.1|10.01.0.0/16|10.0.0.0/08
256.0.0.0/8|::/0|::1/128|2001:db8::/32|2001:DB8::/32|2001:db8::/129|::ffff:10.0.0.0/104|64:ff9b::1.2.3.0/120|fe80::%eth0/64|vpc-00000001|vpc-0a1b2c3d4e5f60001
vpc-0000000A|rtb-00000001|pl-00000001|sg-00000001|sg-0a1b2c3d4e5f60001|sg-app|sg-|sg|app's|web servers (prod)|say "hi"|50%|ü|a	b|8000-8100|8000 - 8100|8100-8000
22-|-22|0022|22-22|ssh|99999-1|70000|tcp|TCP|tpc|icmpv6|047|15m|1h|900000ms|+1h|1h30m0.5s|900|15|14m|13h|1.5h|µs|3600000000µs|arn:aws:iam::222222222222:role/net/peerd
arn:aws-cn:iam::222222222222:role/peerd|arn:aws:iam::222222222222:user/peerd|peerd@x|x/y|INC-42|  |.|aws:team|AWS:team|peerd:owner|aws|Peerd|Name|~|null|`+
	strings.Repeat("a", 63)+"|"+strings.Repeat("a", 64)+"|"+strings.Repeat("a", 127)+"|"+strings.Repeat("ü", 127)+"|"+strings.Repeat("a", 128)+"|"+
	strings.Repeat("a", 200)+"|"+strings.Repeat("a", 201)+"|"+strings.Repeat("ü", 200)+"|"+strings.Repeat("a", 255)+"|"+strings.Repeat("a", 256)+"|"+
	strings.Repeat("ü", 256)+"|"+strings.Repeat("a", 257)+"|"+strings.Repeat("1", 1224)+"|"+strings.Repeat("1", 1225), "|")

// beyond are, of the samples, those that the schema accepts in quotes and the parser does not, by what the field is.
var beyond = map[string]string{
	"a CIDR such as 10.20.0.0/16": "10.0.0.1/16 ::ffff:10.0.0.0/104",
	"a duration such as 15m":      "14m 13h",
}

// TestTextsAreJudgedAlike tries every sample on every field, quoted and as YAML reads it without quotes: what the walk accepts the schema
// accepts; in quotes, what it refuses the schema refuses, but for what is beyond it.
func TestTextsAreJudgedAlike(t *testing.T) {
	t.Parallel()
	for _, s := range texts(documentShape) {
		schema := compiledText(t, s)
		var loose []string
		for _, text := range samples {
			for _, form := range formsOf(text) {
				strict := (&walker{ps: &problems{}}).check(form.node, s)
				accepted := schema.Validate(form.value) == nil
				switch {
				case s.butNot == cidrOfAll && strings.HasSuffix(text, "/0"): // a later step refuses it
				case strict && !accepted:
					t.Errorf("%s: %q (%T) is accepted, and its schema refuses it", s.what, text, form.value)
				case accepted && !strict && form.node.quoted && len(text) < 100:
					loose = append(loose, text)
				}
			}
		}
		if got := strings.Join(loose, " "); got != beyond[s.what] {
			t.Errorf("%s: its schema also accepts\n got %s\nwant %s", s.what, got, beyond[s.what])
		}
	}
}

// written is a text in one way of writing it, and what YAML makes of it.
type written struct {
	node  *node
	value any
}

func formsOf(text string) []written {
	forms := []written{{&node{text: text, quoted: true}, text}}
	var n yaml.Node
	var v any
	if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) != 1 || n.Content[0].Kind != yaml.ScalarNode || n.Content[0].Decode(&v) != nil || v == nil {
		return forms
	}
	if n.Content[0].Tag == "!!timestamp" {
		v = text
	}
	return append(forms, written{&node{text: n.Content[0].Value}, v})
}

// texts returns the single values below a shape, each once.
func texts(top *shape) []*shape {
	var out []*shape
	seen := map[*shape]bool{}
	var visit func(*shape)
	visit = func(s *shape) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		if s.form == isText || s.form == isBool {
			out = append(out, s)
		}
		for _, f := range s.fields {
			visit(f.shape)
		}
		visit(s.elem)
		visit(s.key)
		for _, k := range []kind{scalar, list, mapping} {
			visit(s.union[k])
		}
	}
	visit(top)
	return out
}

func compiledText(t *testing.T, s *shape) *jsonschema.Schema {
	t.Helper()
	text, err := encode(bodyOf(s))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("text.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("text.json")
}
