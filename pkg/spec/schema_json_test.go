package spec_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/peerd/peerd/pkg/spec"
)

// unseen are the broken specs that a JSON Schema accepts, by the reason why it must.
var unseen = map[string][]string{
	"what a name stands for": {
		"hub-and-spoke-unmanaged", "hub-is-its-own-spoke", "hub-side-unmanaged", "hub-undefined", "mesh-exclude-a-stranger",
		"mesh-group-reference-across-regions", "mesh-member-undefined", "pair-across-partitions", "pair-of-unmanaged", "peering-vpc-misspelt",
		"peering-vpc-undefined", "peering-with-itself", "role-of-another-account", "role-of-another-partition", "account-in-two-partitions",
		"rule-account-undefined", "rule-account-unmanaged", "rule-peer-group-other-region", "rule-peer-group-unmanaged",
		"unmanaged-side-states-things", "unmanaged-vpc-by-tags", "vpc-account-misspelt", "vpc-account-undefined",
	},
	"the same twice, in several places or spellings": {
		"account-twice-in-two-files", "defaults-twice", "mesh-and-hub-that-disagree", "mesh-label-taken", "mesh-name-twice", "meshes-that-disagree",
		"owners-differ", "pair-in-both-directions", "pair-twice", "peering-name-twice", "peering-name-twice-of-a-broken-one", "rule-twice",
		"rule-ports-twice", "rule-twice-icmp", "to-twice", "same-account-under-two-names", "vpc-under-two-names", "vpc-under-two-names-by-tags",
	},
	"calculating with CIDRs": {
		"cidr-host-bits", "cidr-protected", "defaults-outside-the-peer", "mesh-of-overlapping", "pair-overlapping", "protected-host-bits",
		"rule-peer-outside", "to-host-bits", "to-in-the-vpc-itself", "to-outside-the-peer", "to-protected", "to-reserved",
	},
	"counting and comparing": {"rule-of-too-many-rules", "rule-ports-backwards", "session-too-long", "tags-too-many"},
	"an unquoted id is a number, which does not tell leading zeros": {"account-id-of-11-digits"},
	"YAML itself": {
		"alias", "alias-unknown", "colon-missing", "control-character", "duplicate-account-key", "duplicate-key", "empty-file", "key-is-a-list",
		"key-is-a-map", "list-not-closed", "merge-key-with-list-key", "not-utf8", "only-comments", "quote-not-closed", "second-colon",
		"tab-after-a-list", "tab-indent", "tagged-value", "unquoted-at-sign", "wrong-indent",
	},
}

// TestSchemaRefusesBrokenSpecs has every file of testdata/broken refused, but for those that no schema can see.
func TestSchemaRefusesBrokenSpecs(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	why := map[string]string{}
	for reason, names := range unseen {
		for _, name := range names {
			why[name] = reason
		}
	}
	for _, name := range broken(t) {
		seen := false
		for _, file := range broke(t, name) {
			docs, _ := documents(file.Data) // a syntax error is nothing that the schema sees
			for _, doc := range docs {
				seen = seen || schema.Validate(doc) != nil
			}
		}
		switch reason := why[name]; {
		case !seen && reason == "":
			t.Errorf("%s is accepted: say in the schema what is wrong with it, or list it as unseen", name)
		case seen && reason != "":
			t.Errorf("%s is refused, and listed as unseen: %s", name, reason)
		}
		delete(why, name)
	}
	for name := range why {
		t.Errorf("%s is listed as unseen and does not exist", name)
	}
}

// TestSchemaAcceptsValidSpecs takes each document of each valid spec.
func TestSchemaAcceptsValidSpecs(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	files, err := filepath.Glob("testdata/valid/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no valid specs: %v", err)
	}
	for _, file := range append(files, "../../peerings.example.yaml", "../../testdata/every-field.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := documents(data)
		if err != nil || len(docs) == 0 {
			t.Errorf("%s: %d documents, %v", file, len(docs), err)
		}
		for i, doc := range docs {
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s, document %d: %v", file, i, err)
			}
		}
	}
}

// compiled returns the schema, which must be one of draft-07 and refer to nothing outside.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := spec.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("spec.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("spec.json")
	if err != nil {
		t.Fatal(err)
	}
	if schema.DraftVersion != 7 {
		t.Errorf("draft %d, want 7", schema.DraftVersion)
	}
	return schema
}

// documents reads a file as an editor does, each document as JSON would have it; those before a syntax error count.
func documents(data []byte) ([]any, error) {
	var docs []any
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return docs, err
		}
		doc, err := asJSON(n.Content[0], 0)
		if err != nil {
			return docs, err
		}
		docs = append(docs, doc)
	}
}

func asJSON(n *yaml.Node, depth int) (any, error) {
	if depth > 100 {
		return nil, errors.New("too deep")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return asJSON(n.Alias, depth+1)
	case yaml.MappingNode:
		return object(n, depth)
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if items[i], err = asJSON(item, depth+1); err != nil {
				return nil, err
			}
		}
		return items, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	if _, isTime := v.(time.Time); isTime {
		return n.Value, nil // YAML 1.2 has no times
	}
	return v, nil
}

func object(n *yaml.Node, depth int) (any, error) {
	fields := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key that is no text", n.Content[i].Line)
		}
		v, err := asJSON(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		fields[n.Content[i].Value] = v
	}
	return fields, nil
}

// TestSchemaIsDraft07 looks for what later drafts brought.
func TestSchemaIsDraft07(t *testing.T) {
	t.Parallel()
	text, err := spec.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"$defs", "$anchor", "$dynamicRef", "unevaluated", "dependentRequired", "dependentSchemas", "prefixItems", "minContains", "(?"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the schema has %s", word)
		}
	}
}
