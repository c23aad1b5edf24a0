package vaulttest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	// crashKills is the variable that says how many processes RunCrashTests kills.
	crashKills   = "CLAVIGER_KILLS"
	defaultKills = 40
	// everyKind is how many kills are enough to hit every kind of operation.
	everyKind = 200
	// crashSeed is the variable that repeats the choices of an earlier run, but not its times.
	crashSeed = "CLAVIGER_SEED"
	// crashLines is how many stores are worked on side by side.
	crashLines = 2
	// crashLife is how many kills one place sees before the next one, which is empty.
	crashLife = 10
)

// RunCrashTests kills a process that works on a vault, again and again, and tests that everything
// is there that was acknowledged, that nothing is there that was deleted, and that the work on keys
// goes on (R-05, V-08). open opens the store whose data are in the directory place, or elsewhere
// under a name made from it, and creates it if there is none. The data survive the process.
//
// The process is the test binary, which is told to run the calling test alone; there, RunCrashTests
// does the work and never returns. CLAVIGER_KILLS says how many are killed, 40 when it is not set.
// From 200 on it is a failure when a kind of operation was not hit. When something is lost, the
// directory is kept and named.
func RunCrashTests(t *testing.T, open func(t testing.TB, place string) vault.Store) {
	if place := os.Getenv(crashPlace); place != "" {
		workAndDie(t, place, open)
	}
	start := time.Now()
	kills := number(t, crashKills, defaultKills)
	seed := number(t, crashSeed, uint64(start.UnixNano()))
	t.Logf("seed %d", seed)
	all := newTally()
	test := t.Name()
	t.Run("kill", func(t *testing.T) {
		for i := range uint64(crashLines) {
			t.Run(strconv.FormatUint(i+1, 10), func(t *testing.T) {
				t.Parallel()
				c := &crash{open: open, rand: rand.New(rand.NewPCG(seed, i)), seed: seed, test: test, all: all}
				c.run(t, int(kills+i)/crashLines)
			})
		}
	})
	all.report(t, time.Since(start))
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// crash is one line of kills, over one place after the other.
type crash struct {
	open func(testing.TB, string) vault.Store
	rand *rand.Rand
	seed uint64
	test string // what the process runs
	all  *tally

	root, place string
	n           int // of places
	model       *model
}

func (c *crash) run(t *testing.T, kills int) {
	t.Helper()
	root, err := os.MkdirTemp("", "claviger-crash-")
	if err != nil {
		t.Fatal(err)
	}
	c.root = root
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(root)
		}
	})
	c.move(t)
	for age := 0; kills > 0; kills-- {
		c.strike(t)
		age++
		last := age == crashLife || kills == 1
		if last || c.rand.IntN(5) < 3 {
			c.check(t, last || c.rand.IntN(3) == 0)
		}
		if age == crashLife && kills > 1 {
			c.move(t)
			age = 0
		}
	}
}

// move begins with a new, empty place.
func (c *crash) move(t *testing.T) {
	t.Helper()
	if c.place != "" {
		os.RemoveAll(c.place)
	}
	for _, f := range keyFiles(c.root)[0].Retired {
		os.Remove(f)
	}
	os.Remove(keyFiles(c.root)[0].Path)
	c.n++
	c.place = filepath.Join(c.root, fmt.Sprint("place-", c.n))
	if err := os.Mkdir(c.place, 0o700); err != nil {
		t.Fatal(err)
	}
	c.model = newModel()
}

// lost ends the test, and says where the remains are.
func (c *crash) lost(t *testing.T, format string, args ...any) {
	t.Helper()
	c.all.count(&c.all.losses)
	t.Fatalf("%s\nthe place %s is kept; seed %d", fmt.Sprintf(format, args...), c.place, c.seed)
}
