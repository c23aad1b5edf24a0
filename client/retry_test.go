package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// script answers each request with the next status, and keeps the keys that came.
type script struct {
	mu       sync.Mutex
	statuses []int
	header   map[string]string
	keys     []string
	bodies   []int64
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.bodies = append(s.keys, r.Header.Get("Idempotency-Key")), append(s.bodies, r.ContentLength)
	status := s.statuses[0]
	s.statuses = s.statuses[1:]
	if status == 0 {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	for name, value := range s.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	if status < 300 {
		_, _ = w.Write([]byte(`{"id":"x"}`))
	}
}

func (s *script) start(t *testing.T, retries int) *client.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(client.Options{Base: server.URL, Retries: retries})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRetries(t *testing.T) {
	tests := []struct {
		name     string
		statuses []int
		header   map[string]string
		retries  int
		requests int
		ok       bool
	}{
		{"at once", []int{200}, nil, 0, 1, true},
		{"not ready", []int{503, 503, 200}, nil, 0, 3, true},
		{"never ready", []int{503, 503, 503}, nil, 0, 3, false},
		{"broken off", []int{0, 200}, nil, 0, 2, true},
		{"too much to do", []int{429, 504, 200}, map[string]string{"Retry-After": "0"}, 0, 3, true},
		{"under way", []int{409, 200}, map[string]string{"Claviger-Error": "request_in_progress"}, 0, 2, true},
		{"another conflict", []int{409}, map[string]string{"Claviger-Error": "record_changed"}, 0, 1, false},
		{"for long", []int{503}, map[string]string{"Retry-After": "30"}, 0, 1, false},
		{"a mistake", []int{400}, nil, 0, 1, false},
		{"more", []int{503, 503, 503, 200}, nil, 3, 4, true},
		{"none", []int{503}, nil, -1, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &script{statuses: tt.statuses, header: tt.header}
			_, err := s.start(t, tt.retries).CreateLink(t.Context(), client.NewLink{Connection: "mail", Identifier: "ada"})
			if (err == nil) != tt.ok || len(s.keys) != tt.requests {
				t.Fatalf("%d requests, %v", len(s.keys), err)
			}
			for i, key := range s.keys {
				if key != s.keys[0] || (key == "") != (tt.retries < 0) || s.bodies[i] != s.bodies[0] || s.bodies[i] <= 0 {
					t.Errorf("request %d has key %q and %d bytes", i, key, s.bodies[i])
				}
			}
		})
	}
}

// Two calls are two requests, and to read takes no key.
func TestRetryKeys(t *testing.T) {
	s := &script{statuses: []int{200, 200, 503, 200}}
	c := s.start(t, 0)
	for range 2 {
		if _, err := c.Disconnect(t.Context(), "ca_x"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Account(t.Context(), "ca_x"); err != nil {
		t.Fatal(err)
	}
	if s.keys[0] == s.keys[1] || s.keys[0] == "" || s.keys[2] != "" || s.keys[3] != "" {
		t.Errorf("keys %q", s.keys)
	}
}

// Whoever has no more time does not wait.
func TestRetryGivesUp(t *testing.T) {
	s := &script{statuses: []int{503, 200}, header: map[string]string{"Retry-After": "9"}}
	c := s.start(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Account(ctx, "ca_x"); err == nil || len(s.keys) != 1 {
		t.Errorf("%d requests, %v", len(s.keys), err)
	}
}
