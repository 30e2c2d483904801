package iampolicy_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peerd/peerd/pkg/iampolicy"
	"github.com/peerd/peerd/pkg/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var formats = map[string]func(io.Writer, iampolicy.Set) error{
	"policy.json": iampolicy.JSON, "policy.tf": iampolicy.Terraform, "policy.cfn": iampolicy.CloudFormation,
}

// situations are the directories of testdata with the options that their policies are made with.
var situations = map[string]iampolicy.Options{
	"two-accounts":  {Principals: []string{"arn:aws:iam::333333333333:role/ci"}},
	"partner":       {Prune: true},
	"ambient-china": {},
}

func load(t *testing.T, situation string) *spec.Set {
	t.Helper()
	s, err := spec.Load(os.DirFS(filepath.Join("testdata", situation)), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is printed for each situation was read by a person. terraform fmt leaves policy.tf as it is, and cfn-lint has nothing to say of
// policy.cfn.
func TestGolden(t *testing.T) {
	t.Parallel()
	for situation, opt := range situations {
		for name, write := range formats {
			t.Run(situation+"/"+name, func(t *testing.T) {
				t.Parallel()
				var b bytes.Buffer
				if err := write(&b, iampolicy.For(load(t, situation), opt)); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", situation, name)
				if *update {
					if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(string(want), b.String()); d != "" {
					t.Errorf("%s (-want +got):\n%s", path, d)
				}
			})
		}
	}
}
