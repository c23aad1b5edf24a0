package tokensim

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	accounts  = flag.Int("accounts", 300, "accounts of the simulation")
	days      = flag.Float64("days", 3, "days that pass in it")
	seed      = flag.Uint64("seed", uint64(time.Now().UnixNano()), "what its random numbers come from")
	mixName   = flag.String("mix", "dense", "which users and providers: dense or wide")
	idleAfter = flag.Duration("idle_after", day, "after how long without a request nothing is refreshed ahead")
)

// A life of many tokens. What it must not have is an error of its own; the table says what it had.
func TestLife(t *testing.T) {
	start := time.Now()
	t.Logf("-args -accounts %d -days %v -mix %s -idle_after %v -seed %d", *accounts, *days, *mixName, *idleAfter, *seed)
	m, ok := mixes[*mixName]
	if !ok {
		t.Fatalf("there is no mix %q", *mixName)
	}
	passed := new(atomic.Int64)
	defer report(start, passed)()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, *seed, m, time.Duration(*days*float64(day)), *idleAfter)
		s.passed = passed
		s.seedAccounts(*accounts)
		s.run()
		s.settle()
		fmt.Println(s.table())
	})
	t.Logf("wall time %s", time.Since(start).Round(time.Second/10))
}

// report tells once a minute of real time how far a long run is, until it is called off.
func report(start time.Time, passed *atomic.Int64) (off func()) {
	ticker, done := time.NewTicker(time.Minute), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(os.Stderr, "after %s: day %.1f\n", time.Since(start).Round(time.Second), time.Duration(passed.Load()).Hours()/24)
			case <-done:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(done) }
}

// table is what has happened, in Markdown.
func (s *sim) table() string {
	n := s.tally.get
	var b strings.Builder
	row := func(name string, value any, more string) {
		fmt.Fprintf(&b, "| %s | %v | %s |\n", name, value, more)
	}
	perSecond := float64(s.calls) / s.length.Seconds()
	fmt.Fprint(&b, "| | | of these |\n|---|--:|---|\n")
	row("accounts", len(s.accounts), s.tally.under("at the end "))
	row("days", s.length.Hours()/24, "")
	row("calls of token endpoints", s.calls, s.tally.under("refresh "))
	row("refreshes done", n("refreshes"), "")
	row("repeated after a loss", n("repeated"), "")
	row("duplicates", n("duplicates"), "")
	row("lost grants", "", s.tally.under("lost: "))
	row("their reasons", "", s.tally.under("reason "))
	row("requests", n("requests"), "")
	row("requests that waited", n("waited"), s.tally.under("waited: "))
	row("requests with an expired token", n("token expired"), s.tally.under("token "))
	row("of a life that nobody told", "", s.tally.under("untold life: "))
	row("forced refreshes", n("forced"), fmt.Sprintf("served at the second try %d, 401 passed on %s", n("served at the second try"), s.tally.under("401 passed on: ")))
	row("requests without a token", "", s.tally.under("no token: "))
	row("disconnected", n("disconnected"), fmt.Sprintf("connected again %d", n("connected again")))
	row("kills", n("kills"), s.tally.under("killed "))
	row("calls per second, mean", fmt.Sprintf("%.3f", perSecond), "")
	row("peak", s.usual.max, fmt.Sprintf("%.0f times the mean", float64(s.usual.max)/perSecond))
	row("peak after all tokens have died", s.rush.max, fmt.Sprintf("%.0f times the mean", float64(s.rush.max)/perSecond))
	for _, p := range s.providers {
		row("peak of "+p.name, p.usual.max, fmt.Sprintf("%d after all tokens have died", p.herd.max))
	}
	return b.String()
}
