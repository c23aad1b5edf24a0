package vaulttest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// tally counts for the report.
type tally struct {
	mu           sync.Mutex
	kills        int
	acknowledged int
	checks       int
	losses       int
	during       map[string]int
}

func newTally() *tally { return &tally{during: map[string]int{}} }

// kill counts a kill, after so many acknowledgements, while the operations were under way.
func (y *tally) kill(acknowledged int, during []string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.kills++
	y.acknowledged += acknowledged
	for _, op := range during {
		y.during[op]++
	}
}

func (y *tally) count(n *int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	*n++
}

func (y *tally) report(t *testing.T, took time.Duration) {
	t.Helper()
	var during, never []string
	for _, op := range crashOps {
		if y.during[op] == 0 {
			never = append(never, op)
		}
		during = append(during, fmt.Sprint(op, " ", y.during[op]))
	}
	t.Logf("%d kills, %d acknowledged writes, %d checks; kills during %s; losses %d; %.1f s",
		y.kills, y.acknowledged, y.checks, strings.Join(during, ", "), y.losses, took.Seconds())
	if y.kills >= everyKind && len(never) > 0 {
		t.Errorf("no kill came during %s", strings.Join(never, ", "))
	}
}
