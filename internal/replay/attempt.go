package replay

import "io"

// An attempt is the reader that one request is sent with.
type attempt struct {
	body   *Body
	closed bool // guarded by body.mu
}

// Read gives the kept bytes first and then reads the source.
func (a *attempt) Read(p []byte) (int, error) {
	b := a.body
	if n, done, err := b.enter(a, p); done {
		return n, err
	}
	n, err := b.src.Read(p)
	return b.leave(a, p[:n], err)
}

// Close ends the attempt; its later Reads return ErrClosed. The source stays open.
func (a *attempt) Close() error {
	b := a.body
	b.mu.Lock()
	defer b.mu.Unlock()
	a.closed = true
	if a == &b.second && b.current == a {
		b.forget()
	}
	b.moved.Broadcast()
	return nil
}

// enter answers a Read that needs no source, or makes a the one that reads it: then done is false
// and leave must follow. It waits while another attempt reads the source.
func (b *Body) enter(a *attempt, p []byte) (n int, done bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if err := b.gone(a); err != nil {
			return 0, true, err
		}
		if len(p) == 0 {
			return 0, true, nil
		}
		if a == &b.second {
			if n := b.kept.next(p); n > 0 {
				return n, true, nil
			}
		}
		if !b.reading && b.end != nil {
			return 0, true, b.end
		}
		if !b.reading {
			b.reading = true
			return 0, false, nil
		}
		b.moved.Wait()
	}
}

// leave records what a has read from the source, and decides whose bytes they are.
func (b *Body) leave(a *attempt, got []byte, err error) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	b.moved.Broadcast()
	if err != nil {
		b.end = err
	}
	if gone := b.gone(a); gone != nil {
		// The request a belonged to is over, so these bytes were not sent. At most one buffer of
		// them is kept beyond the limit.
		if !b.lost {
			b.kept.add(got)
		}
		return 0, gone
	}
	if a == &b.first {
		b.keep(got)
	}
	return len(got), err
}

// keep remembers what the first attempt is about to send, or forgets everything above the limit.
func (b *Body) keep(got []byte) {
	b.sent += int64(len(got))
	switch {
	case b.lost:
	case b.sent > b.limit:
		b.forget()
	default:
		b.kept.add(got)
	}
}

// gone returns the error of an attempt that may not read any more.
func (b *Body) gone(a *attempt) error {
	switch {
	case b.current != a:
		return ErrTakenOver
	case a.closed:
		return ErrClosed
	}
	return nil
}

// Interface guards.
var _ io.ReadCloser = (*attempt)(nil)
