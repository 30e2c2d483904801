package gitwatch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/gitwatch"
	"github.com/peerd/peerd/pkg/gitwatch/gittest"
)

// What lies below the path and is not a regular file with a harmless name refuses the commit by name; nothing of it is read, and the next
// commit without it is handed out.
func TestF15Names(t *testing.T) {
	t.Parallel()
	hereAndThere(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
		file := o.Put("blob", "a: 1\n")
		empty := o.Put("tree", "")
		good := gittest.Entry("100644", "a.yaml", file)
		pointer := o.Put("blob", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n")
		target := o.Put("blob", "/etc/passwd")
		const gone = "0123456789012345678901234567890123456789"
		c.Path = "specs"
		w := watch(t, c)
		for name, bad := range map[string]struct {
			line string // of the tree, or several
			has  string // what is in the tree's bytes then
			said []string
		}{
			"a link to a file":           {gittest.Entry("120000", "l.yaml", target), "120000 l.yaml", []string{`"specs/l.yaml" is a symbolic link`}},
			"a link that is no spec":     {gittest.Entry("120000", "logo.png", target), "120000 logo.png", []string{`"specs/logo.png" is a symbolic link`}},
			"a link to a directory":      {gittest.Entry("120000", "up", o.Put("blob", "../..")), "120000 up", []string{`"specs/up" is a symbolic link`}},
			"a submodule":                {gittest.Entry("160000", "mod", gone), "160000 mod", []string{`"specs/mod" is a submodule`}},
			"a pointer of Git LFS":       {gittest.Entry("100644", "big.yaml", pointer), "100644 big.yaml", []string{`"specs/big.yaml" is a pointer of Git LFS`}},
			"a device":                   {gittest.Entry("20666", "null.yaml", file), "20666 null.yaml", []string{`"specs/null.yaml" is neither a file nor a directory`}},
			"a way up":                   {gittest.Entry("40000", "..", empty), "40000 ..", []string{`"specs/.." has a name that is a path`}},
			"here":                       {gittest.Entry("40000", ".", empty), "40000 .", []string{`"specs/." has a name that is a path`}},
			"no name":                    {gittest.Entry("100644", "", file), "100644 \x00", []string{`"specs/" has a name that is a path`}},
			"a path upwards":             {gittest.Entry("100644", "../x.yaml", file), "../x.yaml", []string{`"specs/../x.yaml" has a name that is a path`}},
			"a path downwards":           {gittest.Entry("100644", "x/y.yaml", file), "x/y.yaml", []string{`"specs/x/y.yaml" has a name that is a path`}},
			"a path of Windows":          {gittest.Entry("100644", `x\y.yaml`, file), `x\y.yaml`, []string{`"specs/x\\y.yaml" has a name that is a path`}},
			"git's configuration":        {gittest.Entry("40000", ".git", o.Put("tree", gittest.Entry("100644", "config", file))), ".git", []string{`"specs/.git" has a name that git keeps`}},
			"git's, in capitals":         {gittest.Entry("40000", ".GiT", empty), ".GiT", []string{`"specs/.GiT" has a name that git keeps`}},
			"git's, shortened":           {gittest.Entry("40000", "GIT~1", empty), "GIT~1", []string{`"specs/GIT~1" has a name that git keeps`}},
			"git's, for Windows":         {gittest.Entry("40000", ".git . ", empty), ".git . ", []string{`"specs/.git . " has a name that git keeps`}},
			"git's, as a stream":         {gittest.Entry("40000", ".git::$INDEX_ALLOCATION", empty), ".git::", []string{`"specs/.git::$INDEX_ALLOCATION" has a name that git keeps`}},
			"git's, with what is unseen": {gittest.Entry("40000", ".g\u200cit", empty), ".g\u200cit", []string{`"specs/.g\u200cit" has a name with control`}},
			"a NUL":                      {gittest.Entry("100644", "x\x00y.yaml", file), "x\x00y.yaml", []string{"is malformed"}},
			"a line break":               {gittest.Entry("100644", "x\ny.yaml", file), "x\ny.yaml", []string{`"specs/x\ny.yaml" has a name with control`}},
			"a terminal's escape":        {gittest.Entry("100644", "x\x1b[2Jy.yaml", file), "\x1b[2J", []string{`"specs/x\x1b[2Jy.yaml" has a name with control`}},
			"from right to left":         {gittest.Entry("100644", "x\u202elmay.y", file), "\u202e", []string{`"specs/x\u202elmay.y" has a name with control`}},
			"a separator of lines":       {gittest.Entry("100644", "x\u2028y.yaml", file), "\u2028", []string{`"specs/x\u2028y.yaml" has a name with control`}},
			"not UTF-8":                  {gittest.Entry("100644", "x\xffy.yaml", file), "x\xffy", []string{`"specs/x\xffy.yaml" has a name with control`}},
			"4 kB":                       {gittest.Entry("100644", strings.Repeat("n", 4096)+".yaml", file), "nnnn", []string{"… (4107 bytes) has a name longer than 255"}},
			"twice":                      {good, good[:13], []string{`"specs/a.yaml" is there twice`}},
			"as a file and a directory":  {gittest.Entry("40000", "a.yaml", empty), "40000 a.yaml", []string{`"specs/a.yaml" is there twice`}},
			"deeper": {gittest.Entry("40000", "x", o.Put("tree", gittest.Entry("40000", "y", o.Put("tree", gittest.Entry("120000", "l.yml", target))))), "40000 x",
				[]string{`"specs/x/y/l.yml" is a symbolic link`}},
			"several": {gittest.Entry("120000", "l.yaml", target) + gittest.Entry("160000", "m", gone), "160000 m",
				[]string{`"specs/l.yaml" is a symbolic link; "specs/m" is a submodule`}},
		} {
			if c.Repo != o.Bare && slices.Contains([]string{"a NUL", "no name"}, name) {
				continue // git's own server refuses to send such a tree
			}
			o.Plant(good, bad.line)
			tree := o.InBare("cat-file", "tree", "main:specs")
			failures.Shown(t, 15, strings.Contains(tree, strings.TrimSpace(bad.has)), "a tree with "+name)
			said := mustRefuse(t, w, "", bad.said...)
			if strings.Contains(said, "passwd") || len(said) > 1000 {
				t.Errorf("%s: %s", name, said)
			}
			hash := o.Plant(good)
			if all := names(t, mustFetch(t, w, "", hash).Files); !slices.Equal(all, []string{"a.yaml"}) {
				t.Errorf("after %s: files %v", name, all)
			}
		}
	})
}

// Nor may the path lead through one of them; what is beside the path does not matter.
func TestF15ThePathItself(t *testing.T) {
	t.Parallel()
	hereAndThere(t, func(t *testing.T, o *gittest.Origin, c gitwatch.Config) {
		dir := o.Put("tree", gittest.Entry("100644", "a.yaml", o.Put("blob", "a: 1\n")))
		link := gittest.Entry("120000", "link", o.Put("blob", "specs"))
		module := gittest.Entry("160000", "module", "0123456789012345678901234567890123456789")
		hash := o.PlantTree(o.Put("tree", gittest.Entry("100644", "file", o.Put("blob", ""))+link+module+gittest.Entry("40000", "specs", dir)))
		failures.Shown(t, 15, strings.Contains(o.InBare("ls-tree", "main"), "120000 blob"), "a link beside the path")
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
	o := gittest.NewOrigin(t)
	target := o.Put("blob", "x")
	var lines []string
	for i := range 100 {
		lines = append(lines, gittest.Entry("120000", "l"+strings.Repeat("x", i), target))
	}
	o.Plant(lines...)
	mustRefuse(t, watch(t, gitwatch.Config{Repo: o.Bare}), "", `"specs/lxxxxxxxxx" is a symbolic link; and 90 more`)
}
