package main

import (
	"fmt"
	"io"
	"math"
	"strings"
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

// growth says how the cost of a pass that finds nothing to do grows from the smallest to the largest of the linear workloads, if two ran: as the
// power of their number that it follows.
func growth(w io.Writer, results []result) {
	var row []result
	for _, r := range results {
		if strings.HasPrefix(r.Workload, "L") && r.What == "no change" {
			row = append(row, r)
		}
	}
	if len(row) < 2 {
		return
	}
	small, large := row[0], row[len(row)-1]
	power := func(of func(measure) float64) float64 {
		return math.Log(of(large.Peerd)/of(small.Peerd)) / math.Log(float64(large.Peerings)/float64(small.Peerings))
	}
	fmt.Fprintf(w, "\nFrom %d to %d peerings that are in sync, calls grow with the power %.2f of their number, CPU time with %.2f, memory with %.2f.\n", small.Peerings,
		large.Peerings, power(func(m measure) float64 { return float64(m.Calls) }), power(func(m measure) float64 { return m.CPU.Seconds() }),
		power(func(m measure) float64 { return float64(m.Memory) }))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
