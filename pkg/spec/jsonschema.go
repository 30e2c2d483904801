package spec

import (
	"bytes"
	"encoding/json"
)

// jsonSchema is a JSON Schema: as much of draft-07 as a spec needs, written in this order.
type jsonSchema struct {
	Schema      string `json:"$schema,omitempty"`
	ID          string `json:"$id,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Ref         string `json:"$ref,omitempty"` // draft-07 has everything beside it ignored: only a description may stand there

	Type      any         `json:"type,omitempty"` // a name, or a list of them
	Const     any         `json:"const,omitempty"`
	Enum      []any       `json:"enum,omitempty"`
	Examples  []string    `json:"examples,omitempty"`
	Pattern   string      `json:"pattern,omitempty"`
	Not       *jsonSchema `json:"not,omitempty"`
	MinLength int         `json:"minLength,omitempty"`
	MaxLength int         `json:"maxLength,omitempty"`
	Minimum   *int64      `json:"minimum,omitempty"`
	Maximum   *int64      `json:"maximum,omitempty"`

	Items       *jsonSchema `json:"items,omitempty"`
	MinItems    int         `json:"minItems,omitempty"`
	MaxItems    int         `json:"maxItems,omitempty"`
	UniqueItems bool        `json:"uniqueItems,omitempty"`

	PropertyNames *jsonSchema `json:"propertyNames,omitempty"`
	MinProperties int         `json:"minProperties,omitempty"`
	MaxProperties int         `json:"maxProperties,omitempty"`
	Required      []string    `json:"required,omitempty"`
	Properties    properties  `json:"properties,omitempty"`
	Additional    any         `json:"additionalProperties,omitempty"` // a *jsonSchema, or false

	AllOf []*jsonSchema `json:"allOf,omitempty"`
	AnyOf []*jsonSchema `json:"anyOf,omitempty"`
	OneOf []*jsonSchema `json:"oneOf,omitempty"`
	If    *jsonSchema   `json:"if,omitempty"`
	Then  *jsonSchema   `json:"then,omitempty"`

	Definitions properties `json:"definitions,omitempty"`
}

// properties are schemas by name, in the order in which a spec's author would look for them: editors offer them so.
type properties []property

type property struct {
	name   string
	schema any // a *jsonSchema, or false: the property must not be there
}

// MarshalJSON writes a JSON object in the order of the list.
func (ps properties) MarshalJSON() ([]byte, error) {
	parts := make([][]byte, len(ps))
	for i, p := range ps {
		name, err := encode(p.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(p.schema)
		if err != nil {
			return nil, err
		}
		parts[i] = append(append(name, ':'), value...)
	}
	return append(append([]byte{'{'}, bytes.Join(parts, []byte{','})...), '}'), nil
}

// encode leaves &, < and > as they are: patterns are read by people.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
