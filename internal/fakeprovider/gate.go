package fakeprovider

import (
	"context"
	"sync"
)

// A gate holds those who come through while it is closed. The zero gate is open.
type gate struct {
	mu      sync.Mutex
	opened  chan struct{} // closed by release; nil: the gate is open
	steps   chan struct{} // one value lets one through
	waiting int
}

// close shuts the gate. A second call opens the earlier one first.
func (g *gate) close() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
	}
	opened := make(chan struct{})
	g.opened, g.steps = opened, make(chan struct{}, 1<<16)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.opened == opened {
			close(opened)
			g.opened = nil
		}
	}
}

// step lets one through: whoever waits, or else the next to come.
func (g *gate) step() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		return
	}
	select {
	case g.steps <- struct{}{}:
	default:
	}
}

// pass waits until it is let through. It returns false if ctx ended first.
func (g *gate) pass(ctx context.Context) bool {
	g.mu.Lock()
	opened, steps := g.opened, g.steps
	if opened == nil {
		g.mu.Unlock()
		return true
	}
	g.waiting++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.waiting--
		g.mu.Unlock()
	}()
	select {
	case <-opened:
		return true
	case <-steps:
		return true
	case <-ctx.Done():
		return false
	}
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

// HoldToken makes calls of the token endpoint wait, after they are logged and before anything else,
// until release is called. waiting returns how many do. Release may be called more than once.
func (s *Server) HoldToken() (release func(), waiting func() int) {
	return s.tokens.close(), s.tokens.count
}

// HoldEvents makes /api/stream wait before every event. Each call of next lets one event out; release
// lets all.
func (s *Server) HoldEvents() (next, release func()) {
	return s.events.step, s.events.close()
}
