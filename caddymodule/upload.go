package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// upload is the body of a request, as the handler sees it while a provider answers before it has
// all of it.
//
// Over HTTP/1, net/http reads 256 KiB of what is left of a body and throws it away when an answer
// begins, so that the provider would get the rest without a sign of what is missing. And Caddy's
// server counts the bytes of a body without a lock, and looks at the count as soon as the handler
// returns, when the transport may still be reading.
type upload struct {
	io.ReadCloser
	w     http.ResponseWriter
	http1 bool

	mu    sync.Mutex // held while the body is read
	ended bool

	stateMu sync.Mutex
	sawEOF  bool
}

func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := u.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		u.stateMu.Lock()
		u.sawEOF = true
		u.stateMu.Unlock()
	}
	return n, err
}

// answering is called before an answer begins. If there is more of the body to come, both go on
// side by side, and the connection is closed after them: net/http cannot find the next request
// behind a body that nobody has read to its end.
func (u *upload) answering() {
	if u.complete() || !u.http1 {
		return
	}
	if http.NewResponseController(u.w).EnableFullDuplex() == nil {
		u.w.Header().Set("Connection", "close")
	}
}

// abandon is called before our own answer to a request that the provider has not answered. What is
// left of the body stays unread, so the connection is closed after the answer; otherwise a Read that
// end breaks off would cancel the next request on it.
func (u *upload) abandon() {
	if !u.complete() && u.http1 {
		u.w.Header().Set("Connection", "close")
	}
}

// end makes later Reads fail, and waits for one that is under way. A Read that waits for the client
// is broken off. By then the connection is to be closed after the answer: the deadline would also
// end what net/http reads on it once a body is complete, and with that the next request.
func (u *upload) end() {
	if !u.mu.TryLock() {
		if !u.complete() && http.NewResponseController(u.w).SetReadDeadline(time.Unix(1, 0)) != nil {
			return
		}
		u.mu.Lock()
	}
	u.ended = true
	u.mu.Unlock()
}

// complete tells whether the body has been read to its end.
func (u *upload) complete() bool {
	u.stateMu.Lock()
	defer u.stateMu.Unlock()
	return u.sawEOF
}
