package connectors

import (
	"cmp"
	"embed"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed catalog/*.yaml
var files embed.FS

// Catalog is a set of connectors by name. It does not change and may be used by several goroutines.
type Catalog struct {
	byName map[string]*Connector
}

// Builtin returns the embedded catalogue. It is decoded at the first call; all calls return the same
// catalogue, or the same error if a file of this build is broken.
func Builtin() (*Catalog, error) { return builtin() }

var builtin = sync.OnceValues(func() (*Catalog, error) {
	all, err := LoadDir(files, "catalog")
	if err != nil {
		return nil, err
	}
	return (*Catalog)(nil).With(all...), nil
})

// With returns a catalogue that has the given connectors as well. Of two with the same name the
// later one stays. The receiver, which may be nil, is left as it is.
func (c *Catalog) With(more ...*Connector) *Catalog {
	byName := map[string]*Connector{}
	if c != nil {
		maps.Copy(byName, c.byName)
	}
	for _, m := range more {
		byName[m.Name] = m
	}
	return &Catalog{byName: byName}
}

// Lookup returns the connector with that name. It must not be changed.
func (c *Catalog) Lookup(name string) (*Connector, bool) {
	found, ok := c.byName[name]
	return found, ok
}

// All returns the connectors, sorted by name. They must not be changed.
func (c *Catalog) All() []*Connector {
	return slices.SortedFunc(maps.Values(c.byName), func(a, b *Connector) int {
		return cmp.Compare(a.Name, b.Name)
	})
}

// Suggest returns up to three names close to one that Lookup does not know, the closest first.
func (c *Catalog) Suggest(name string) []string {
	name = strings.ToLower(name)
	if name == "" || len(name) > 63 {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for known := range c.byName {
		d := distance(name, known)
		if len(name) > 2 && (strings.Contains(known, name) || strings.Contains(name, known)) {
			d = min(d, 1)
		}
		if d <= max(1, (len(name)+1)/3) {
			found = append(found, candidate{known, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, f := range found[:min(3, len(found))] {
		names = append(names, f.name)
	}
	return names
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
