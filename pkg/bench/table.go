package main

import (
	"fmt"
	"io"
	"time"
)

func header(w io.Writer) {
	fmt.Fprintln(w, "| workload | | calls | minimal client | limit | wall | minimal client | limit | CPU | memory | at once | throttled |")
	fmt.Fprintln(w, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
}

func (r result) row(w io.Writer) {
	calls, wall, atLeast, chain := "", "", "", ""
	if r.Minimal != nil {
		calls, wall = fmt.Sprint(r.Minimal.Calls), seconds(r.Minimal.Wall)
	}
	if r.Limit != nil {
		atLeast, chain = fmt.Sprint(r.Limit.Calls), seconds(r.Limit.Wall)
	}
	fmt.Fprintf(w, "| %s | %s | %d | %s | %s | %s | %s | %s | %s | %d MB | %d | %d |\n", r.Workload, r.What, r.Peerd.Calls, calls, atLeast,
		seconds(r.Peerd.Wall), wall, chain, seconds(r.Peerd.CPU), r.Peerd.Memory>>20, r.Peerd.InFlight, r.Peerd.Throttled)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
