package oauth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// M-01: an endless answer is read to 64 KiB and no further.
func TestEndlessAnswer(t *testing.T) {
	for _, status := range []int{200, 500} {
		var written atomic.Int64
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			chunk := []byte(strings.Repeat(" ", 32<<10))
			for {
				n, err := w.Write(chunk)
				if err != nil {
					return
				}
				written.Add(int64(n))
			}
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		token, err := exchange(t, newClient(oauth.Options{Timeout: 20 * time.Second}), at(t, plain(nil), base))
		runtime.ReadMemStats(&after)
		if status == 200 {
			wantError(t, token, err, oauth.ClassMalformed, oauth.CodeAnswerTooLarge)
		} else {
			wantError(t, token, err, oauth.ClassTransient, "provider_status_500")
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("allocated %d bytes, want less than 4 MiB", grown)
		}
		// What the sockets' buffers took is written as well.
		if n := written.Load(); n > 16<<20 {
			t.Errorf("the provider could write %d bytes", n)
		}
	}
}

func TestLongestAnswer(t *testing.T) {
	body := `{"access_token":"a"}`
	body += strings.Repeat(" ", 64<<10-len(body))
	if _, err := exchange(t, newClient(oauth.Options{}), at(t, plain(nil), says(t, 200, jsonType, body))); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
	token, err := exchange(t, newClient(oauth.Options{}), at(t, plain(nil), says(t, 200, jsonType, body+" ")))
	wantError(t, token, err, oauth.ClassMalformed, oauth.CodeAnswerTooLarge)
}

// M-02: one call ends in time, however slowly the provider answers.
func TestSlowProvider(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"never answers", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"one byte at a time", func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-r.Context().Done():
					return
				case <-tick.C:
					_, _ = io.WriteString(w, " ")
					_ = http.NewResponseController(w).Flush()
				}
			}
		}},
		{"half a header", func(w http.ResponseWriter, r *http.Request) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Le")
			_ = buffered.Flush()
			_, _ = io.Copy(io.Discard, conn) // until the client hangs up
			conn.Close()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the hang-up
				test.handler(w, r)
			})
			app := at(t, plain(nil), base)
			start := time.Now()
			token, err := exchange(t, newClient(oauth.Options{Timeout: 200 * time.Millisecond}), app)
			own := wantError(t, token, err, oauth.ClassTransient, oauth.CodeTimeout)
			if own.Unsent {
				t.Error("the error says that nothing was sent")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			// The caller's deadline is a timeout as well, not a cancellation.
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			token, err = newClient(oauth.Options{}).Refresh(ctx, app, grant)
			wantError(t, token, err, oauth.ClassTransient, oauth.CodeTimeout)
		})
	}
}

// M-10: a redirect is not followed, whatever its status; the other server sees nothing.
func TestRedirects(t *testing.T) {
	evil := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other server was asked for %s", r.URL)
	})
	for _, status := range []int{301, 302, 303, 307, 308, 300} {
		var asked atomic.Int32
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", evil+"/?canary-code")
			w.WriteHeader(status)
		})
		app := at(t, builtin(t, "github"), base)
		app.ClientID = "id"
		app.Connector.Introspect, app.Endpoints.Introspect = &connectors.Introspect{}, base+"/introspect"
		client := newClient(oauth.Options{})
		token, err := exchange(t, client, app)
		wantError(t, token, err, oauth.ClassMalformed, oauth.CodeRedirectRefused)
		token, err = client.Refresh(t.Context(), app, grant)
		wantError(t, token, err, oauth.ClassMalformed, oauth.CodeRedirectRefused)
		_, err = client.Revoke(t.Context(), app, vault.Grant{Access: vault.NewSecret(access)})
		wantError(t, oauth.Token{}, err, oauth.ClassMalformed, oauth.CodeRedirectRefused)
		_, err = client.Introspect(t.Context(), app, vault.NewSecret(access))
		wantError(t, oauth.Token{}, err, oauth.ClassMalformed, oauth.CodeRedirectRefused)
		if n := asked.Load(); n != 4 {
			t.Errorf("status %d: got %d requests, want 4", status, n)
		}
	}
}

// An endpoint that switches protocols keeps the connection, on which no timeout holds any more.
func TestProtocolSwitch(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: canary\r\n\r\n")
		_ = buffered.Flush()
		_, _ = io.Copy(io.Discard, conn) // until the client hangs up
		conn.Close()
	})
	type outcome struct {
		token oauth.Token
		err   error
	}
	ended := make(chan outcome, 1)
	app, client := at(t, plain(nil), base), newClient(oauth.Options{Timeout: 200 * time.Millisecond})
	go func() {
		token, err := client.Refresh(context.Background(), app, grant)
		ended <- outcome{token, err}
	}()
	select {
	case o := <-ended:
		wantError(t, o.token, o.err, oauth.ClassMalformed, "provider_status_101")
	case <-time.After(5 * time.Second):
		t.Fatal("the call does not end")
	}
}

