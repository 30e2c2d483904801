package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"gopkg.in/yaml.v3"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubernetes "k8s.io/client-go/kubernetes/scheme"

	"github.com/peerd/peerd/pkg/tooltest"
)

const chart = "helm/peerd"

// Every set of values passes Helm's own linter, and is rendered to objects that Kubernetes' and the Prometheus operator's types take without a
// field left over.
func TestChartRenders(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for _, values := range valuesFiles(t) {
		if out, err := helm(t, "lint", "--strict", chart, "-f", values); err != nil {
			t.Errorf("%s: %v\n%s", values, err, out)
		}
		for _, o := range render(t, values) {
			kinds[o.GetObjectKind().GroupVersionKind().Kind]++
		}
	}
	for _, kind := range strings.Fields("ConfigMap CronJob Deployment NetworkPolicy PersistentVolumeClaim PodDisruptionBudget PrometheusRule Role RoleBinding " +
		"Service ServiceAccount ServiceMonitor") {
		if kinds[kind] == 0 {
			t.Errorf("no values file makes a %s: %v", kind, kinds)
		}
	}
}

// What is decoded strictly is: a misspelt field, or one of another kind, is refused.
func TestStrangersFieldsAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"apiVersion: v1\nkind: Service\nspec: {selectors: {a: b}}",
		"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nspec: {endpoints: [{ports: a}]}",
		"apiVersion: v1\nkind: Service\nspec: {ports: [{port: 1, port: 2}]}",
	} {
		if _, err := decodeObject([]byte(text)); err == nil {
			t.Errorf("taken: %s", text)
		}
	}
}

// Between them the values files say something else than the default of every value.
func TestValuesFilesSayEverything(t *testing.T) {
	t.Parallel()
	var files []map[string]any
	for _, name := range valuesFiles(t) {
		files = append(files, readYAML(t, name))
	}
	count := 0
	eachValue(readYAML(t, chart+"/values.yaml"), nil, func(path []string, fallback any) {
		count++
		for _, f := range files {
			if v, said := lookup(f, path); said && !reflect.DeepEqual(v, fallback) {
				return
			}
		}
		t.Errorf("no values file says another %s than the default", strings.Join(path, "."))
	})
	if count < 50 {
		t.Errorf("%d values", count)
	}
}

// eachValue calls f with every value of a tree and where it is; an empty map, or a list, is one value.
func eachValue(tree map[string]any, at []string, f func(path []string, v any)) {
	for k, v := range tree {
		path := append(slices.Clone(at), k)
		if m, ok := v.(map[string]any); ok && len(m) > 0 {
			eachValue(m, path, f)
			continue
		}
		f(path, v)
	}
}

func lookup(tree any, path []string) (any, bool) {
	for _, k := range path {
		m, _ := tree.(map[string]any)
		v, ok := m[k]
		if !ok {
			return nil, false
		}
		tree = v
	}
	return tree, true
}

func readYAML(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// The chart carries a copy of the rules, not a link to them: Flux leaves links out of what it fetches from git. It is the same to the byte, also in
// the packaged chart, and the object that is made of it holds the same rules.
func TestChartRules(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("prometheus/peerd.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const file = chart + "/files/peerd.rules.yaml"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if is, err := os.ReadFile(file); err != nil || !bytes.Equal(is, want) {
		t.Errorf("%s differs from prometheus/peerd.rules.yaml (%v): `make golden` copies it", file, err)
	}
	dir := t.TempDir()
	if out, err := helm(t, "package", chart, "--destination", dir); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	packaged, err := filepath.Glob(dir + "/peerd-*.tgz")
	if err != nil || len(packaged) != 1 {
		t.Fatalf("%v, %v", packaged, err)
	}
	if is, err := exec.CommandContext(t.Context(), "tar", "-xzOf", packaged[0], "peerd/files/peerd.rules.yaml").Output(); err != nil || !bytes.Equal(is, want) {
		t.Errorf("the packaged rules differ: %v", err)
	}
	rule := only[*monitoring.PrometheusRule](t, render(t, chart+"/ci/https-values.yaml"))
	var spec monitoring.PrometheusRuleSpec
	if err := json.Unmarshal(toJSON(t, want), &spec); err != nil || !reflect.DeepEqual(rule.Spec, spec) || len(spec.Groups) == 0 {
		t.Errorf("the PrometheusRule says something else than the file: %v", err)
	}
}

func toJSON(t *testing.T, text []byte) []byte {
	t.Helper()
	var tree any
	err := yaml.Unmarshal(text, &tree)
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func valuesFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(chart + "/ci/*-values.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%v, %v", files, err)
	}
	return files
}

// helm runs it and returns what it says.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tooltest.Need(t, "helm"), args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home, "HELM_DATA_HOME="+home, "KUBECONFIG="+home+"/none")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("helm %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out), nil
}

// render is the release "net" in the namespace "net" with the values of a file.
func render(t *testing.T, values string, more ...string) []runtime.Object {
	t.Helper()
	text, err := helm(t, append([]string{"template", "net", chart, "--namespace", "net", "-f", values}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	var out []runtime.Object
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if doc = strings.TrimPrefix(doc, "---\n"); strings.TrimSpace(doc) == "" {
			continue
		}
		o, err := decodeObject([]byte(doc))
		if err != nil {
			t.Fatalf("%s: %v\n%s", values, err, doc)
		}
		out = append(out, o)
	}
	return out
}

func decodeObject(doc []byte) (runtime.Object, error) {
	types := runtime.NewScheme()
	if err := kubernetes.AddToScheme(types); err != nil {
		return nil, err
	}
	if err := monitoring.AddToScheme(types); err != nil {
		return nil, err
	}
	o, _, err := serializer.NewCodecFactory(types, serializer.EnableStrict).UniversalDeserializer().Decode(doc, nil, nil)
	return o, err
}

// all are the objects of a kind.
func all[T runtime.Object](objects []runtime.Object) (out []T) {
	for _, o := range objects {
		if x, ok := o.(T); ok {
			out = append(out, x)
		}
	}
	return out
}

// only is the one object of a kind.
func only[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	found := all[T](objects)
	if len(found) != 1 {
		t.Fatalf("%d of %T, want 1", len(found), *new(T))
	}
	return found[0]
}

// podOf is what runs peerd: of the Deployment or of the CronJob.
func podOf(t *testing.T, objects []runtime.Object) core.PodTemplateSpec {
	t.Helper()
	if jobs := all[*batch.CronJob](objects); len(jobs) == 1 {
		return jobs[0].Spec.JobTemplate.Spec.Template
	}
	return only[*apps.Deployment](t, objects).Spec.Template
}
