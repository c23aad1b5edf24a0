package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

func TestVaultPaths(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 100)
		n, _ := r.Body.Read(body)
		got = strings.TrimSpace(r.Method + " " + r.RequestURI + " " + string(body[:n]))
		fmt.Fprint(w, `{}`)
	})
	ctx := t.Context()
	for want, call := range map[string]func() error{
		"GET /claviger/vault":                              func() error { _, err := c.Vault(ctx); return err },
		"POST /claviger/vault/keys":                        func() error { _, err := c.AddKey(ctx); return err },
		"POST /claviger/vault/keys/a%2Fb/promote":          func() error { _, err := c.PromoteKey(ctx, "a/b"); return err },
		"POST /claviger/vault/keys/ab/retire":              func() error { _, err := c.RetireKey(ctx, "ab"); return err },
		"POST /claviger/vault/rotate":                      func() error { _, err := c.RotateKey(ctx); return err },
		"POST /claviger/vault/rekey":                       func() error { _, err := c.Rekey(ctx); return err },
		"POST /claviger/vault/reseal":                      func() error { _, err := c.Reseal(ctx); return err },
		"POST /claviger/vault/reseal/pause":                func() error { _, err := c.PauseReseal(ctx); return err },
		"POST /claviger/vault/verify":                      func() error { _, err := c.Verify(ctx); return err },
		"POST /claviger/vault/compact":                     func() error { _, err := c.Compact(ctx); return err },
		`POST /claviger/vault/forget {"identifier":"ada"}`: func() error { _, err := c.Forget(ctx, "ada"); return err },
		`POST /claviger/accounts/import {"dry_run":true}`:  func() error { _, err := c.Import(ctx, client.Import{DryRun: true}); return err },
		"GET /claviger/accounts?limit=3": func() error {
			_, err := c.Accounts(ctx, client.AccountQuery{PageQuery: client.PageQuery{Limit: 3}})
			return err
		},
	} {
		if err := call(); err != nil || got != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
}

func TestBackup(t *testing.T) {
	const part = "claviger backup 1\n"
	stream := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Trailer", "Claviger-Records, Claviger-Left-Out")
		fmt.Fprint(w, part)
		_ = http.NewResponseController(w).Flush()
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   client.Backup
		text   string
		fails  string
	}{
		{"whole", func(w http.ResponseWriter, _ *http.Request) {
			stream(w)
			w.Header().Set("Claviger-Records", "7")
			w.Header().Set("Claviger-Left-Out", "1")
		}, client.Backup{Records: 7, LeftOut: 1}, part, ""},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			stream(w)
			panic(http.ErrAbortHandler)
		}, client.Backup{}, part, "unexpected EOF"},
		{"no trailer", func(w http.ResponseWriter, _ *http.Request) { stream(w) }, client.Backup{}, part, "its end is missing"},
		{"refused", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"code":"vault_unavailable","detail":"it is closed"}`)
		}, client.Backup{}, "", "it is closed"},
		{"somebody else", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, client.Backup{}, "", "OK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var file strings.Builder
			got, err := serve(t, tt.answer).Backup(t.Context(), &file)
			if got != tt.want || file.String() != tt.text || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %+v, %q, %v", got, file.String(), err)
			}
		})
	}
}

// What may take minutes is not ended by the client's timeout; everything else is.
func TestPatience(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(150 * time.Millisecond)
		fmt.Fprint(w, `{}`)
	}))
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{Base: s.URL, HTTP: &http.Client{Timeout: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"verify":  func() error { _, err := c.Verify(t.Context()); return err },
		"compact": func() error { _, err := c.Compact(t.Context()); return err },
		"forget":  func() error { _, err := c.Forget(t.Context(), "ada"); return err },
		"import":  func() error { _, err := c.Import(t.Context(), client.Import{}); return err },
		"retire":  func() error { _, err := c.RetireKey(t.Context(), "x"); return err },
		"replay":  func() error { _, err := c.ReplayFailed(t.Context(), "app", time.Now()); return err },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var timeout interface{ Timeout() bool }
	if _, err := c.Vault(t.Context()); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the vault's facts: %v, want a timeout", err)
	}
}
