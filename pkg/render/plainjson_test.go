package render_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/peerd/peerd/pkg/plan"
	"github.com/peerd/peerd/pkg/render"
)

// JSON holds every text as it is, and shows no terminal anything to obey.
func TestJSONIsSafeToPrint(t *testing.T) {
	t.Parallel()
	const text = "\x00\x1b[31m\x7f\u0085\u009b\u00ad\u200b\u202e\ufeff\U000e0041 grüße, 日本, 😀 <&> \\ \""
	var b bytes.Buffer
	if err := render.PlanJSON(&b, &plan.Plan{Problems: []plan.Problem{{Link: "a", Message: text}}}); err != nil {
		t.Fatal(err)
	}
	if render.Plain(strings.ReplaceAll(b.String(), "\n", "")) != strings.ReplaceAll(b.String(), "\n", "") {
		t.Errorf("not plain: %q", b.String())
	}
	if !strings.Contains(b.String(), "grüße, 日本, 😀 <&>") {
		t.Errorf("escaped without need:\n%s", b.String())
	}
	var got render.Plan
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Problems[0].Message != text {
		t.Errorf("got  %q\nwant %q", got.Problems[0].Message, text)
	}
}
