package broker_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// reply is an answer of the provider; an error is one of the network.
type reply struct {
	status int
	body   string
	header http.Header
	err    error
}

// fresh is a token answer with the life of a token in seconds, and a new refresh token.
func fresh(n, life int) reply {
	return reply{body: fmt.Sprintf(`{"access_token":"access_%d","token_type":"bearer","expires_in":%d,"refresh_token":"refresh_%d"}`, n, life, n)}
}

// asked is a request that the provider has got, and when.
type asked struct {
	path, refresh, token string
	at                   time.Time
}

// oracle is a provider without a network: answer decides what it says.
type oracle struct {
	mu     sync.Mutex
	asked  []asked
	answer func(n int, a asked) reply
}

func (o *oracle) RoundTrip(r *http.Request) (*http.Response, error) {
	a := asked{path: r.URL.Path, at: time.Now(), token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		a.refresh = form.Get("refresh_token")
	}
	o.mu.Lock()
	o.asked = append(o.asked, a)
	n, answer := len(o.asked), o.answer
	o.mu.Unlock()
	say := answer(n, a)
	if say.err != nil {
		return nil, say.err
	}
	if say.status == 0 {
		say.status = http.StatusOK
	}
	if say.header == nil {
		say.header = http.Header{}
	}
	return &http.Response{StatusCode: say.status, Header: say.header, Body: io.NopCloser(strings.NewReader(say.body)), Request: r}, nil
}

// says replaces what the provider answers.
func (o *oracle) says(answer func(n int, a asked) reply) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// count counts the requests of a path that the provider has got.
func (o *oracle) count(path string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.asked {
		if a.path == path {
			n++
		}
	}
	return n
}

const tokenPath = "/token"

// lifeKit is a kit whose provider is an oracle, for tests in a bubble of testing/synctest, where time is
// the bubble's.
type lifeKit struct {
	*kit
	provider *oracle
	schedule broker.Schedule
}

// newLifeKit has one connection "x", to a connector that is made of the given YAML beside what each one
// needs.
func newLifeKit(t *testing.T, connector string, schedule broker.Schedule) *lifeKit {
	t.Helper()
	k := &lifeKit{
		kit:      &kit{t: t, shared: broker.NewShared(0)},
		provider: &oracle{answer: func(n int, _ asked) reply { return fresh(n, 3600) }},
		schedule: schedule,
	}
	k.store = &hookedStore{Store: vaulttest.NewMemory()}
	k.clock = time.Now
	k.vault = k.open()
	text := "schema: 1\nname: x\ntitle: X\n" + connector
	if !strings.Contains(connector, "mode:") {
		text += "authorize:\n  url: https://x.test/authorize\n"
	}
	if !strings.Contains(connector, "api:\n") {
		text += "api:\n  base_url: https://api.x.test\n"
	}
	if !strings.Contains(connector, "token:\n") {
		text += "token:\n  url: https://x.test/token\n  client_auth: basic\n"
	}
	more, err := connectors.LoadDir(fstest.MapFS{"x.yaml": {Data: []byte(text)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	builtin, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	k.set, err = connection.NewSet(t.Context(), k.vault, builtin.With(more...), []vault.Connection{{
		Name: "x", Connector: "x", ClientID: "id", ClientSecret: vault.NewSecret("client_secret_x"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	k.broker = k.process(k.shared)
	return k
}

// process is another broker on the same store, with what it remembers.
func (k *lifeKit) process(shared *broker.Shared) *broker.Broker {
	return broker.New(broker.Options{
		Vault: k.vault, Connections: k.set, Shared: shared, Schedule: k.schedule, API: k.provider,
		OAuth: oauth.New(oauth.Options{Transport: k.provider}),
	})
}

// account makes an ACTIVE account with a token that lives so long from now; zero is one without end.
func (k *lifeKit) account(identifier string, life time.Duration, change ...func(*vault.Grant)) broker.Target {
	k.t.Helper()
	c, err := k.set.ByName("x")
	if err != nil {
		k.t.Fatal(err)
	}
	g := vault.Grant{Access: vault.NewSecret("access_0"), Refresh: vault.NewSecret("refresh_0"), ObtainedAt: time.Now(), Scopes: []string{"a", "b"}}
	if life > 0 {
		g.Expires = time.Now().Add(life)
	}
	for _, f := range change {
		f(&g)
	}
	a, err := k.vault.Connect(k.t.Context(), vault.Link{}, vault.ConnectedAccount{ConnectionID: c.ID, Connector: "x", Identifier: identifier}, g)
	if err != nil {
		k.t.Fatal(err)
	}
	return k.resolve(string(a.ID))
}

// tend looks after accounts for a while.
func (k *lifeKit) tend(d time.Duration) {
	k.t.Helper()
	ctx, cancel := contextFor(k.t, d)
	defer cancel()
	k.broker.Tend(ctx)
}

func (k *lifeKit) stored(t broker.Target) vault.ConnectedAccount {
	k.t.Helper()
	a, err := k.vault.Account(k.t.Context(), t.Account)
	if err != nil {
		k.t.Fatal(err)
	}
	return a
}

// wantAccount fails unless the account is as stated.
func (k *lifeKit) wantAccount(t broker.Target, s vault.Status, reason string, generation uint64) vault.ConnectedAccount {
	k.t.Helper()
	a := k.stored(t)
	if a.Status != s || a.Reason != reason || a.Generation != generation {
		k.t.Errorf("got %s %q, generation %d; want %s %q, %d", a.Status, a.Reason, a.Generation, s, reason, generation)
	}
	return a
}

// wantAsked fails unless the token endpoint was asked so often.
func (k *lifeKit) wantAsked(n int) {
	k.t.Helper()
	if got := k.provider.count(tokenPath); got != n {
		k.t.Errorf("the token endpoint was asked %d times, want %d", got, n)
	}
}

// peak is the most requests of the token endpoint within a time.
func (o *oracle) peak(window time.Duration) (most int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var at []time.Time
	for _, a := range o.asked {
		if a.path == tokenPath {
			at = append(at, a.at)
		}
	}
	for first, last := 0, 0; last < len(at); last++ {
		for at[last].Sub(at[first]) >= window {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// oauthOf asks the kit's oracle at the kit's time.
func oauthOf(k *lifeKit) *oauth.Client {
	return oauth.New(oauth.Options{Transport: k.provider, Now: k.now})
}
