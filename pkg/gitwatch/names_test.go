package gitwatch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
)

// What lies below the path and is not a regular file with a harmless name refuses the commit by name; nothing of it is read, and the next
// commit without it is handed out.
func TestF15Names(t *testing.T) {
	t.Parallel()
	hereAndThere(t, func(t *testing.T, o *origin, c gitwatch.Config) {
		file := o.put("blob", "a: 1\n")
		empty := o.put("tree", "")
		good := line("100644", "a.yaml", file)
		pointer := o.put("blob", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n")
		target := o.put("blob", "/etc/passwd")
		const gone = "0123456789012345678901234567890123456789"
		c.Path = "specs"
		w := watch(t, c)
		for name, bad := range map[string]struct {
			line string // of the tree, or several
			has  string // what is in the tree's bytes then
			said []string
		}{
			"a link to a file":           {line("120000", "l.yaml", target), "120000 l.yaml", []string{`"specs/l.yaml" is a symbolic link`}},
			"a link that is no spec":     {line("120000", "logo.png", target), "120000 logo.png", []string{`"specs/logo.png" is a symbolic link`}},
			"a link to a directory":      {line("120000", "up", o.put("blob", "../..")), "120000 up", []string{`"specs/up" is a symbolic link`}},
			"a submodule":                {line("160000", "mod", gone), "160000 mod", []string{`"specs/mod" is a submodule`}},
			"a pointer of Git LFS":       {line("100644", "big.yaml", pointer), "100644 big.yaml", []string{`"specs/big.yaml" is a pointer of Git LFS`}},
			"a device":                   {line("20666", "null.yaml", file), "20666 null.yaml", []string{`"specs/null.yaml" is neither a file nor a directory`}},
			"a way up":                   {line("40000", "..", empty), "40000 ..", []string{`"specs/.." has a name that is a path`}},
			"here":                       {line("40000", ".", empty), "40000 .", []string{`"specs/." has a name that is a path`}},
			"no name":                    {line("100644", "", file), "100644 \x00", []string{`"specs/" has a name that is a path`}},
			"a path upwards":             {line("100644", "../x.yaml", file), "../x.yaml", []string{`"specs/../x.yaml" has a name that is a path`}},
			"a path downwards":           {line("100644", "x/y.yaml", file), "x/y.yaml", []string{`"specs/x/y.yaml" has a name that is a path`}},
			"a path of Windows":          {line("100644", `x\y.yaml`, file), `x\y.yaml`, []string{`"specs/x\\y.yaml" has a name that is a path`}},
			"git's configuration":        {line("40000", ".git", o.put("tree", line("100644", "config", file))), ".git", []string{`"specs/.git" has a name that git keeps`}},
			"git's, in capitals":         {line("40000", ".GiT", empty), ".GiT", []string{`"specs/.GiT" has a name that git keeps`}},
			"git's, shortened":           {line("40000", "GIT~1", empty), "GIT~1", []string{`"specs/GIT~1" has a name that git keeps`}},
			"git's, for Windows":         {line("40000", ".git . ", empty), ".git . ", []string{`"specs/.git . " has a name that git keeps`}},
			"git's, as a stream":         {line("40000", ".git::$INDEX_ALLOCATION", empty), ".git::", []string{`"specs/.git::$INDEX_ALLOCATION" has a name that git keeps`}},
			"git's, with what is unseen": {line("40000", ".g\u200cit", empty), ".g\u200cit", []string{`"specs/.g\u200cit" has a name with control`}},
			"a NUL":                      {line("100644", "x\x00y.yaml", file), "x\x00y.yaml", []string{"is malformed"}},
			"a line break":               {line("100644", "x\ny.yaml", file), "x\ny.yaml", []string{`"specs/x\ny.yaml" has a name with control`}},
			"a terminal's escape":        {line("100644", "x\x1b[2Jy.yaml", file), "\x1b[2J", []string{`"specs/x\x1b[2Jy.yaml" has a name with control`}},
			"from right to left":         {line("100644", "x\u202elmay.y", file), "\u202e", []string{`"specs/x\u202elmay.y" has a name with control`}},
			"a separator of lines":       {line("100644", "x\u2028y.yaml", file), "\u2028", []string{`"specs/x\u2028y.yaml" has a name with control`}},
			"not UTF-8":                  {line("100644", "x\xffy.yaml", file), "x\xffy", []string{`"specs/x\xffy.yaml" has a name with control`}},
			"4 kB":                       {line("100644", strings.Repeat("n", 4096)+".yaml", file), "nnnn", []string{"… (4107 bytes) has a name longer than 255"}},
			"twice":                      {good, good[:13], []string{`"specs/a.yaml" is there twice`}},
			"as a file and a directory":  {line("40000", "a.yaml", empty), "40000 a.yaml", []string{`"specs/a.yaml" is there twice`}},
			"deeper": {line("40000", "x", o.put("tree", line("40000", "y", o.put("tree", line("120000", "l.yml", target))))), "40000 x",
				[]string{`"specs/x/y/l.yml" is a symbolic link`}},
			"several": {line("120000", "l.yaml", target) + line("160000", "m", gone), "160000 m",
				[]string{`"specs/l.yaml" is a symbolic link; "specs/m" is a submodule`}},
		} {
			if c.Repo != o.bare && slices.Contains([]string{"a NUL", "no name"}, name) {
				continue // git's own server refuses to send such a tree
			}
			o.plant(good, bad.line)
			tree := o.in(o.bare, nil, "cat-file", "tree", "main:specs")
			failures.Shown(t, 15, strings.Contains(tree, strings.TrimSpace(bad.has)), "a tree with "+name)
			said := mustRefuse(t, w, "", bad.said...)
			if strings.Contains(said, "passwd") || len(said) > 1000 {
				t.Errorf("%s: %s", name, said)
			}
			hash := o.plant(good)
			if all := names(t, mustFetch(t, w, "", hash).Files); !slices.Equal(all, []string{"a.yaml"}) {
				t.Errorf("after %s: files %v", name, all)
			}
		}
	})
}

// Nor may the path lead through one of them; what is beside the path does not matter.
func TestF15ThePathItself(t *testing.T) {
	t.Parallel()
	hereAndThere(t, func(t *testing.T, o *origin, c gitwatch.Config) {
		dir := o.put("tree", line("100644", "a.yaml", o.put("blob", "a: 1\n")))
		link := line("120000", "link", o.put("blob", "specs"))
		module := line("160000", "module", "0123456789012345678901234567890123456789")
		hash := o.plantTree(o.put("tree", line("100644", "file", o.put("blob", ""))+link+module+line("40000", "specs", dir)))
		failures.Shown(t, 15, strings.Contains(o.in(o.bare, nil, "ls-tree", "main"), "120000 blob"), "a link beside the path")
		for path, said := range map[string]string{
			"link":        `"link" is a symbolic link`,
			"link/x":      `"link" is a symbolic link`,
			"module":      `"module" is a submodule`,
			"file":        `"file" is not a directory`,
			"specs/gone":  `"specs/gone" does not exist: a spec that is not found is not an empty spec`,
			"Specs":       `"Specs" does not exist`,
			"specs/\x1b[": `"specs/\x1b[" does not exist`,
			"":            `"link" is a symbolic link`,
		} {
			c.Path = path
			mustRefuse(t, watch(t, c), "", said)
		}
		c.Path = "specs"
		if all := names(t, mustFetch(t, watch(t, c), "", hash).Files); !slices.Equal(all, []string{"a.yaml"}) {
			t.Errorf("files %v", all)
		}
	})
}

// A hundred refused names make a message of ten.
func TestManyNames(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	target := o.put("blob", "x")
	var lines []string
	for i := range 100 {
		lines = append(lines, line("120000", "l"+strings.Repeat("x", i), target))
	}
	o.plant(lines...)
	mustRefuse(t, watch(t, gitwatch.Config{Repo: o.bare}), "", `"specs/lxxxxxxxxx" is a symbolic link; and 90 more`)
}
