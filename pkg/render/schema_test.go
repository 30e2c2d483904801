package render_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	reflected "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/peerd/peerd/pkg/plan/plantest"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/reconcile/reconciletest"
	"github.com/peerd/peerd/pkg/render"
	"github.com/peerd/peerd/pkg/spec"
)

const schemas = "../../deploy/schema"

// schemaOf is the JSON Schema of a shape, without references, so that it is one for draft 7 too.
func schemaOf(t *testing.T, id string, shape any) []byte {
	t.Helper()
	r := reflected.Reflector{DoNotReference: true, Anonymous: true}
	s := r.Reflect(shape)
	s.Version, s.ID = "http://json-schema.org/draft-07/schema#", reflected.ID("urn:peerd:schema:"+id)
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// The schemas that are checked in are those of the shapes.
func TestSchemasAreFresh(t *testing.T) {
	t.Parallel()
	for id, shape := range map[string]any{"plan": render.Plan{}, "report": render.Report{}} {
		path := filepath.Join(schemas, id+".schema.json")
		got := schemaOf(t, id, shape)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s is not that of the shape (-checked in +shape):\n%s", path, d)
		}
	}
}

// judge validates a document against a schema that is checked in.
func judge(t *testing.T, schema, name string, document []byte) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(schemas, schema))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestPlansFollowTheirSchema(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d plans: %v", len(files), err)
	}
	for _, f := range files {
		document, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		judge(t, "plan.schema.json", f, document)
	}
}

// A whole pass as JSON: what was planned, done and left.
func TestReportFollowsItsSchema(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := spec.Load(os.DirFS(filepath.Join(scenarios, "spec")), "specs")
		if err != nil {
			t.Fatal(err)
		}
		target := reconciletest.New(plantest.Observed(t, filepath.Join(scenarios, "nothing-there-yet", "observed.txt")))
		r := reconcile.New(reconcile.Config{Target: target}).Cycle(t.Context(), reconcile.Input{Spec: s})
		var b bytes.Buffer
		if err := render.ReportJSON(&b, r); err != nil {
			t.Fatal(err)
		}
		judge(t, "report.schema.json", "report", b.Bytes())
		for _, said := range []string{`"scopes": [`, `"quota": "peerings_per_vpc"`} {
			if !bytes.Contains(b.Bytes(), []byte(said)) {
				t.Errorf("%s is missing", said)
			}
		}
		if r.Exit() != reconcile.ExitInSync || len(r.Results) == 0 {
			t.Errorf("exit %d, %d results", r.Exit(), len(r.Results))
		}
	})
}
