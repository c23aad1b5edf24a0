package connectors

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// didYouMean is the end of a message about a name that is not known; it is empty if none is close.
func didYouMean(name string, known ...iter.Seq[string]) string {
	if near := closest(name, known...); len(near) > 0 {
		return " (did you mean " + near[0] + "?)"
	}
	return ""
}

// closest returns up to three of the known names that are close to one, the closest first.
func closest(name string, known ...iter.Seq[string]) []string {
	name = strings.ToLower(name)
	if name == "" || len(name) > 63 {
		return nil
	}
	type candidate struct {
		name             string
		distance, common int
	}
	var found []candidate
	for _, names := range known {
		for known := range names {
			d := 2 * distance(name, known)
			if len(name) > 2 && strings.Contains(known, name) || len(known) > 2 && strings.Contains(name, known) {
				d = min(d, 3) // further than one typing error, closer than two
			}
			if d <= max(3, (len(name)+1)/3*2) {
				found = append(found, candidate{known, d, begin(name, known)})
			}
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.common, a.common), cmp.Compare(a.name, b.name))
	})
	var names []string
	found = slices.Compact(found)
	for _, f := range found[:min(3, len(found))] {
		names = append(names, f.name)
	}
	return names
}

// begin is how many bytes two names begin with in common.
func begin(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// distance is the number of bytes to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
