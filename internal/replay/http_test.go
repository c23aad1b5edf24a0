package replay_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/replay"
)

// provider answers 401 without reading the body, as real ones do, until the token is good; then it
// returns the body.
func provider(t *testing.T, refuse func(http.ResponseWriter, *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good" {
			refuse(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("second attempt's body at the provider: %v", err)
		}
		w.Write(body)
	})
}

// refuseAndClose answers at once and closes the connection; without this header net/http would
// read on before it answers.
func refuseAndClose(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(http.StatusUnauthorized)
}

// refuseAndRead answers at once and goes on reading what the client has still to send.
func refuseAndRead(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).EnableFullDuplex()
	w.WriteHeader(http.StatusUnauthorized)
	http.NewResponseController(w).Flush()
	io.Copy(io.Discard, r.Body)
}

func TestHTTP(t *testing.T) {
	half := strings.Repeat("0123456789abcdef", 4<<10)
	tests := []struct {
		name   string
		refuse func(http.ResponseWriter, *http.Request)
		http2  bool
		length int64
	}{
		{name: "http1 chunked, closing", refuse: refuseAndClose, length: -1},
		{name: "http1 known length, closing", refuse: refuseAndClose, length: int64(2 * len(half))},
		{name: "http1 chunked, reading on", refuse: refuseAndRead, length: -1},
		{name: "http2", refuse: refuseAndClose, http2: true, length: -1},
		{name: "http2 known length, reading on", refuse: refuseAndRead, http2: true, length: int64(2 * len(half))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(provider(t, tt.refuse))
			server.EnableHTTP2 = tt.http2
			server.StartTLS()
			t.Cleanup(server.Close)

			src, client := io.Pipe()
			t.Cleanup(func() { src.Close() })
			refused := make(chan struct{})
			go func() {
				io.WriteString(client, half)
				<-refused
				io.WriteString(client, half)
				client.Close()
			}()

			b := replay.New(src, 1<<20)
			attempt := func(ctx context.Context, body io.Reader, token string) *http.Response {
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, body)
				if err != nil {
					t.Fatal(err)
				}
				r.ContentLength = tt.length
				r.Header.Set("Authorization", "Bearer "+token)
				resp, err := server.Client().Transport.RoundTrip(r)
				if err != nil {
					t.Fatalf("attempt with the %s token: %v", token, err)
				}
				return resp
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			resp := attempt(ctx, b.First(), "stale")
			if resp.StatusCode != http.StatusUnauthorized {
				t.Fatalf("first attempt: got %s, want 401", resp.Status)
			}
			second, ok := b.Again()
			if !ok {
				t.Fatal("Again() = false, want true")
			}
			// Over HTTP/2, Close alone waits until the client sends more.
			cancel()
			resp.Body.Close()
			close(refused)

			resp = attempt(t.Context(), second, "good")
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil || !bytes.Equal(got, []byte(half+half)) {
				t.Errorf("provider got %d bytes, %v, want all %d in order", len(got), err, 2*len(half))
			}
		})
	}
}
