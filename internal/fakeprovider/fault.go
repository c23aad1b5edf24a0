package fakeprovider

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// endless is where an endless answer gives up: ten gigabytes.
const endless int64 = 10 << 30

// A Fault is what happens to a request instead of its proper answer. With nothing but a Delay, the
// proper answer comes after it.
type Fault struct {
	// Delay comes before everything else.
	Delay time.Duration
	// Status, Header, ContentType and Body are the answer. Status zero means 200 if there is a body,
	// ContentType empty means JSON.
	Status      int
	Header      http.Header
	ContentType string
	Body        string
	// Hang gives no answer until the client or the server goes away.
	Hang bool
	// Destroy cuts the connection without an answer.
	Destroy bool
	// Lost does what was asked and then cuts the connection without an answer: a refresh token is
	// spent, and nobody learns the new one.
	Lost bool
	// Endless answers 200 with a JSON string that goes on for ten gigabytes.
	Endless bool
	// Stream writes the answer itself. It must return when the request's context ends.
	Stream func(http.ResponseWriter, *http.Request)
	// Count is how many requests it happens to. Zero means all until ClearFaults.
	Count int
}

func (f Fault) answers() bool {
	return f.Status != 0 || f.Body != "" || f.Hang || f.Destroy || f.Endless || f.Stream != nil
}

// faults keeps the faults to come, by path.
type faults struct {
	mu    sync.Mutex
	queue map[string][]Fault
}

func newFaults() *faults { return &faults{queue: make(map[string][]Fault)} }

// SetFault makes requests for path fail; a path that ends in a slash means all below it. Several
// faults happen one after the other, each Count times. It replaces earlier faults of that path.
func (s *Server) SetFault(path string, f ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.queue[path] = slices.Clone(f)
}

// ClearFaults removes all faults. Requests that hang go on hanging.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	clear(s.faults.queue)
}

// take returns the fault for a path: the exact path's, or the longest subtree's.
func (q *faults) take(path string) (Fault, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	best := ""
	for p, list := range q.queue {
		if len(list) > 0 && len(p) > len(best) && (p == path || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)) {
			best = p
		}
	}
	if best == "" {
		return Fault{}, false
	}
	list := q.queue[best]
	f := list[0]
	switch f.Count {
	case 0:
	case 1:
		q.queue[best] = list[1:]
	default:
		list[0].Count--
	}
	return f, true
}

// serve applies the fault; proper gives the answer the fault is in place of.
func (f Fault) serve(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
	if f.Delay > 0 && !sleep(r.Context(), f.Delay) {
		cut(w)
		return
	}
	switch {
	case f.Lost:
		proper(&void{header: make(http.Header)}, r)
		cut(w)
	case !f.answers():
		proper(w, r)
	case f.Destroy:
		cut(w)
	case f.Hang:
		// The server notices that the client has gone only when the body has been read.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		cut(w)
	case f.Stream != nil:
		f.Stream(w, r)
	default:
		f.answer(w)
	}
}

func (f Fault) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if f.ContentType != "" {
		w.Header().Set("Content-Type", f.ContentType)
	}
	maps.Copy(w.Header(), f.Header.Clone())
	if f.Status != 0 {
		w.WriteHeader(f.Status)
	}
	if !f.Endless {
		_, _ = io.WriteString(w, f.Body)
		return
	}
	_, err := io.WriteString(w, `{"access_token":"`)
	chunk := []byte(strings.Repeat("a", 64<<10))
	for n := int64(0); err == nil && n < endless; n += int64(len(chunk)) {
		_, err = w.Write(chunk)
	}
}

// cut closes the connection in the middle of whatever it was doing.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = conn.Close()
}

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// void is an answer nobody will see.
type void struct{ header http.Header }

func (v *void) Header() http.Header         { return v.header }
func (v *void) Write(p []byte) (int, error) { return len(p), nil }
func (v *void) WriteHeader(int)             {}
