//go:build linux

package main

import (
	"fmt"
	"io"
)

// rows are the figures of the table in their order, and what each is to be at a million accounts.
var rows = []struct{ name, target string }{
	{"open ms", "≤ 1000"},
	{"idle RSS MB", "≤ 100"},
	{"of it not of files MB", ""},
	{"disk MB", ""},
	{"read hot µs", ""},
	{"read any µs", ""},
	{"read cold µs", ""},
	{"read cold p99 µs", ""},
	{"lookup µs", ""},
	{"filtered page ms", "≤ 5"},
	{"durable write µs", ""},
	{"durable write p99 µs", ""},
	{"connects, 64 at once /s", ""},
	{"backup accounts/s", ""},
	{"backup peak MB, not of files", "flat"},
	{"restore accounts/s", ""},
	{"restore peak MB, not of files", "flat"},
	{"verify accounts/s", ""},
	{"verify peak MB, not of files", "flat"},
	{"forget ms", ""},
	{"re-seal accounts/s", ""},
	{"re-seal peak MB, not of files", "flat"},
	{"refreshes of each", ""},
	{"disk after refreshes / live data", "≤ 2"},
}

// printTable prints all sizes that were measured so far side by side, in Markdown.
func printTable(w io.Writer, all []figures) {
	fmt.Fprint(w, "\n| accounts |")
	line := "|---|"
	for _, f := range all {
		fmt.Fprintf(w, " %.0f |", f["accounts"])
		line += "--:|"
	}
	fmt.Fprintf(w, " target |\n%s---|\n", line)
	for _, r := range rows {
		fmt.Fprintf(w, "| %s |", r.name)
		for _, f := range all {
			fmt.Fprintf(w, " %s |", number(f[r.name]))
		}
		fmt.Fprintf(w, " %s |\n", r.target)
	}
}

// number has about three digits.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
