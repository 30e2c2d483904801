package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/spec"
)

// person is somebody at a terminal, to whom problems are shown.
type person struct {
	shows  bool                // the lines in the files
	paints bool                // in colour
	files  map[string][]string // their lines, as far as they were read
}

// The colours of a terminal (ECMA-48).
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

func (p person) paint(color, text string) string {
	if !p.paints || text == "" {
		return text
	}
	return color + text + plain
}

func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// excerpt writes the line of a place, and a caret below it. A file that cannot be read any more, or a line nobody would read, is left out.
func (p person) excerpt(b *bytes.Buffer, at spec.Pos) {
	lines := p.lines(at.File)
	if at.Line > len(lines) || len(lines[at.Line-1]) > maxLine {
		return
	}
	text, before := around(lines[at.Line-1], at.Col)
	number := strconv.Itoa(at.Line)
	fmt.Fprintf(b, "  %s | %s\n", number, text)
	fmt.Fprintf(b, "  %*s | %*s%s\n", len(number), "", before, "", p.paint(red, "^"))
}

const (
	maxLine = 64 << 10
	maxFile = 4 << 20 // what a spec file can be
)

// lineBreak is what the YAML parser counts as the end of a line.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

func (p person) lines(name string) []string {
	if lines, known := p.files[name]; known {
		return lines
	}
	p.files[name] = nil
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close() // only read: nothing is lost by an error here
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil || len(data) > maxFile {
		return nil
	}
	p.files[name] = lineBreak.Split(strings.TrimPrefix(string(data), "\ufeff"), -1)
	return p.files[name]
}

// cell is a character as it is shown, and how many columns of a terminal it takes.
type cell struct {
	text  string
	width int
}

const (
	tabWidth = 4
	room     = 68 // with numbers and bars within 80 columns
)

// around returns the part of a line around a column, which counts characters from 1, as wide as there is room, and the width of what stands
// before the column.
func around(line string, col int) (text string, before int) {
	cells := cellsOf(line)
	at := min(col-1, len(cells))
	from, to := window(cells, at)
	var b strings.Builder
	if from > 0 {
		b.WriteString("…")
		before = 1
	}
	for i, c := range cells[from:to] {
		b.WriteString(c.text)
		if from+i < at {
			before += c.width
		}
	}
	if to < len(cells) {
		b.WriteString("…")
	}
	return b.String(), before
}

// window grows from a cell to both sides by turns until the room is used up.
func window(cells []cell, at int) (from, to int) {
	from, to = at, at
	left := room
	for grew := true; grew; {
		grew = false
		if to < len(cells) && cells[to].width <= left {
			left -= cells[to].width
			to++
			grew = true
		}
		if from > 0 && cells[from-1].width <= left {
			from--
			left -= cells[from].width
			grew = true
		}
	}
	return from, to
}

func cellsOf(line string) []cell {
	cells := make([]cell, 0, len(line))
	for _, r := range line {
		cells = append(cells, cellOf(r))
	}
	return cells
}

// cellOf tells a character's width (Unicode Standard Annex 11, "East Asian Width").
func cellOf(r rune) cell {
	text := string(r)
	if r == '\t' {
		return cell{strings.Repeat(" ", tabWidth), tabWidth}
	}
	if shown := render.Plain(text); shown != text {
		return cell{shown, len(shown)}
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return cell{text, 0}
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return cell{text, 2}
	}
	return cell{text, 1}
}
