package spec_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/peerd/peerd/pkg/spec"
)

// bombs are files made to cost more than they weigh.
func bombs() map[string]string {
	const head = "apiVersion: peerd/v1\n"
	var laughs, steps strings.Builder
	laughs.WriteString(head + "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for i := range 1300 {
		steps.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return map[string]string{
		"a billion laughs":         laughs.String(),
		"aliases of itself":        head + "a: &a [*a, *a]\n",
		"lists in lists":           head + "owner: " + strings.Repeat("[", 9_000),
		"lists in lists, closed":   head + "owner: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		"a million brackets":       head + "owner: " + strings.Repeat("[", 1<<20),
		"maps in maps":             head + "owner: " + strings.Repeat("{a: ", 9_000),
		"dashes":                   head + "owner:\n" + strings.Repeat("- ", 1<<20),
		"question marks":           head + strings.Repeat("? ", 9_000),
		"steps":                    head + steps.String(),
		"a million values":         head + "protected: [" + strings.Repeat("a,", 1<<20) + "]\n",
		"values below the limit":   head + "protected: [" + strings.Repeat("a,", 55_000) + "]\n",
		"a mesh with many rules":   world(200) + "meshes: [{name: m, vpcs: [" + names(0, 199) + "], side: {rules: [{group: a, protocol: tcp, ports: [" + ports(900) + "]}]}}]\n",
		"meshes that overlap":      world(100) + "meshes:\n" + overlapping(10),
		"many keys":                head + keys(28_000),
		"half a million documents": strings.Repeat("---\n", 1<<19),
		"half a million comments":  strings.Repeat("# x\n", 1<<19),
		"merge keys":               head + strings.Repeat("<<: {<<: {<<: {}}}\n", 2_000),
		"50 MB":                    head + "# " + strings.Repeat("x", 50<<20),
		"50 MB of one text":        head + "owner: " + strings.Repeat("x", 50<<20),
	}
}

// overlapping states n meshes of the same members, with many rules each.
func overlapping(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - {name: m%d, vpcs: [%s], side: {rules: [{group: a, protocol: tcp, ports: [%s]}]}}\n", i, names(0, 99), ports(900))
	}
	return b.String()
}

func ports(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "owner%d: a\n", i)
	}
	return b.String()
}

// BenchmarkBombs is where the 100 ms are looked at: on a machine that does nothing else.
func BenchmarkBombs(b *testing.B) {
	for name, text := range bombs() {
		b.Run(name, func(b *testing.B) {
			fsys := tree(map[string]string{"bomb.yaml": text})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := spec.Load(fsys, ""); err == nil {
					b.Fatal("it loads")
				}
			}
		})
	}
}

// TestManyDenseFiles has files that pass one by one and are a bomb together.
func TestManyDenseFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("%02d.yaml", i)] = "apiVersion: peerd/v1\n# " + strings.Repeat(",", 30_000) + "\n"
	}
	_, err := spec.Load(tree(files), "")
	if err == nil || !strings.Contains(err.Error(), "13.yaml:1:1: more than 400000 values in the files up to here") {
		t.Errorf("got %.200v", err)
	}
}

// TestBombs is F17 for files made to cost much: 100 ms, taken loosely for slow and shared machines, and 64 MB of all that was
// allocated, more than is ever held. It is not parallel: it measures.
func TestBombs(t *testing.T) {
	for name, text := range bombs() {
		t.Run(name, func(t *testing.T) {
			fsys := tree(map[string]string{"bomb.yaml": text})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := spec.Load(fsys, "")
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("it loads")
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 3*time.Second || mb > 64 {
				t.Errorf("took %v and %d MB", took, mb)
			}
			t.Logf("%v, %d kB: %.100s", took, (after.TotalAlloc-before.TotalAlloc)>>10, err)
		})
	}
}
