package fakeprovider

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// probeRoutes are no part of a mailbox: they show what arrives here, and answer in every way HTTP
// has.
func (s *Server) probeRoutes(mux *http.ServeMux) {
	mux.Handle("GET /api/stream", s.signedIn(s.stream))
	mux.Handle("GET /api/ws", s.signedIn(s.websocket))
	mux.Handle("/api/redirect", s.signedIn(s.redirect))
	mux.Handle("GET /api/bytes", s.signedIn(s.bytes))
	mux.Handle("/api/trailers", s.signedIn(s.trailers))
	mux.Handle("/api/status/{code}", s.signedIn(s.status))
	mux.Handle("GET /api/gzip", s.signedIn(s.gzip))
}

// echo sends the body back while it arrives. The answer's headers tell the request's method, its
// target as sent, and the names of its headers.
func (s *Server) echo(w http.ResponseWriter, r *http.Request, _ string) {
	if t := r.Header.Get("Content-Type"); t != "" {
		w.Header().Set("Content-Type", t)
	}
	w.Header().Set("X-Seen-Method", r.Method)
	w.Header().Set("X-Seen-Uri", r.RequestURI)
	w.Header().Set("X-Seen-Headers", strings.Join(slices.Sorted(maps.Keys(r.Header)), ","))
	pipe(w, r.Body)
}

// pipe copies a request body to the answer and flushes after every read.
func pipe(w http.ResponseWriter, body io.Reader) {
	c := http.NewResponseController(w)
	_ = c.EnableFullDuplex() // HTTP/1 otherwise reads all before the first write
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return
			}
			_ = c.Flush()
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			cut(w)
			return
		}
	}
}

// stream sends n events, ms milliseconds apart, each flushed. While [Server.HoldEvents] is in force,
// it waits for a step before each instead.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, _ string) {
	n, err1 := number(r.URL.Query(), "n", 5, 0, 100_000)
	ms, err2 := number(r.URL.Query(), "ms", 100, 0, 60_000)
	if err1 != nil || err2 != nil {
		fail(w, http.StatusBadRequest, "bad_request", "n or ms is not valid")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	c := http.NewResponseController(w)
	_ = c.Flush()
	for i := 1; i <= n; i++ {
		if i > 1 && ms > 0 && !sleep(r.Context(), time.Duration(ms)*time.Millisecond) {
			return
		}
		if !s.events.pass(r.Context()) {
			return
		}
		if _, err := fmt.Fprintf(w, "id: %d\nevent: tick\ndata: {\"n\":%d}\n\n", i, i); err != nil {
			return
		}
		_ = c.Flush()
	}
}

// websocket sends every message back as it came.
func (s *Server) websocket(w http.ResponseWriter, r *http.Request, _ string) {
	var protocols []string
	for p := range strings.SplitSeq(r.Header.Get("Sec-WebSocket-Protocol"), ",") {
		protocols = append(protocols, strings.TrimSpace(p))
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       protocols,
		InsecureSkipVerify: true, // the access token is the proof, not the origin
	})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(16 << 20)
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := conn.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

// redirect sends the client wherever the query says.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, _ string) {
	code, err := number(r.URL.Query(), "code", http.StatusFound, 300, 399)
	to := r.URL.Query().Get("to")
	if err != nil || to == "" {
		fail(w, http.StatusBadRequest, "bad_request", "to is missing or code is not a redirect")
		return
	}
	w.Header().Set("Location", to)
	w.WriteHeader(code)
}

// bytes sends the first n bytes of [Pattern]; ranges are understood.
func (s *Server) bytes(w http.ResponseWriter, r *http.Request, _ string) {
	n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	if err != nil || n < 0 {
		fail(w, http.StatusBadRequest, "bad_request", "n is not valid")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(pattern{}, 0, n))
}

// trailers sends the body back and then the trailer Grpc-Status, and every trailer of the request
// with Seen- before its name.
func (s *Server) trailers(w http.ResponseWriter, r *http.Request, _ string) {
	w.Header().Set("Trailer", "Grpc-Status")
	if t := r.Header.Get("Content-Type"); t != "" {
		w.Header().Set("Content-Type", t)
	}
	w.WriteHeader(http.StatusOK)
	pipe(w, r.Body)
	w.Header().Set("Grpc-Status", "0")
	for name, values := range r.Trailer {
		w.Header()[http.TrailerPrefix+"Seen-"+name] = values
	}
}

// status answers with any status from 200 to 599.
func (s *Server) status(w http.ResponseWriter, r *http.Request, _ string) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		fail(w, http.StatusBadRequest, "bad_request", "the status must be from 200 to 599")
		return
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	if code == http.StatusNoContent || code == http.StatusNotModified {
		w.WriteHeader(code)
		return
	}
	writeJSON(w, code, map[string]int{"status": code})
}

// gzip answers compressed, whatever the client accepts.
func (s *Server) gzip(w http.ResponseWriter, _ *http.Request, _ string) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write([]byte(`{"compressed":true}` + "\n"))
	_ = z.Close()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	_, _ = w.Write(buf.Bytes())
}

// Pattern returns the n bytes that /api/bytes?n= sends.
func Pattern(n int) []byte {
	p := make([]byte, n)
	_, _ = pattern{}.ReadAt(p, 0)
	return p
}

// pattern is an endless file in which a shift by any power of two shows.
type pattern struct{}

func (pattern) ReadAt(p []byte, at int64) (int, error) {
	for i := range p {
		p[i] = byte((at + int64(i)) % 251)
	}
	return len(p), nil
}
