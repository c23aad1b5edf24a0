package tokensim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally counts what happens, by name.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (t *tally) add(name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n[name] += n
}

func (t *tally) get(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n[name]
}

// under lists the counts whose names begin with prefix, without it.
func (t *tally) under(prefix string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(t.n)) {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			lines = append(lines, fmt.Sprintf("%s %d", rest, t.n[name]))
		}
	}
	return strings.Join(lines, ", ")
}

// peak is the second with the most calls.
type peak struct {
	second int64
	n, max int
	at     time.Time
}

func (p *peak) count(now time.Time) {
	if s := now.Unix(); s != p.second {
		p.second, p.n = s, 0
	}
	if p.n++; p.n > p.max {
		p.max, p.at = p.n, now
	}
}

// minute counts the calls of the minute that is under way.
type minute struct {
	number int64
	n      int
}

func (m *minute) count(now time.Time) int {
	if number := now.Unix() / 60; number != m.number {
		m.number, m.n = number, 0
	}
	m.n++
	return m.n
}
