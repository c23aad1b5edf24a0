package webhook_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestDelivered(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(204))
	w := p.webhook("app", r)
	e := p.event()
	d := p.wantResult("", 204)
	if d.EventID != e.ID || d.Status != vault.DeliveryDelivered || d.Attempts != 1 {
		t.Errorf("got %+v", d)
	}
	got := <-r.arrived
	for name, want := range map[string]string{
		"webhook-id": string(e.ID), "webhook-timestamp": strconv.FormatInt(epoch.Unix(), 10),
		"Content-Type": "application/json", "User-Agent": "claviger", "Content-Length": strconv.Itoa(len(got.body)),
	} {
		if got := got.header.Values(name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got.url != "/hook?token=hush" {
		t.Errorf("got a request for %s", got.url)
	}
	if now := p.stored(w); !now.LastDeliveredAt.Equal(epoch) {
		t.Errorf("got %+v", now)
	}
	if backlog, err := p.vault.Backlog(t.Context()); err != nil || backlog != 0 {
		t.Errorf("got a backlog of %d, %v", backlog, err)
	}
}

// The signature is good for whoever checks the time, too.
func TestSignatureOfNow(t *testing.T) {
	p := open(t)
	p.ahead.Store(int64(time.Since(epoch)))
	r := newReceiver(t, status(200))
	w := p.webhook("app", r)
	p.event()
	p.wantResult("", 200)
	got := <-r.arrived
	verifier, err := standardwebhooks.NewWebhook(w.Secret.Reveal())
	wantNil(t, err)
	wantNil(t, verifier.Verify([]byte(got.body), got.header))
}

// Receivers read this form.
func TestBody(t *testing.T) {
	p := open(t)
	p.ahead.Store(int64(500 * time.Millisecond))
	r := newReceiver(t, status(200))
	p.webhook("all", r, vault.EventCreated, vault.EventStatusUpdated, vault.EventTokenRefreshFailed, vault.EventLinkGenerated)
	l := vault.Link{ConnectionID: p.conn.ID, Identifier: "user-1", Token: vault.NewSecret("t"), Expires: epoch.Add(time.Hour)}
	wantNil(t, p.vault.CreateLink(t.Context(), &l))
	a := vaulttest.Account(t, p.vault, p.conn, "user-1", vaulttest.Grant("1", epoch))
	_, err := p.vault.EndRefresh(t.Context(), a.ID, vault.Failure{Generation: 1, Code: "invalid_grant", Class: "permanent", Answered: true, Expired: true})
	wantNil(t, err)
	p.deliverer.Wake()
	var bodies []string
	for range 4 {
		p.wantResult("", 200)
		got := <-r.arrived
		names := strings.NewReplacer(
			got.header.Get("webhook-id"), "EVENT", string(a.ID), "ACCOUNT", string(l.AccountID), "RESERVED", string(l.ID), "LINK", string(p.conn.ID), "CONNECTION",
		)
		bodies = append(bodies, names.Replace(got.body))
	}
	slices.Sort(bodies)
	want, err := os.ReadFile("testdata/bodies.jsonl")
	wantNil(t, err)
	if got := strings.Join(bodies, "\n") + "\n"; got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// After a rotation, receivers with the earlier secret and those with the new one take what comes.
func TestSecretRotation(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(200))
	w := p.webhook("app", r)
	rotated := w
	rotated.Secret = vault.NewSecret(vault.NewWebhookSecret())
	wantNil(t, p.vault.PutWebhook(t.Context(), &rotated))
	for _, secret := range []vault.Secret{w.Secret, rotated.Secret} {
		r.mu.Lock()
		r.secret = secret.Reveal()
		r.mu.Unlock()
		p.event()
		p.wantResult("", 200)
		if n := len(strings.Fields((<-r.arrived).header.Get("webhook-signature"))); n != 2 {
			t.Errorf("got %d signatures, want 2", n)
		}
	}
	p.pass(24 * time.Hour)
	p.event()
	p.wantResult("", 200)
	if n := len(strings.Fields((<-r.arrived).header.Get("webhook-signature"))); n != 1 {
		t.Errorf("a day later: got %d signatures, want 1", n)
	}
}

// What receivers may do wrong, and what is noted of it.
func TestWhatReceiversDo(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		code   string
		status int
	}{
		{"created", status(201), "", 201},
		{"endless, but well", endless, "", 200},
		{"slow body, but well", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "", 202},
		{"endless error", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); endless(w, r) }, webhook.CodeStatus, 500},
		{"not found", status(404), webhook.CodeStatus, 404},
		{"moved", status(301, "Location", "/elsewhere"), webhook.CodeRedirect, 301},
		{"redirected with its body", status(307, "Location", "/elsewhere"), webhook.CodeRedirect, 307},
		{"not modified", status(304), webhook.CodeRedirect, 304},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, webhook.CodeTimeout, 0},
		{"closes", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, webhook.CodeNoAnswer, 0},
		{"speaks something else", func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = c.Write([]byte("220 hush ESMTP\r\n"))
				c.Close()
			}
		}, webhook.CodeNoAnswer, 0},
		{"huge header", status(200, "X-Huge", strings.Repeat("x", 1<<17)), webhook.CodeNoAnswer, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t, func(o *webhook.Options) { o.Timeout = 300 * time.Millisecond })
			r := newReceiver(t, tt.answer)
			w := p.webhook("app", r)
			p.event()
			d := p.wantResult(tt.code, tt.status)
			if n := len(r.arrived); n != 1 {
				t.Errorf("got %d requests, want 1", n)
			}
			ok := tt.code == ""
			if now := p.stored(w); now.FailingSince.IsZero() != ok || (d.Status == vault.DeliveryPending) == ok || now.Disabled {
				t.Errorf("got %+v and %+v", d, now)
			}
		})
	}
}

