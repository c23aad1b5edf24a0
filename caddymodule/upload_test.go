package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// deadlines is a response writer that tells when a read deadline is set.
type deadlines struct {
	http.ResponseWriter
	set chan struct{}
}

func (d *deadlines) SetReadDeadline(time.Time) error {
	d.set <- struct{}{}
	return nil
}

func newUpload(body string) (*upload, *deadlines, *httptest.ResponseRecorder) {
	w := httptest.NewRecorder()
	d := &deadlines{w, make(chan struct{}, 1)}
	return &upload{ReadCloser: io.NopCloser(strings.NewReader(body)), w: d, http1: true}, d, w
}

// A deadline on the connection after a complete body would end what the server reads there already
// for the next request.
func TestUploadThatIsCompleteIsNotBrokenOff(t *testing.T) {
	u, d, w := newUpload("")
	if _, err := u.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	u.abandon()
	if got := w.Header().Get("Connection"); got != "" {
		t.Errorf("got Connection: %s, want the connection kept", got)
	}
	u.mu.Lock() // the Read that has just seen the end has not returned yet
	done := make(chan struct{})
	go func() { u.end(); close(done) }()
	select {
	case <-d.set:
		t.Error("a read deadline was set")
	case <-time.After(50 * time.Millisecond):
	}
	u.mu.Unlock()
	<-done
}

func TestUploadThatIsNotCompleteEndsTheConnection(t *testing.T) {
	u, d, w := newUpload("hello")
	if _, err := u.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	u.abandon()
	if got := w.Header().Get("Connection"); got != "close" {
		t.Errorf("got Connection: %q, want close", got)
	}
	u.mu.Lock() // a Read waits for the client
	done := make(chan struct{})
	go func() { u.end(); close(done) }()
	<-d.set
	u.mu.Unlock()
	<-done
	if _, err := u.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("got %v after the end, want ErrBodyReadAfterClose", err)
	}
}
