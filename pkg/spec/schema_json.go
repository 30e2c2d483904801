package spec

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Schema returns a JSON Schema (draft-07) of one document of a spec, made from the shapes that Load checks documents against. What Load finds by
// looking at several places, by calculating with CIDRs or in the YAML itself, it cannot see.
func Schema() ([]byte, error) {
	s := bodyOf(documentShape)
	s.Schema = "http://json-schema.org/draft-07/schema#"
	s.ID = "urn:peerd:schema:peerings"
	s.Title = "peerd spec"
	s.Description = "Which VPCs are peered, what is routed between them and what may pass: one document of a spec, " + apiVersion + "."
	for _, p := range definitions {
		s.Definitions = append(s.Definitions, property{p.name, describedBody(p.shape)})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(s)
	return b.Bytes(), err
}

// definitions are the shapes that the schema defines once and refers to, with their names there.
var definitions = []struct {
	name  string
	shape *shape
}{
	{"account", accountShape}, {"vpc", vpcShape}, {"peering", peeringShape}, {"mesh", meshShape}, {"hub", hubShape},
	{"suspend", suspendShape}, {"side", sideShape}, {"plainSide", plainSideShape}, {"routes", routesShape}, {"tables", tablesShape},
	{"destination", destShape}, {"rule", ruleShape}, {"group", groupShape}, {"matchTags", matchTags}, {"ownTags", ownTags},
	{"name", name}, {"region", region},
	{"cidr", cidr}, {"network", network}, {"prefixList", prefixList}, {"role", roleShape}, {"quota", count}, {"ports", portsShape},
}

// schemaOf returns a shape's schema, or a reference to it.
func schemaOf(s *shape) *jsonSchema {
	for _, d := range definitions {
		if d.shape == s {
			return &jsonSchema{Ref: "#/definitions/" + d.name}
		}
	}
	return bodyOf(s)
}

func bodyOf(s *shape) *jsonSchema {
	switch s.form {
	case isBool:
		return &jsonSchema{Type: "boolean"}
	case isList:
		return &jsonSchema{Type: "array", Items: schemaOf(s.elem), MinItems: s.fewest, MaxItems: s.most, UniqueItems: s.unique}
	case isMap:
		return &jsonSchema{Type: "object", PropertyNames: keyOf(s.key), Additional: schemaOf(s.elem), MinProperties: s.fewest, MaxProperties: s.most}
	case isObject:
		return objectOf(s)
	case isUnion:
		return unionOf(s)
	}
	return textOf(s)
}

func describedBody(s *shape) *jsonSchema {
	j := bodyOf(s)
	j.Description = sentence(s.what)
	return j
}

// sentence makes one of what a shape is.
func sentence(what string) string {
	r, size := utf8.DecodeRuneInString(what)
	return string(unicode.ToUpper(r)) + what[size:] + "."
}

// unionOf tells the forms apart by their types, so that exactly one can fit.
func unionOf(s *shape) *jsonSchema {
	j := &jsonSchema{}
	for _, k := range []kind{scalar, list, mapping} {
		if form := s.union[k]; form != nil {
			alternative := schemaOf(form)
			alternative.Description = sentence(form.what)
			j.OneOf = append(j.OneOf, alternative)
		}
	}
	return j
}

func objectOf(s *shape) *jsonSchema {
	j := &jsonSchema{Type: "object", Additional: false}
	for _, f := range s.fields {
		part := schemaOf(f.shape)
		part.Description = f.doc
		j.Properties = append(j.Properties, property{f.name, part})
		if f.required {
			j.Required = append(j.Required, f.name)
		}
	}
	for _, name := range s.oneOf {
		j.OneOf = append(j.OneOf, &jsonSchema{Required: []string{name}})
	}
	for _, c := range s.conditions {
		j.AllOf = append(j.AllOf, &jsonSchema{If: c.premise(s), Then: c.consequence()})
	}
	return j
}

// premise is a schema of the objects that a condition is about.
func (c condition) premise(s *shape) *jsonSchema {
	j := &jsonSchema{Required: []string{c.field}}
	switch {
	case c.is != nil:
		j.Properties = properties{{c.field, &jsonSchema{Enum: c.is}}}
	case c.isNot != nil: // a value that is wrong in itself is complained about once
		j.Properties = properties{{c.field, &jsonSchema{AllOf: []*jsonSchema{schemaOf(s.field(c.field)), {Not: &jsonSchema{Enum: c.isNot}}}}}}
	}
	return j
}

func (c condition) consequence() *jsonSchema {
	j := &jsonSchema{}
	for _, name := range c.bars {
		j.Properties = append(j.Properties, property{name, false})
	}
	if len(c.needs) == 1 {
		j.Required = c.needs
		return j
	}
	for _, name := range c.needs {
		j.AnyOf = append(j.AnyOf, &jsonSchema{Required: []string{name}})
	}
	return j
}

// keyOf is the schema of a map's keys, which are text whatever they look like.
func keyOf(s *shape) *jsonSchema {
	j := textOf(s)
	j.Type = nil
	return j
}

func textOf(s *shape) *jsonSchema {
	if s.words != nil {
		return wordsOf(s)
	}
	types := typesOf(s)
	j := &jsonSchema{Type: types, Examples: s.examples, Pattern: s.pattern, MinLength: s.fewest, MaxLength: s.most, Minimum: s.least, Maximum: s.largest}
	if s.butNot != "" {
		j.Not = &jsonSchema{Type: "string", Pattern: s.butNot}
	}
	if len(types) == 1 {
		j.Type = types[0]
	}
	return j
}

// typesOf returns the types as which YAML may read a text that the spec accepts: 123 as a number, true as a truth. The parser is
// asked, so that the two cannot disagree.
func typesOf(s *shape) []string {
	types := []string{"string"}
	switch {
	case s.accepts("1.5"):
		types = append(types, "number")
	case s.accepts("12") || s.accepts("123456789012"):
		types = append(types, "integer")
	}
	if s.accepts("true") {
		types = append(types, "boolean")
	}
	return types
}

func (s *shape) accepts(text string) bool {
	_, err := s.parse(text)
	return err == nil
}

// wordsOf states the type besides the words, so that an editor complains about a map in its place by naming the other forms.
func wordsOf(s *shape) *jsonSchema {
	j := &jsonSchema{Type: "string"}
	for _, w := range s.words {
		if isTruth(w) {
			j.Type = nil
			j.Enum = append(j.Enum, strings.EqualFold(w, "true"))
			continue
		}
		j.Enum = append(j.Enum, w)
	}
	if len(j.Enum) == 1 {
		j.Const, j.Enum = j.Enum[0], nil
	}
	return j
}
