package wire

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

// Node is an XML element: text, or children. The zero Node is nothing and is left out, which is how optional members are written.
type Node struct {
	name string
	text string
	kids []Node
}

// Text is an element holding text, also when the text is empty.
func Text(name, text string) Node { return Node{name: name, text: text} }

// Opt is an element holding text, or nothing if there is none.
func Opt(name, text string) Node {
	if text == "" {
		return Node{}
	}
	return Text(name, text)
}

// Bool is an element holding true or false.
func Bool(name string, b bool) Node { return Text(name, strconv.FormatBool(b)) }

// Int is an element holding a number.
func Int(name string, n int) Node { return Text(name, strconv.Itoa(n)) }

// Time is an element holding a time the way EC2 writes it: milliseconds and Z; the zero time is left out.
func Time(name string, t time.Time) Node {
	if t.IsZero() {
		return Node{}
	}
	return Text(name, t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// Group is an element holding other elements.
func Group(name string, kids ...Node) Node { return Node{name: name, kids: kids} }

// Set is EC2's list: <name><item>…</item></name>; it is written also when empty, as EC2 does.
func Set[T any](name string, items []T, each func(T) []Node) Node {
	set := Node{name: name}
	for _, it := range items {
		set.kids = append(set.kids, Node{name: "item", kids: each(it)})
	}
	return set
}

func (n Node) write(b *bytes.Buffer) {
	if n.name == "" {
		return
	}
	b.WriteString("<" + n.name + ">")
	_ = xml.EscapeText(b, []byte(n.text)) // a Buffer never fails
	for _, k := range n.kids {
		k.write(b)
	}
	tag, _, _ := strings.Cut(n.name, " ") // a root carries its name space in its name
	b.WriteString("</" + tag + ">")
}

func document(root Node) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	root.write(&b)
	return b.Bytes()
}
