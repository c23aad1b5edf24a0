//go:build peers

package peers

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	connections "github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// fleet is several of our processes on one store, as far as tokens go: each member has its own vault,
// its own memory and its own broker, which looks after the accounts of all.
type fleet struct {
	t        *testing.T
	provider *provider
	store    vault.Store
	members  []*member
	accounts []vault.AccountID
	client   *http.Client
	// refused counts tokens that the provider did not take at first.
	refused atomic.Int64
}

type member struct {
	vault  *vault.Vault
	set    *connections.Set
	broker *broker.Broker
	stop   func()
}

// startFleet runs oidc-provider and members that use it. What the provider hands out is not kept for the
// leak check: the fleet writes nothing.
func startFleet(t *testing.T, members int) *fleet {
	t.Helper()
	f := &fleet{t: t, provider: &provider{t: t, port: freePort(t)}}
	launch(t, "oidc-provider", []string{
		"ACCESS_TTL=" + strconv.Itoa(accessTTL), "PORT=" + strconv.Itoa(f.provider.port), "REDIRECT_URIS=" + fleetCallback,
	}, func(r *process) bool { return strings.Contains(r.out.String(), "ready http") }, tools.node, "servers/oidc-provider.mjs")
	var err error
	if f.store, err = badgerstore.Open(badgerstore.Options{InMemory: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.store.Close() })
	// A server in Node closes connections that are idle for five seconds.
	pool := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 2 * time.Second}
	t.Cleanup(pool.CloseIdleConnections)
	f.client = &http.Client{Transport: pool, Timeout: 30 * time.Second}
	keys := vaulttest.NewKeys(t)
	for range members {
		f.join(keys)
	}
	return f
}

func (f *fleet) join(keys vaulttest.Keys) {
	f.t.Helper()
	text, err := os.ReadFile("connectors/oidc.yaml")
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := connectors.Decode("oidc.yaml", text)
	if err != nil {
		f.t.Fatal(err)
	}
	m := &member{vault: vaulttest.OpenAt(f.t, f.store, keys, nil)}
	if m.set, err = connections.NewSet(f.t.Context(), m.vault, (*connectors.Catalog)(nil).With(c), []vault.Connection{{
		Name: "oidc", Connector: "oidc", ClientID: "proxy-basic", ClientSecret: vault.NewSecret("proxy-basic-secret"),
		Params: map[string]string{"port": strconv.Itoa(f.provider.port)},
	}}); err != nil {
		f.t.Fatal(err)
	}
	shared := broker.NewShared(0)
	m.broker = broker.New(broker.Options{Vault: m.vault, Connections: m.set, OAuth: oauth.New(oauth.Options{}), Shared: shared})
	ctx, cancel := context.WithCancel(context.Background())
	var tend sync.WaitGroup
	tend.Go(func() { m.broker.Tend(ctx) })
	m.stop = sync.OnceFunc(func() {
		cancel()
		tend.Wait()
		if err := shared.Drain(context.Background()); err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(m.stop)
	f.members = append(f.members, m)
}

// stop ends all that the members do.
func (f *fleet) stop() {
	for _, m := range f.members {
		m.stop()
	}
}

// fleetCallback is never called: the form filler stops at it.
const fleetCallback = "http://127.0.0.1:9/callback"

// connect has users consent, some at a time, and stores what they have granted.
func (f *fleet) connect(users int) {
	f.t.Helper()
	var wg sync.WaitGroup
	f.accounts = make([]vault.AccountID, users)
	places := make(chan struct{}, 4)
	for i := range users {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			var err error
			if f.accounts[i], err = f.members[i%len(f.members)].consent(userOf(i)); err != nil {
				f.t.Errorf("consent of %s: %v", userOf(i), err)
			}
		})
	}
	wg.Wait()
	if f.t.Failed() {
		f.t.FailNow()
	}
}

func userOf(i int) string { return fmt.Sprintf("user-%03d", i) }

func (m *member) consent(user string) (vault.AccountID, error) {
	c, err := m.set.ByName("oidc")
	if err != nil {
		return "", err
	}
	client, verifier := oauth.New(oauth.Options{}), oauth.NewVerifier()
	at, err := client.AuthorizeURL(c.App, oauth.AuthorizeRequest{RedirectURI: fleetCallback, State: oauth.NewState(), Verifier: verifier})
	if err != nil {
		return "", err
	}
	code, err := fillForms(at, user)
	if err != nil {
		return "", err
	}
	tok, err := client.Exchange(context.Background(), c.App, oauth.Code{Code: vault.NewSecret(code), Verifier: verifier, RedirectURI: fleetCallback})
	if err != nil {
		return "", err
	}
	a, err := m.vault.Connect(context.Background(), vault.Link{}, vault.ConnectedAccount{
		Project: c.Project, ConnectionID: c.ID, Connector: c.Connector().Name, Identifier: user,
	}, vault.Grant{
		Access: tok.Access, Refresh: tok.Refresh, Expires: tok.Expires, Scopes: tok.Scopes, ClientID: c.ClientID, RedirectURI: fleetCallback,
	})
	return a.ID, err
}

var formAction, formPrompt = regexp.MustCompile(`action="([^"]+)"`), regexp.MustCompile(`name="prompt" value="([a-z]+)"`)

// fillForms logs in and consents at oidc-provider's own pages, and returns the code.
func fillForms(at, user string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), fleetCallback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(at)
	for range 5 {
		if err != nil {
			return "", err
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return "", err
		}
		if to := resp.Header.Get("Location"); to != "" {
			u, err := url.Parse(to)
			if err != nil {
				return "", err
			}
			return u.Query().Get("code"), nil
		}
		action, prompt := formAction.FindSubmatch(page), formPrompt.FindSubmatch(page)
		if action == nil || prompt == nil {
			return "", fmt.Errorf("a page without a form, status %d", resp.StatusCode)
		}
		resp, err = client.PostForm(html.UnescapeString(string(action[1])), url.Values{
			"prompt": {string(prompt[1])}, "login": {user}, "password": {"pw"},
		})
		if err != nil {
			return "", err
		}
	}
	return "", errors.New("too many pages")
}

// request asks a member for a credential as the proxy does, and the provider who the account is. A token
// that the provider refuses is renewed once. waited is how long it took to get the credential.
func (f *fleet) request(m *member, i int) (status int, waited time.Duration, err error) {
	ctx, start := context.Background(), time.Now()
	target, err := m.broker.Resolve(ctx, broker.Ref{Account: f.accounts[i]})
	if err != nil {
		return 0, 0, err
	}
	c, err := m.broker.Credential(ctx, target)
	waited = time.Since(start)
	if err != nil {
		return 0, waited, err
	}
	status, err = f.ask(c, userOf(i))
	if err == nil && status == http.StatusUnauthorized {
		f.refused.Add(1)
		if c, err = m.broker.Renew(ctx, target, c); err == nil {
			status, err = f.ask(c, userOf(i))
		}
	}
	return status, waited, err
}

// ask asks the provider who the user is, and wants that one.
func (f *fleet) ask(c broker.Credential, user string) (status int, err error) {
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/me", f.provider.port), nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	resp, err := f.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == http.StatusOK && !strings.Contains(string(body), fmt.Sprintf(`"sub":%q`, user)) {
		err = errors.New("the answer is somebody else's")
	}
	return resp.StatusCode, err
}
