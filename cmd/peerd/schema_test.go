package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The schema that is checked in, for editors to refer to, is the one this peerd prints.
func TestSchemaIsFresh(t *testing.T) {
	t.Parallel()
	const file = "../../deploy/schema/peerings.schema.json"
	code, stdout, stderr := peerd(t, nil, "schema")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if *update {
		if err := os.WriteFile(file, []byte(stdout), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(readFile(t, file), stdout); d != "" {
		t.Errorf("%s is not what peerd schema prints; go test ./cmd/peerd -run Schema -update writes it (-want +got):\n%s", file, d)
	}
}
