package declared_test

import (
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/claviger-proxy/claviger/connectors"
)

var every = flag.Bool("mutations", false, "try every mutation of every connector, and not a sample")

const (
	// sample is of how many mutations one is tried without the flag.
	sample = 20
	// wanted is the share of mutations that have to be caught.
	wanted = 0.95
)

// A provider that is another one than the connector says is noticed, whatever it is that is different.
func TestMutations(t *testing.T) {
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c := &tally{}
	t.Run("all", func(t *testing.T) {
		for _, k := range slices.Concat(cases(t), catalog.All()) {
			for _, way := range ways(k) {
				one, _ := k.Way(way)
				t.Run(join(k.Name, way), func(t *testing.T) {
					t.Parallel()
					c.try(t, one)
				})
			}
		}
	})
	slices.Sort(c.survivors)
	for _, s := range c.survivors {
		t.Log("not noticed: ", s)
	}
	share := float64(c.tried-len(c.survivors)) / float64(max(c.tried, 1))
	t.Logf("%d of %d mutations are noticed, %.1f %%", c.tried-len(c.survivors), c.tried, share*100)
	if share < wanted || c.tried == 0 {
		t.Errorf("the share of noticed mutations is less than %.0f %%", wanted*100)
	}
}

// tally counts what comes of mutations.
type tally struct {
	mu        sync.Mutex
	tried     int
	survivors []string
}

// try has the provider be each mutant of a connector.
func (c *tally) try(t *testing.T, original *connectors.Connector) {
	wanted := func(path string) bool { return *every || sampled(original.Name+" "+path) }
	all := mutants(original, wanted)
	if len(all) == 0 {
		return
	}
	if err := lived(t, original, nil); err != nil {
		t.Fatalf("as it is, it does not work: %v", err)
	}
	for _, m := range all {
		if hidden(original, m) {
			continue
		}
		err := lived(t, original, m.connector)
		if errors.Is(err, errNoProvider) {
			continue
		}
		noticed := err != nil
		c.mu.Lock()
		if c.tried++; !noticed {
			c.survivors = append(c.survivors, original.Name+": "+m.String())
		}
		c.mu.Unlock()
	}
}

// lived sends a connector through all its variants with a provider that is another one. A nil one is the same.
func lived(t *testing.T, c, other *connectors.Connector) (err error) {
	for _, how := range variants(c) {
		how.connector = other
		synctest.Test(t, func(t *testing.T) { err = live(t, c, how) })
		if err != nil {
			return err
		}
	}
	return nil
}

// sampled tells whether a mutation is tried without the flag.
func sampled(name string) bool {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, name)
	return h.Sum32()%sample == 0
}
