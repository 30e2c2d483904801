package spec_test

import (
	"os"
	"testing"
)

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../peerings.example.yaml", "../../testdata/every-field.yaml"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := load(t, map[string]string{"example.yaml": string(data)})
			if set.Owner != "acme-network" {
				t.Errorf("owner is %q", set.Owner)
			}
			for _, p := range set.Peerings {
				if set.Peering(p.Name) != p {
					t.Errorf("Peering(%q) does not find it", p.Name)
				}
			}
		})
	}
}
