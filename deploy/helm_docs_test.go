package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var fenced = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// docs/kubernetes.md shows values that the chart takes, on top of those that it begins with, and what Helm really prints.
func TestKubernetesDoc(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	base, values, shown := "", 0, 0
	for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
		language, block := m[1], m[2]
		switch {
		case language == "yaml" && base == "":
			base = block
			renderText(t, base)
		case language == "yaml":
			values++
			renderText(t, base, block)
		case strings.HasPrefix(block, "$ helm template "):
			shown++
			wantPrinted(t, base, block)
		}
	}
	if values < 10 || shown < 3 {
		t.Errorf("%d sets of values and %d outputs are shown", values, shown)
	}
}

// renderText renders the chart with values that are given as text, the later ones on top.
func renderText(t *testing.T, values ...string) {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for i, v := range values {
		files = append(files, filepath.Join(dir, string(rune('a'+i))))
		writeFile(t, files[i], v)
	}
	render(t, files[0], "-f", files[len(files)-1])
}

// wantPrinted runs a command of the docs, and wants the lines below it in the same order; a line of … stands for any number of them.
func wantPrinted(t *testing.T, base, block string) {
	t.Helper()
	command, want, _ := strings.Cut(strings.TrimPrefix(block, "$ helm "), "\n")
	file := filepath.Join(t.TempDir(), "values.yaml")
	writeFile(t, file, base)
	args := strings.Fields(strings.NewReplacer("deploy/"+chart, chart, "values.yaml", file).Replace(command))
	got, err := helm(t, args...)
	if err != nil {
		_, got, _ = strings.Cut(err.Error(), "exit status 1\n")
	}
	pattern := `(?s)^\s*`
	for line := range strings.SplitAfterSeq(want, "\n") {
		if line == "…\n" {
			pattern += `(?:[^\n]*\n)*?`
			continue
		}
		pattern += regexp.QuoteMeta(line)
	}
	if !regexp.MustCompile(pattern + `\s*$`).MatchString(got) {
		t.Errorf("helm %s\nprints\n%s\nwant\n%s", command, got, want)
	}
}

var named = regexp.MustCompile(`(deployment|cronjob|service)/([a-z0-9-]+)|configmap ([a-z0-9-]+)`)

// What Helm says after an installation names objects that there are, and the ConfigMap that pauses.
func TestChartNotes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "peerd")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	notes, err := os.ReadFile(dir + "/templates/NOTES.txt")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/templates/notes.yaml", `{{- define "notes" }}`+string(notes)+`{{ end }}notes: {{ include "notes" . | toJson }}`)
	for _, values := range valuesFiles(t) {
		text, err := helm(t, "template", "net", dir, "--namespace", "net", "-f", values, "--show-only", "templates/notes.yaml")
		if err != nil {
			t.Fatal(err)
		}
		is := map[string]bool{}
		objects := render(t, values)
		for _, o := range objects {
			is[strings.ToLower(o.GetObjectKind().GroupVersionKind().Kind)+"/"+o.(meta.Object).GetName()] = true
		}
		for _, v := range podOf(t, objects).Spec.Volumes {
			if v.Name == "pause" {
				is["configmap "+v.ConfigMap.Name] = true
			}
		}
		found := named.FindAllString(text, -1)
		if len(found) < 3 || !strings.Contains(text, "-n net ") {
			t.Errorf("%s: %s", values, text)
		}
		for _, name := range found {
			if !is[name] {
				t.Errorf("%s: the notes name %s, which is not there", values, name)
			}
		}
	}
}
