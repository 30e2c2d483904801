package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := peerd(t, nil, "version")
	if code != 0 || !strings.HasPrefix(stdout, "peerd ") || !strings.HasSuffix(stdout, " "+runtime.Version()+"\n") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	code, stdout, stderr = peerd(t, nil, "version", "-o", "json")
	var b build
	if err := json.Unmarshal([]byte(stdout), &b); err != nil || code != 0 || b.Version == "" || b.Go != runtime.Version() {
		t.Errorf("exit %d, %v\n%s\n%s", code, err, stdout, stderr)
	}
	if code, stdout, stderr = peerd(t, nil, "version", "-o", "markdown"); code != 3 || stdout != "" || !strings.Contains(stderr, "say text or json") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}

// What is known of the build is said, and nothing more.
func TestVersionOfBuilds(t *testing.T) {
	t.Parallel()
	info := func(settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"}, Settings: settings}
	}
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123abc"}
	for name, tc := range map[string]struct {
		info       *debug.BuildInfo
		text, json string
	}{
		"a release":        {info(), "peerd v1.2.3 go1.26.0\n", `{"version":"v1.2.3","go":"go1.26.0"}`},
		"a commit":         {info(commit, debug.BuildSetting{Key: "vcs.modified", Value: "false"}), "peerd v1.2.3 0123abc go1.26.0\n", `{"version":"v1.2.3","revision":"0123abc","go":"go1.26.0"}`},
		"changed files":    {info(commit, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "peerd v1.2.3 0123abc (modified) go1.26.0\n", `{"version":"v1.2.3","revision":"0123abc","modified":true,"go":"go1.26.0"}`},
		"nothing recorded": {nil, "peerd (unknown) " + runtime.Version() + "\n", `{"version":"(unknown)","go":"` + runtime.Version() + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for _, output := range []string{"text", "json"} {
				var b bytes.Buffer
				a := &app{options: options{output: output}, stdout: &b}
				if err := a.version(builtFrom(tc.info, tc.info != nil)); err != nil {
					t.Fatal(err)
				}
				got[output] = b.String()
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(got["json"])); err != nil {
				t.Fatal(err)
			}
			got["json"] = strings.TrimSpace(compact.String())
			if d := cmp.Diff(map[string]string{"text": tc.text, "json": tc.json}, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
