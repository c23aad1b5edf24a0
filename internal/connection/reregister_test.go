package connection_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// A change that is not what was asked for is told, and what the provider has given with it is stored: it may take
// nothing else from then on.
func TestRenewOtherwise(t *testing.T) {
	const (
		moved  = "https://other.example.com/one"
		answer = `"client_id":"c1","client_secret":"canary-secret-2","registration_access_token":"canary-secret-token-2","registration_client_uri":`
		here   = answer + `"BASE/register/c1/2"`
	)
	for name, tt := range map[string]struct {
		answer, says, uri, redirect string
	}{
		"a redirect URI more": {here + `,"redirect_uris":["` + moved + `","` + callbackOfOne + `"]`, "other redirect URIs", "/register/c1/2", callbackOfOne},
		"another auth":        {here + `,"token_endpoint_auth_method":"none"`, "token.client_auth", "/register/c1/2", moved},
		"managed elsewhere":   {answer + `"https://evil.example.com/c1"`, "managed at a host", "/register/c1", moved},
		"ended":               {here + `,"client_secret_expires_at":1000000000`, "secret has ended", "/register/c1/2", moved},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.registers("one")
			r.with.Callback = func(string) string { return moved }
			r.answer = "{" + tt.answer + "}"
			live, another, err := r.with.Renew(t.Context(), "one", false)
			wantCode(t, err, connection.CodeRegistration)
			if live != nil || another {
				t.Errorf("got %v and %t beside the error", live, another)
			}
			for _, text := range []string{tt.says, "has changed the OAuth client, and not as it was asked to", "register one --new"} {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("got %v, want it to say %q", err, text)
				}
			}
			if strings.Contains(err.Error(), "no OAuth client") || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "http") {
				t.Errorf("got %v", err)
			}
			wantClient(t, r.set, "one", client("c1", "2"), false)
			got, _ := r.stored("one").Registration("c1")
			if !got.Token.Equal(secret("token-2")) || got.URI != r.url+tt.uri || got.RedirectURI != tt.redirect {
				t.Errorf("got registration %+v, want it at %s with %s", got, tt.uri, tt.redirect)
			}
			r.quiet()
		})
	}
}

// A secret that has ended is no reason to be content with it.
func TestRenewEnded(t *testing.T) {
	r := newRegistry(t)
	r.registers("one")
	if _, err := r.set.Change(t.Context(), "one", func(c *vault.Connection) error {
		c.Registrations[0].SecretExpires = time.Now().Add(-time.Hour)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.answer = `{"client_id":"c1"}`
	_, _, err := r.with.Renew(t.Context(), "one", false)
	wantCode(t, err, connection.CodeRegistration)
	if !strings.Contains(err.Error(), "secret has ended") || !strings.Contains(err.Error(), "register one --new") {
		t.Errorf("got %v, want to be told what to do", err)
	}
	wantClient(t, r.set, "one", client("c1", "1"), false)
	r.answer = ""
	if _, _, err := r.with.Renew(t.Context(), "one", false); err != nil {
		t.Errorf("with another secret: %v", err)
	}
	wantClient(t, r.set, "one", client("c1", "2"), false)
}

// What the provider gives is stored also for a caller that is gone by then.
func TestRegisterCallerGone(t *testing.T) {
	for name, register := range map[string]func(context.Context, *registry) error{
		"added": func(ctx context.Context, r *registry) error {
			_, err := r.with.Add(ctx, bare("two", "social"))
			return err
		},
		"changed": func(ctx context.Context, r *registry) error {
			_, _, err := r.with.Renew(ctx, "two", false)
			return err
		},
		"another": func(ctx context.Context, r *registry) error {
			_, _, err := r.with.Renew(ctx, "two", true)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			if name != "added" {
				r.registers("two")
			}
			ctx, cancel := context.WithCancel(t.Context())
			r.with.OAuth = oauth.New(oauth.Options{Transport: transport(func(req *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(req)
				cancel()
				if err == nil && req.Context().Err() != nil {
					resp.Body.Close()
					return nil, req.Context().Err()
				}
				return resp, err
			})})
			if err := register(ctx, r); err != nil {
				t.Error(err)
			}
			want := map[string]vault.OAuthClient{"added": client("c1", "1"), "changed": client("c1", "2"), "another": client("c2", "2")}
			wantClient(t, r.set, "two", want[name], false)
		})
	}
}

// Of several changes of one registration each waits for the one before, and so does its end.
func TestRenewInTurn(t *testing.T) {
	r := newRegistry(t)
	r.registers("one")
	r.registers("two")
	asked, late := make(chan struct{}), make(chan struct{})
	slow := *r.with
	slow.OAuth = oauth.New(oauth.Options{Transport: transport(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		close(asked)
		<-late
		return resp, err
	})})
	first := make(chan error, 1)
	go func() { // ends when late is closed
		_, _, err := slow.Renew(t.Context(), "one", false)
		first <- err
	}()
	<-asked
	for name, do := range map[string]func(context.Context) error{
		"a second change": func(ctx context.Context) error {
			_, _, err := r.with.Renew(ctx, "one", false)
			return err
		},
		"its end": func(ctx context.Context) error {
			_, err := r.with.Remove(ctx, "one", false)
			return err
		},
	} {
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := do(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want it to wait", name, err)
		}
		cancel()
	}
	if _, _, err := r.with.Renew(t.Context(), "two", false); err != nil {
		t.Errorf("another connection: %v", err)
	}
	second := make(chan error, 1)
	go func() { // ends after the first
		_, _, err := r.with.Renew(t.Context(), "one", false)
		second <- err
	}()
	close(late)
	if err := errors.Join(<-first, <-second); err != nil {
		t.Fatal(err)
	}
	wantClient(t, r.set, "one", client("c1", "5"), false) // the provider's last
	if _, err := r.with.Remove(t.Context(), "one", false); err != nil {
		t.Error(err)
	}
}

// An answer that another process has overtaken does not take the place of the newer one.
func TestRenewOvertaken(t *testing.T) {
	r := newRegistry(t)
	r.registers("one")
	set, err := connection.NewSet(t.Context(), r.v, r.set.Catalog(), nil)
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.WarnLevel)
	slow := *r.with
	slow.Log = zap.New(core)
	slow.OAuth = oauth.New(oauth.Options{Transport: transport(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		other := *r.with
		other.Set = set
		if _, _, err := other.Renew(t.Context(), "one", false); err != nil {
			t.Error(err)
		}
		return resp, err
	})})
	_, _, err = slow.Renew(t.Context(), "one", false)
	if !errors.Is(err, vault.ErrConflict) || !strings.Contains(err.Error(), "register one --new") {
		t.Errorf("got %v, want a conflict, and to be told what to do", err)
	}
	if c := r.stored("one"); !c.ClientSecret.Equal(secret("3")) {
		t.Error("the older answer is stored")
	}
	if logs.FilterField(zap.String("client_id", "c1")).Len() != 1 {
		t.Error("the log does not have the change that is lost")
	}
}

// transport is a RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
