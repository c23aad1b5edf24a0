package declared_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// Every connector of the catalogue goes through its life at a provider that is made from its declaration.
func TestCatalog(t *testing.T) {
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	lives(t, catalog.All())
}

// The cases are connectors for everything that a file can declare.
func TestCases(t *testing.T) {
	lives(t, cases(t))
}

func cases(t *testing.T) []*connectors.Connector {
	t.Helper()
	list, err := connectors.LoadDir(os.DirFS("testdata"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// lives sends connectors through their lives, in every way and every variant that they have.
func lives(t *testing.T, list []*connectors.Connector) {
	start := time.Now()
	t.Run("all", func(t *testing.T) {
		for _, c := range list {
			for _, way := range ways(c) {
				one, _ := c.Way(way)
				t.Run(join(c.Name, way), func(t *testing.T) {
					t.Parallel()
					for name, how := range variants(one) {
						t.Run(name, func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) {
								if err := live(t, one, how); err != nil {
									t.Error(err)
								}
							})
						})
					}
				})
			}
		}
	})
	if n := len(list); n > 0 {
		took := time.Since(start)
		t.Logf("%d connectors in %s, %.1f ms each", n, took.Round(time.Millisecond), float64(took.Microseconds())/1000/float64(n))
	}
}

// ways are the IDs of a connector's ways; it has one at least.
func ways(c *connectors.Connector) []string {
	if len(c.Ways) == 0 {
		return []string{""}
	}
	var ids []string
	for _, w := range c.Ways {
		ids = append(ids, w.ID)
	}
	return ids
}

func join(name, way string) string {
	if way == "" {
		return name
	}
	return name + "/" + way
}

// variants are the lives that a connector can have: the whole one, and shorter ones without optional inputs,
// with each value that other inputs are asked for with, with tokens that have no end, and without a browser.
func variants(c *connectors.Connector) map[string]played {
	all := map[string]played{"whole": {}}
	for _, in := range append(c.App, c.Account...) {
		if in.Optional {
			all["bare"] = played{bare: true}
		}
	}
	for prefix, list := range map[string][]connectors.Input{"app.": c.App, "account.": c.Account} {
		for _, in := range list {
			if w := in.VisibleWhen; w != nil {
				for _, value := range w.Values() {
					all[w.Input+" is "+value] = played{picked: map[string]string{prefix + w.Input: value}}
				}
			}
		}
	}
	if !c.Token.URL.IsZero() {
		all["scoped"] = played{scoped: true}
	}
	if c.Token.TTL == connectors.TTLNever {
		all["eternal"] = played{eternal: true}
	}
	if len(c.Discover) > 0 {
		all["several"] = played{several: true}
	}
	if c.Device != nil && c.Mode != connectors.ModeDevice {
		all["device"] = played{device: true}
	}
	return all
}

func live(t *testing.T, c *connectors.Connector, how played) error {
	j, err := depart(t, c, how)
	if err != nil {
		return err
	}
	if !how.bare && !how.scoped && !how.eternal && !how.device && !how.several && how.picked == nil {
		return j.through(j.whole()...)
	}
	return j.through(j.short()...)
}
