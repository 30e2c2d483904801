package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

const dashboardFile = "grafana/peerd.json"

// board is what the tests look at of a dashboard.
type board struct {
	UID        string
	Templating struct{ List []struct{ Type, Query any } }
	Panels     []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct{ Expr string }
}

func readBoard(t *testing.T) (b board, text []byte) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	return b, text
}

// Grafana's own types take the dashboard, and know each of its fields.
func TestGrafanaTakesTheDashboard(t *testing.T) {
	t.Parallel()
	known := cog.NewRuntime()
	for _, panel := range []variants.PanelcfgConfig{bargauge.VariantConfig(), stat.VariantConfig(), statetimeline.VariantConfig(), table.VariantConfig(), timeseries.VariantConfig()} {
		known.RegisterPanelcfgVariant(panel)
	}
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	_, text := readBoard(t)
	//lint:ignore SA1019 the new model is read by new Grafanas only, this one by all
	var d dashboard.Dashboard
	if err := d.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // an empty list of errors is none
		t.Error(err)
	}
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
}

// Whoever imports it chooses where the data come from, and links to it stay good.
func TestDashboardIsPortable(t *testing.T) {
	t.Parallel()
	b, text := readBoard(t)
	if b.UID != "peerd" || b.Templating.List[0].Type != "datasource" || b.Templating.List[0].Query != "prometheus" {
		t.Errorf("uid %q, first variable %v", b.UID, b.Templating.List[0])
	}
	var rows []string
	ids := map[int]bool{}
	for _, p := range b.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
		} else if p.Title == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d: title %q, description %q, %d targets", p.ID, p.Title, p.Description, len(p.Targets))
		}
		if ids[p.ID] {
			t.Errorf("panel %d is there twice", p.ID)
		}
		ids[p.ID] = true
	}
	if d := cmp.Diff([]string{"Health", "Drift by peering", "Scopes", "AWS calls", "Git"}, rows); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	for _, m := range regexp.MustCompile(`"uid": "(.*)"`).FindAllSubmatch(text, -1) {
		if uid := string(m[1]); uid != "${datasource}" && uid != "peerd" {
			t.Errorf("data source %q", uid)
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	t.Parallel()
	b, _ := readBoard(t)
	at := map[[2]int]string{}
	for _, p := range b.Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, taken := at[[2]int{x, y}]; taken || x >= 24 {
					t.Fatalf("%q is over %q, or outside", p.Title, other)
				}
				at[[2]int{x, y}] = p.Title
			}
		}
	}
}

// Prometheus can read every query: as rules, since promtool reads queries only there.
func TestPromtoolReadsTheQueries(t *testing.T) {
	t.Parallel()
	b, _ := readBoard(t)
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for _, p := range b.Panels {
		for i, target := range p.Targets {
			query := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			fmt.Fprintf(&rules, "      - {record: panel_%d_%d, expr: %q}\n", p.ID, i, query)
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}
