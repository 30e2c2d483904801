package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// painted reports whether what goes to w is coloured: as --color says, else on a terminal unless NO_COLOR is set (no-color.org).
func (a *app) painted(w io.Writer) bool {
	switch a.color {
	case "always":
		return true
	case "never":
		return false
	}
	if v, _ := a.env("NO_COLOR"); v != "" {
		return false
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (a *app) checkColor() error {
	switch a.color {
	case "auto", "always", "never":
		return nil
	}
	return usageError("--color %q: say auto, always or never", a.color)
}
