// Package replay makes a request body that can be sent twice.
//
// A provider may refuse a credential while the client is still uploading. New wraps the client's
// body; First is sent with the first request, and when the provider has refused it, Again gives a
// reader that starts at the first byte once more:
//
//	body := replay.New(r.Body, 1<<20)
//	defer body.Release()
//	ctx, cancel := context.WithCancel(r.Context())
//	resp := send(ctx, body.First())
//	if resp.StatusCode == http.StatusUnauthorized {
//		if second, ok := body.Again(); ok {
//			cancel()
//			resp.Body.Close()
//			resp = send(r.Context(), second)
//		}
//	}
//
// Cancel the first request before closing its answer: over HTTP/2, net/http's Close waits for the
// goroutine that sends the body, which may be blocked in Read until the client sends more.
//
// The second attempt reads exactly the bytes of the source, in order, even if the transport of the
// first is still blocked in a Read: what that Read brings in belongs to the second. No lock is held
// while the source is read, no goroutine is started, and starting over never waits.
package replay

import (
	"errors"
	"io"
	"sync"
)

// Errors a reader of this package returns beside those of its source.
var (
	// ErrTakenOver is returned by the first attempt's reader once Again has succeeded.
	ErrTakenOver = errors.New("body is taken over by the second attempt")
	// ErrClosed is returned by Read after Close of the same attempt.
	ErrClosed = errors.New("read after close of a request body")
)

// A Body hands one source to at most two attempts, one after the other. It never closes the source:
// that stays with whoever opened it. All methods are safe for concurrent use.
type Body struct {
	src   io.Reader
	limit int64

	mu      sync.Mutex
	moved   sync.Cond // reading, current or an attempt's closed has changed
	reading bool      // a Read of src is under way, without mu
	end     error     // what src ended with, io.EOF included
	sent    int64     // bytes the first attempt has received
	lost    bool      // bytes were sent that are no longer kept
	kept    kept      // what the second attempt has still to be given before src
	current *attempt
	first   attempt
	second  attempt
}

// New returns a Body over src that can be sent again as long as the first attempt has received no
// more than limit bytes. Zero means only while nothing was sent; less than zero means never. A nil
// src is an empty body. Memory is taken as bytes pass, up to limit, and given back at once when
// more pass.
func New(src io.Reader, limit int64) *Body {
	b := &Body{src: src, limit: limit, lost: limit < 0}
	if src == nil {
		b.end = io.EOF
	}
	b.moved.L = &b.mu
	b.first.body, b.second.body = b, b
	b.current = &b.first
	return b
}

// First returns the reader of the first attempt, the same one at every call. Its Close does not
// close the source, and does not wait for a Read that is under way.
func (b *Body) First() io.ReadCloser {
	return &b.first
}

// Again ends the first attempt and returns the reader of the second, which starts at the first
// byte. It returns false, and changes nothing, if Replayable is false. It never waits. A Read of
// the first attempt that is under way keeps its place at the source; the second attempt is given
// its bytes, and waits for them only after everything before them has been read.
func (b *Body) Again() (io.ReadCloser, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.replayable() {
		return nil, false
	}
	b.current = &b.second
	b.moved.Broadcast()
	return &b.second, true
}

// Replayable tells whether Again would succeed now. It is false after more than the limit was
// sent, after a successful Again, after Release, and after the source has failed. While the first
// attempt is still being sent the answer can turn from true to false.
func (b *Body) Replayable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replayable()
}

func (b *Body) replayable() bool {
	failed := b.end != nil && b.end != io.EOF
	return b.current == &b.first && !b.lost && !failed
}

// Release gives up the second attempt and the memory kept for it. Call it when the first answer is
// final, above all before a long answer is streamed. It does nothing once Again has succeeded; then
// Close of the second attempt releases.
func (b *Body) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == &b.first {
		b.forget()
	}
}

// forget drops the kept bytes for good.
func (b *Body) forget() {
	b.lost = true
	b.kept.release()
}
