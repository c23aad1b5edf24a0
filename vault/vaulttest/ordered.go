package vaulttest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

// place is one entry of an index.
type place struct {
	vault.Cursor
	key vault.Key
}

func (p place) compare(c vault.Cursor) int {
	return cmp.Or(strings.Compare(p.Value, c.Value), strings.Compare(p.ID, c.ID))
}

// maxRun is the length at which a run of an index is split.
const maxRun = 512

// ordered is an index: its entries in order, in runs that are short enough to insert into.
type ordered struct {
	runs [][]place
}

// find returns the run and the place in it where the first entry from c on is, or would be.
func (o *ordered) find(c vault.Cursor) (run, at int) {
	run, _ = slices.BinarySearchFunc(o.runs, c, func(r []place, c vault.Cursor) int { return r[len(r)-1].compare(c) })
	if run == len(o.runs) {
		return run, 0
	}
	at, _ = slices.BinarySearchFunc(o.runs[run], c, place.compare)
	return run, at
}

func (o *ordered) insert(p place) {
	run, at := o.find(p.Cursor)
	if run == len(o.runs) {
		if run == 0 {
			o.runs = [][]place{{p}}
			return
		}
		run, at = run-1, len(o.runs[run-1])
	}
	r := slices.Insert(o.runs[run], at, p)
	o.runs[run] = r
	if len(r) > maxRun {
		half := len(r) / 2
		o.runs[run] = slices.Clip(r[:half])
		o.runs = slices.Insert(o.runs, run+1, slices.Clone(r[half:]))
	}
}

func (o *ordered) remove(c vault.Cursor) {
	run, at := o.find(c)
	if run == len(o.runs) || o.runs[run][at].compare(c) != 0 {
		return
	}
	if o.runs[run] = slices.Delete(o.runs[run], at, at+1); len(o.runs[run]) == 0 {
		o.runs = slices.Delete(o.runs, run, run+1)
	}
}

// from yields the entries after c, or from c on, whose values start with prefix.
func (o *ordered) from(c vault.Cursor, prefix string, yield func(place) bool) {
	if c.Value < prefix {
		c = vault.Cursor{Value: prefix}
	}
	run, at := o.find(c)
	for ; run < len(o.runs); run, at = run+1, 0 {
		for _, p := range o.runs[run][at:] {
			if !strings.HasPrefix(p.Value, prefix) || p.compare(c) != 0 && !yield(p) {
				return
			}
		}
	}
}