// Nobody listens, or with a certificate that nobody knows.
func TestUnreachable(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewUnstartedServer(status(200))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := newReceiver(t, status(200))
	for _, tt := range []struct{ name, url, code string }{
		{"nobody listens", closed.URL, webhook.CodeUnreachable},
		{"no such host", "https://hush.invalid/", webhook.CodeUnreachable},
		{"unknown certificate", secure.URL, webhook.CodeTLS},
		{"no TLS", "https" + strings.TrimPrefix(plain.URL, "http"), webhook.CodeTLS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t)
			wantNil(t, p.vault.PutWebhook(t.Context(), &vault.Webhook{Name: "app", URL: tt.url}))
			p.event()
			p.wantResult(tt.code, 0)
		})
	}
}

// An address where no receiver is gets nothing. A delivery says so.
func TestForbiddenAddress(t *testing.T) {
	p := open(t)
	w := vault.Webhook{Name: "app", URL: "https://169.254.169.254/latest"}
	wantNil(t, p.vault.PutWebhook(t.Context(), &w))
	p.event()
	if d := p.wantResult(webhook.CodeForbidden, 0); d.Status != vault.DeliveryPending || d.Attempts != 1 {
		t.Errorf("got %+v", d)
	}
	if now := p.stored(w); now.FailingSince.IsZero() || now.Disabled {
		t.Errorf("got %+v", now)
	}
	p.stop()
	for _, e := range p.logs.All() {
		if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, "169.254") || strings.Contains(text, "latest") {
			t.Errorf("the log has the address: %s", text)
		}
	}
}

// proxied counts what came to the proxy that the environment of these tests names. It is set before all
// of them: net/http reads it once.
var proxied atomic.Int64

func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		os.Setenv(name, proxy.URL)
	}
	os.Exit(m.Run())
}

func TestNoProxy(t *testing.T) {
	p := open(t)
	wantNil(t, p.vault.PutWebhook(t.Context(), &vault.Webhook{Name: "app", URL: "https://hush.invalid/"}))
	p.event()
	p.wantResult(webhook.CodeUnreachable, 0)
	if n := proxied.Load(); n > 0 {
		t.Errorf("the proxy was asked %d times", n)
	}
}

// Receivers that hang, however many, do not hold up the others, not even for a moment.
func TestSlowReceivers(t *testing.T) {
	p := open(t, func(o *webhook.Options) { o.Timeout = time.Hour })
	for i := range 20 {
		var n atomic.Int64
		slow := newReceiver(t, func(_ http.ResponseWriter, r *http.Request) {
			if n.Add(1) > 2 {
				t.Error("more than two at once")
			}
			<-r.Context().Done()
		})
		p.webhook("slow-"+strconv.Itoa(i), slow)
	}
	good := newReceiver(t, status(200))
	w := p.webhook("z-good", good)
	for range 30 {
		p.event()
	}
	for range 30 {
		if d := p.wantResult("", 200); d.WebhookID != w.ID {
			t.Errorf("got %+v", d)
		}
	}
	p.stop()
}

// A deliverer that is ended sends what it was at again, with the same ID, and so does one that has sent
// and could not write it down.
func TestSurvivesRestart(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(p *post)
	}{
		{"ended while it waits", func(p *post) { p.stop() }},
		{"dead, with its lease", func(p *post) {
			_, err := p.vault.LeaseDelivery(t.Context(), p.pending().ID, time.Minute)
			if !errors.Is(err, vault.ErrLeased) {
				t.Errorf("got error %v, want %v", err, vault.ErrLeased)
			}
			p.stop()
			_, err = p.vault.LeaseDelivery(t.Context(), p.pending().ID, time.Minute) // nobody is left to end it
			wantNil(t, err)
			p.ahead.Add(int64(time.Minute))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t)
			r := newReceiver(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			p.webhook("app", r)
			e := p.event()
			first := <-r.arrived
			tt.end(p)
			if d := p.pending(); d.Attempts != 0 || d.EventID != e.ID {
				t.Errorf("got %+v", d)
			}
			r.change(status(200))
			p.vault = vaulttest.OpenAt(t, p.store, p.keys, p.now)
			p.start()
			p.wantResult("", 200)
			second := <-r.arrived
			if first.body != second.body || first.header.Get("webhook-id") != string(e.ID) || second.header.Get("webhook-id") != string(e.ID) {
				t.Errorf("got %v and %v", first, second)
			}
		})
	}
}

// pending is the only pending delivery.
func (p *post) pending() vault.Delivery {
	p.t.Helper()
	page, err := p.vault.Deliveries(p.t.Context(), vault.DeliveryQuery{Status: vault.DeliveryPending})
	wantNil(p.t, err)
	if len(page.Items) != 1 {
		p.t.Fatalf("got %d pending deliveries, want 1", len(page.Items))
	}
	return page.Items[0]
}