// A request is sent once, also over a transport that keeps connections and finds one of them dead
// after the request was written.
func TestSentOnce(t *testing.T) {
	var asked atomic.Int32
	handler := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if asked.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"access_token":"a"}`)
			return
		}
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	}
	kept := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(kept.CloseIdleConnections)
	for name, client := range map[string]*oauth.Client{
		"own transport": newClient(oauth.Options{}), "kept connections": newClient(oauth.Options{Transport: kept}),
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			app := at(t, plain(nil), serve(t, handler))
			if _, err := exchange(t, client, app); err != nil {
				t.Fatal(err)
			}
			token, err := client.Refresh(t.Context(), app, grant)
			own := wantError(t, token, err, oauth.ClassTransient, oauth.CodeAnswerLost)
			if own.Unsent {
				t.Error("the error says that nothing was sent")
			}
			if n := asked.Load(); n != 2 {
				t.Errorf("got %d requests, want 2", n)
			}
		})
	}
}

// What is sent with GET is sent once as well: net/http would replay it on a dead connection.
func TestGetIsSentOnce(t *testing.T) {
	var asked atomic.Int32
	kept := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(kept.CloseIdleConnections)
	client := newClient(oauth.Options{Transport: kept})
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			t.Errorf("got a body of length %d %q", r.ContentLength, r.TransferEncoding)
		}
		if asked.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"access_token":"a"}`)
			return
		}
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	})
	app := at(t, plain(func(c *connectors.Connector) { c.Token.Method, c.Token.Body = "GET", "query" }), base)
	if _, err := exchange(t, client, app); err != nil {
		t.Fatal(err)
	}
	token, err := client.Refresh(t.Context(), app, grant)
	wantError(t, token, err, oauth.ClassTransient, oauth.CodeAnswerLost)
	if n := asked.Load(); n != 2 {
		t.Errorf("got %d requests, want 2", n)
	}
}

func TestCutConnection(t *testing.T) {
	base, _ := record(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"canary-access\"")
	token, err := exchange(t, newClient(oauth.Options{}), at(t, plain(nil), base))
	wantError(t, token, err, oauth.ClassTransient, oauth.CodeAnswerLost)
	base, _ = record(t, "HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{\"error\":\"invalid_grant\"")
	token, err = exchange(t, newClient(oauth.Options{}), at(t, plain(nil), base))
	wantError(t, token, err, oauth.ClassOperator, "provider_status_400")
	base, _ = record(t, "canary-description")
	token, err = exchange(t, newClient(oauth.Options{}), at(t, plain(nil), base))
	wantError(t, token, err, oauth.ClassTransient, oauth.CodeAnswerLost)
}

func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	app := at(t, plain(nil), "http://"+listener.Addr().String())
	token, err := exchange(t, newClient(oauth.Options{}), app)
	if own := wantError(t, token, err, oauth.ClassTransient, oauth.CodeUnreachable); !own.Unsent {
		t.Error("the error does not say that nothing was sent")
	}
	dead := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "canary-description", IsNotFound: true}
	}}
	token, err = exchange(t, newClient(oauth.Options{Transport: dead}), app)
	wantError(t, token, err, oauth.ClassTransient, oauth.CodeUnreachable)

	stranger := httptest.NewUnstartedServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = discardLog()
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	token, err = exchange(t, newClient(oauth.Options{}), at(t, plain(nil), stranger.URL))
	if own := wantError(t, token, err, oauth.ClassTransient, oauth.CodeTLS); !own.Unsent {
		t.Error("the error does not say that nothing was sent")
	}
}

func TestNoProxyFromEnvironment(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy)
	}
	// net/http takes no proxy for loopback; another name for the same listener is no loopback.
	base := says(t, 200, jsonType, `{"access_token":"a"}`)
	app := at(t, plain(nil), base)
	app.Endpoints.Token = "http://provider.invalid/token"
	token, err := exchange(t, newClient(oauth.Options{Timeout: 5 * time.Second}), app)
	var own *oauth.Error
	if !errors.As(err, &own) || own.Class != oauth.ClassTransient || !token.Access.IsZero() {
		t.Errorf("got %v, want a transient error", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	app := at(t, plain(nil), base)
	app.ClientID = "id"
	client := newClient(oauth.Options{})
	for range 2 { // during the call, and before it
		_, err := client.Refresh(ctx, app, grant)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want context.Canceled", err)
		}
		noLeak(t, err)
	}
	if _, err := client.Revoke(ctx, app, vault.Grant{Access: vault.NewSecret(access)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// hangs is a provider that never answers.
func hangs(t testing.TB) string {
	return serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
}

// S-22: a token endpoint in a private network gets nothing, unless its host is named.
func TestAddressRefused(t *testing.T) {
	app := at(t, plain(nil), "https://provider.example")
	app.Endpoints.Token = "https://10.255.255.1/token" // where the name leads to
	token, err := exchange(t, newClient(oauth.Options{}), app)
	if own := wantError(t, token, err, oauth.ClassTransient, oauth.CodeAddressRefused); !own.Unsent {
		t.Error("the error does not say that nothing was sent")
	}
	guard, err := netguard.New([]string{"10.255.255.1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = exchange(t, newClient(oauth.Options{Guard: guard, Timeout: 50 * time.Millisecond}), app)
	if own := new(oauth.Error); !errors.As(err, &own) || own.Code == oauth.CodeAddressRefused {
		t.Errorf("got %v for a host that is named", err)
	}
}
