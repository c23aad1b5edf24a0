package badgerstore

import (
	"fmt"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// leases are the leases of one process.
type leases struct {
	now  func() time.Time
	mu   sync.Mutex
	held map[string]*lease
}

type lease struct{ until time.Time }

func (l *leases) take(name string, ttl time.Duration) (release func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if h := l.held[name]; h != nil && now.Before(h.until) {
		return nil, fmt.Errorf("%s: %w", name, vault.ErrLeased)
	}
	if l.held == nil {
		l.held = make(map[string]*lease)
	}
	mine := &lease{until: now.Add(ttl)}
	l.held[name] = mine
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.held[name] == mine { // a holder that was overtaken releases nothing
			delete(l.held, name)
		}
	}, nil
}
