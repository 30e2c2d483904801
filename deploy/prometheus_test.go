// Package deploy holds what operators deploy, and its tests: each part is read by the program that it is for.
package deploy

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/peerd/peerd/pkg/tooltest"
)

const runbooks = "https://github.com/peerd/peerd/blob/main/docs/runbooks.md"

var metric = regexp.MustCompile(`\b(up|peerd_[a-z_]+)\b`)

// alert is a rule of one, as Prometheus reads it.
type alert struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func decode(t *testing.T, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// alerts are the rules, by name; some have several.
func alerts(t *testing.T) map[string][]alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	decode(t, "prometheus/peerd.rules.yaml", &file)
	out := map[string][]alert{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				out[r.Alert] = append(out[r.Alert], r)
			}
		}
	}
	return out
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tooltest.Need(t, "promtool"), args...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SUCCESS") {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolChecksRules(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "prometheus/peerd.rules.yaml")
}

// What docs/metrics.md says to put into Prometheus' configuration is one.
func TestPromtoolChecksTheDocumentedConfig(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("prometheus/peerd.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, config, _ := strings.Cut(string(text), "\n```yaml\n")
	config, _, _ = strings.Cut(config, "\n```\n")
	dir := t.TempDir()
	for name, text := range map[string]string{"prometheus.yml": config, "peerd.rules.yaml": string(rules)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(config, "rule_files: [peerd.rules.yaml]") {
		t.Fatalf("it has no rules:\n%s", config)
	}
	promtool(t, "check", "config", filepath.Join(dir, "prometheus.yml"))
}

// ruleTests are the files that say when alerts fire, and when not.
func ruleTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("prometheus/*_test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	return files
}

func TestPromtoolTestsRules(t *testing.T) {
	t.Parallel()
	for _, f := range ruleTests(t) {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			promtool(t, "test", "rules", f)
		})
	}
}

// cases counts the cases in which an alert fires and in which it does not, of those that have a series it asks for: without one, no rule fires.
type cases struct{ Firing, Quiet int }

func countCases(t *testing.T, rules map[string][]alert) map[string]cases {
	t.Helper()
	out := map[string]cases{}
	for _, f := range ruleTests(t) {
		var file struct {
			Tests []struct {
				InputSeries   []struct{ Series string } `yaml:"input_series"`
				AlertRuleTest []struct {
					Alertname string
					ExpAlerts []any `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		decode(t, f, &file)
		for _, test := range file.Tests {
			given := map[string]bool{}
			for _, s := range test.InputSeries {
				given[metric.FindString(s.Series)] = true
			}
			for _, c := range test.AlertRuleTest {
				n := out[c.Alertname]
				if len(c.ExpAlerts) > 0 {
					n.Firing++
				} else if asks(rules[c.Alertname], given) {
					n.Quiet++
				}
				out[c.Alertname] = n
			}
		}
	}
	return out
}

// asks reports whether a rule asks for one of the metrics.
func asks(rules []alert, given map[string]bool) bool {
	return slices.ContainsFunc(rules, func(r alert) bool {
		return slices.ContainsFunc(metric.FindAllString(r.Expr, -1), func(m string) bool { return given[m] })
	})
}

// Each alert is shown to fire, and not to; each says what it is about, how bad it is, and where to read on.
func TestAlertsAreWhole(t *testing.T) {
	t.Parallel()
	rules := alerts(t)
	shown := countCases(t, rules)
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if n := shown[name]; n.Firing == 0 || n.Quiet == 0 {
			t.Errorf("%s: %d cases fire and %d are quiet: want one of each at least", name, n.Firing, n.Quiet)
		}
		for _, r := range rules[name] {
			if s := r.Labels["severity"]; s != "critical" && s != "warning" {
				t.Errorf("%s: severity %q", name, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: annotations %v", name, r.Annotations)
			}
			if want := runbooks + "#" + strings.ToLower(name); r.Annotations["runbook_url"] != want {
				t.Errorf("%s: runbook_url %q, want %q", name, r.Annotations["runbook_url"], want)
			}
		}
	}
}

// The runbooks are of the alerts that there are, each says what it means, how to look and what to do, and the flags of peerd that they name exist.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(name, "Peerd") {
			continue
		}
		got = append(got, name)
		for _, part := range []string{"\n**Means.** ", "\n**Look.** ", "\n**Do.**"} {
			if strings.Count(body, part) != 1 {
				t.Errorf("%s: %d parts %q", name, strings.Count(body, part), part)
			}
		}
	}
	if n, wrong := readFlags(t).check(string(text)); n == 0 || len(wrong) > 0 {
		t.Errorf("%d flags, of which there are not: %q", n, wrong)
	}
	slices.Sort(got)
	if d := cmp.Diff(slices.Sorted(maps.Keys(alerts(t))), got); d != "" {
		t.Errorf("runbooks (-alerts +runbooks):\n%s", d)
	}
}
