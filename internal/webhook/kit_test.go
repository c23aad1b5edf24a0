package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// epoch is when the clock of a test begins.
var epoch = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// A post is a vault whose events are delivered.
type post struct {
	t     *testing.T
	store vault.Store
	keys  vaulttest.Keys
	vault *vault.Vault
	conn  vault.Connection
	users int
	ahead atomic.Int64 // of the clock, since the epoch

	deliverer *webhook.Deliverer
	results   chan webhook.Result
	stop      func()
	logs      *observer.ObservedLogs
}

// open opens a vault and begins to deliver. The settings are changed before.
func open(t *testing.T, change ...func(*webhook.Options)) *post {
	t.Helper()
	p := &post{t: t, keys: vaulttest.NewKeys(t)}
	store, err := badgerstore.Open(badgerstore.Options{InMemory: true, Now: p.now})
	wantNil(t, err)
	t.Cleanup(func() { store.Close() })
	p.store, p.vault = store, vaulttest.OpenAt(t, store, p.keys, p.now)
	p.conn = vaulttest.Connection(t, p.vault, "gmail")
	p.start(change...)
	return p
}

// start begins to deliver, in another process as it were.
func (p *post) start(change ...func(*webhook.Options)) {
	p.t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	p.logs, p.results = logs, make(chan webhook.Result, 1000)
	results := p.results
	o := webhook.Options{
		Vault: p.vault, Log: zap.New(core), Now: p.now, Observe: func(r webhook.Result) { results <- r },
		ConnectionName: func(id vault.ConnectionID) string { return map[vault.ConnectionID]string{p.conn.ID: p.conn.Name}[id] },
	}
	for _, f := range change {
		f(&o)
	}
	deliverer := webhook.New(o)
	p.deliverer = deliverer
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		deliverer.Run(ctx)
	}()
	p.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		for _, e := range logs.All() {
			text := fmt.Sprint(e.Message, e.ContextMap())
			for _, secret := range []string{"whsec_", "hush", "http://", "127.0.0.1", "user-"} {
				if strings.Contains(text, secret) {
					p.t.Errorf("the log has %q: %s", secret, text)
				}
			}
		}
	})
	p.t.Cleanup(p.stop)
}

func (p *post) now() time.Time { return epoch.Add(time.Duration(p.ahead.Load())) }

// pass moves the clock, and lets the deliverer look at it.
func (p *post) pass(d time.Duration) {
	p.ahead.Add(int64(d))
	p.deliverer.Wake()
}

// webhook stores a webhook of a receiver, whose URL has something secret in it. All webhooks of one
// receiver have one secret.
func (p *post) webhook(name string, r *receiver, types ...vault.EventType) vault.Webhook {
	p.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	w := vault.Webhook{Name: name, URL: r.URL + "/hook?token=hush", Types: types, Secret: vault.NewSecret(r.secret)}
	wantNil(p.t, p.vault.PutWebhook(p.t.Context(), &w))
	r.secret = w.Secret.Reveal()
	return w
}

// event makes something happen, which is one event.
func (p *post) event() vault.Event {
	p.t.Helper()
	p.users++
	a := vaulttest.Account(p.t, p.vault, p.conn, "user-"+strconv.Itoa(p.users), vaulttest.Grant("1", p.now()))
	page, err := p.vault.Events(p.t.Context(), vault.EventQuery{AccountID: a.ID})
	wantNil(p.t, err)
	p.deliverer.Wake()
	return page.Items[0]
}

// result waits for the next delivery that was dealt with.
func (p *post) result() webhook.Result {
	p.t.Helper()
	select {
	case r := <-p.results:
		return r
	case <-time.After(20 * time.Second):
		p.t.Fatal("nothing is delivered")
		return webhook.Result{}
	}
}

// wantResult waits for the next delivery, whose code and status must be those.
func (p *post) wantResult(code string, status int) vault.Delivery {
	p.t.Helper()
	r := p.result()
	d, err := p.vault.Delivery(p.t.Context(), r.Delivery)
	wantNil(p.t, err)
	if r.Code != code || r.HTTPStatus != status || d.LastError != code || d.LastStatus != status || r.Webhook != d.WebhookID {
		p.t.Errorf("got %+v and %+v, want code %q and status %d", r, d, code, status)
	}
	return d
}

// stored returns a webhook as it is now.
func (p *post) stored(w vault.Webhook) vault.Webhook {
	p.t.Helper()
	now, err := p.vault.Webhook(p.t.Context(), w.ID)
	wantNil(p.t, err)
	return now
}

func wantNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A receiver is an app that gets events. What it gets must be signed.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	secret  string
	answer  http.HandlerFunc
	arrived chan arrival
}

// arrival is one request.
type arrival struct {
	header http.Header
	body   string
	url    string
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	r := &receiver{answer: answer, arrived: make(chan arrival, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil || req.Method != http.MethodPost {
			t.Errorf("got a %s and error %v", req.Method, err)
		}
		r.mu.Lock()
		secret, answer := r.secret, r.answer
		r.mu.Unlock()
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = verifier.VerifyIgnoringTimestamp(body, req.Header)
		}
		if err != nil {
			t.Errorf("what has arrived is not signed: %v", err)
		}
		r.arrived <- arrival{req.Header.Clone(), string(body), req.URL.String()}
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// change makes it answer in another way.
func (r *receiver) change(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "the receiver's own hush words")
	}
}
