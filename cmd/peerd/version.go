package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/peerd/peerd/pkg/reconcile"
)

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.version(builtFrom(debug.ReadBuildInfo())) },
	}
	cmd.Flags().StringVarP(&a.output, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) version(b build) error {
	text := []byte("peerd " + b.String() + "\n")
	switch a.output {
	case "text":
	case "json":
		var j bytes.Buffer
		e := json.NewEncoder(&j)
		e.SetIndent("", "  ")
		if err := e.Encode(b); err != nil {
			return exitError{reconcile.ExitFailed, err}
		}
		text = j.Bytes()
	default:
		return usageError("-o %q: say text or json", a.output)
	}
	if _, err := a.stdout.Write(text); err != nil {
		return exitError{reconcile.ExitFailed, err}
	}
	return nil
}

// build is what this program was built from.
type build struct {
	Version  string `json:"version"`            // the module's
	Revision string `json:"revision,omitempty"` // the commit's hash, where the toolchain recorded one
	Modified bool   `json:"modified,omitempty"` // files were changed since that commit
	Go       string `json:"go"`
}

func builtFrom(info *debug.BuildInfo, ok bool) build {
	if !ok {
		return build{Version: "(unknown)", Go: runtime.Version()}
	}
	b := build{Version: info.Main.Version, Go: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String returns version, commit and toolchain in one line.
func (b build) String() string {
	s := b.Version
	if b.Revision != "" {
		s += " " + b.Revision
	}
	if b.Modified {
		s += " (modified)"
	}
	return fmt.Sprintf("%s %s", s, b.Go)
}
