package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Limits of one file, and the values of all of them. yaml.v3 spends about 250 bytes on a value and the tree as many, so that a bomb
// costs tens of megabytes at most; aliases are not followed at all.
const (
	maxValues    = 60_000
	maxAllValues = 400_000
	maxDocuments = 1_000
	maxDepth     = 24
)

// parser reads files into trees.
type parser struct {
	ps     *problems
	values int // read so far
}

// parse reads every document of a file. Decoding into a yaml.Node follows no alias and merges no map; decoding an unchecked tree into
// structs would: yaml.v3 v3.0.1 panics on "? [x]\n: 1\n<<: {b: 1}" there.
func (p *parser) parse(file string, data []byte) []*node {
	ps := p.ps
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	pos, values, why := survey(file, data)
	if p.values += values; why == "" && p.values > maxAllValues {
		pos, why = Pos{file, 1, 1}, fmt.Sprintf("more than %d values in the files up to here: use meshes and hubs", maxAllValues)
	}
	if why != "" {
		ps.lose(pos, "%s", why)
		return nil
	}
	var docs []*node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for count := 0; ; count++ {
		doc, err := decode(dec)
		switch {
		case errors.Is(err, io.EOF) && count == 0:
			ps.lose(Pos{file, 1, 1}, "the file holds no document: begin it with apiVersion: %s, or remove it", apiVersion)
			return nil
		case errors.Is(err, io.EOF):
			return docs
		case err != nil:
			pos, why := syntaxError(file, data, err)
			ps.lose(pos, "not YAML: %s", why)
			return docs
		case count == maxDocuments:
			ps.lose(Pos{file, doc.Line, doc.Column}, "more than %d documents in one file: split it", maxDocuments)
			return docs
		}
		c := converter{file: file, ps: ps}
		if n := c.convert(doc.Content[0], nil, "", 0); n != nil {
			docs = append(docs, n)
		}
	}
}

// decode reads one document. The recover is for yaml.v3 itself: it re-panics whatever is not its own kind of error, and a spec file,
// which anybody may send in a pull request, must not stop the daemon.
func decode(dec *yaml.Decoder) (doc *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("yaml: the parser cannot read it")
		}
	}()
	doc = &yaml.Node{}
	if err := dec.Decode(doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 {
		return nil, errors.New("yaml: the document has no content")
	}
	return doc, nil
}

// converter turns YAML's nodes into ours and refuses what a spec does not need.
type converter struct {
	file string
	ps   *problems
}

// convert returns the node, or nil after a complaint.
func (c *converter) convert(y *yaml.Node, parent *node, step string, depth int) *node {
	n := &node{pos: Pos{c.file, y.Line, y.Column}, parent: parent, step: step, text: y.Value}
	if why := refusal(y, parent, depth); why != "" {
		c.ps.at(n, "%s", why)
		return nil
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = mapping
		c.fields(n, y.Content, depth)
	case yaml.SequenceNode:
		n.kind = list
		c.items(n, y.Content, depth)
	default:
		n.quoted = y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	}
	return n
}

func refusal(y *yaml.Node, parent *node, depth int) string {
	switch {
	case y.Kind == yaml.AliasNode:
		return "aliases (*" + safe(y.Value) + ") are refused, so that every value stands where it counts: write the value out"
	case y.Style&yaml.TaggedStyle != 0:
		return "the tag " + safe(y.Tag) + " has no meaning here: remove it"
	case y.Kind == yaml.ScalarNode && y.Tag == "!!null" && parent == nil:
		return "the document is empty: begin it with apiVersion: " + apiVersion + ", or remove the --- before it"
	case y.Kind == yaml.ScalarNode && y.Tag == "!!null":
		return "there is no value: give one, or remove the entry"
	case depth > maxDepth:
		return "nested more than " + strconv.Itoa(maxDepth) + " levels deep: no part of a spec is"
	}
	return ""
}

func (c *converter) items(n *node, content []*yaml.Node, depth int) {
	for i, y := range content {
		item := c.convert(y, n, "["+strconv.Itoa(i)+"]", depth+1)
		if item == nil {
			n.broken = true
			continue
		}
		n.items = append(n.items, item)
	}
}

func (c *converter) fields(n *node, content []*yaml.Node, depth int) {
	lines := make(map[string]int, len(content)/2)
	for i := 0; i+1 < len(content); i += 2 {
		k, v := content[i], content[i+1]
		key := &node{pos: Pos{c.file, k.Line, k.Column}, parent: n, step: safe(k.Value), text: k.Value}
		if why := keyRefusal(k, lines); why != "" {
			c.ps.add(key.pos, n.path(), "%s", why)
			n.lose(k.Value)
			continue
		}
		lines[k.Value] = k.Line
		val := c.convert(v, n, key.step, depth+1)
		if val == nil {
			n.lose(k.Value)
			continue
		}
		n.fields = append(n.fields, entry{key, val})
	}
}

func keyRefusal(k *yaml.Node, lines map[string]int) string {
	switch {
	case k.Kind == yaml.AliasNode:
		return "an alias as a key is refused: write the key out"
	case k.Kind != yaml.ScalarNode:
		return "a key must be plain text, not a list or map"
	case k.Tag == "!!merge":
		return "merge keys (<<) are refused, so that every value stands where it counts: write the fields out, or use defaults"
	case k.Tag == "!!null":
		return "the key is empty: give it a name, or remove the entry"
	case lines[k.Value] > 0:
		return "the key " + quote(k.Value) + " is set twice, first in line " + strconv.Itoa(lines[k.Value]) + ": keep one"
	}
	return ""
}

// firstError returns the first syntax error of data, nil when there is none.
func firstError(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := decode(dec); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
