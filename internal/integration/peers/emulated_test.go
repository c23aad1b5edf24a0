//go:build peers

package peers

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// wantUser sends a request for a user, and wants it to reach the emulator as that user's.
func (e *emulated) wantUser(t *testing.T, at, user string) {
	t.Helper()
	got, err := e.get(at, e.connection+"/u-"+user)
	if err != nil || got.status != http.StatusOK {
		t.Errorf("GET %s for %s: %d %s, %v", at, user, got.status, got.body, err)
	}
	var as string
	for _, v := range e.provider.log() {
		if v.Path == at {
			as = v.User
		}
	}
	if as != e.login(user) {
		t.Errorf("GET %s for %s came as %q", at, user, as)
	}
}

// issued counts the tokens that the emulator has given.
func (e *emulated) issued() int {
	e.t.Helper()
	return e.provider.count(func(v event) bool { return v.Issued != "" })
}

// good counts the secrets of the run that are taken by the request as a token.
func (e *emulated) good(method, at string) (n int) {
	e.t.Helper()
	var all []string
	e.provider.control(http.MethodGet, "secrets", nil, &all)
	for _, token := range all {
		req, err := http.NewRequest(method, e.provider.url(at), nil)
		if err != nil {
			e.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			e.t.Fatal(err)
		}
		var says struct{ OK *bool }
		err = json.NewDecoder(resp.Body).Decode(&says)
		resp.Body.Close()
		if err != nil {
			e.t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK && (says.OK == nil || *says.OK) {
			n++
		}
	}
	return n
}

// wantExpired wants an account to be EXPIRED, which is found out behind the requests where there is no refresh
// token, and its user to come back by the link of the refusal.
func (e *emulated) wantExpired(t *testing.T, at, user string) {
	t.Helper()
	await(t, func() bool {
		a, err := e.api.FindAccount(t.Context(), e.connection, "u-"+user)
		return err == nil && a.Status == client.StatusExpired
	})
	before := e.account(e.connection, "u-"+user, client.StatusExpired)
	got, err := e.get(at, e.connection+"/u-"+user)
	no := got.problem()
	if err != nil || got.status != http.StatusConflict || no.Code != "account_expired" || no.ReconnectURL == "" {
		t.Fatalf("got %d %s, %v, want 409 account_expired with reconnect_url", got.status, no.Code, err)
	}
	addSecrets(path.Base(no.ReconnectURL))
	e.consent(no.ReconnectURL, e.login(user))
	if after := e.account(e.connection, "u-"+user, client.StatusActive); after.ID != before.ID {
		t.Errorf("the account is %s after reconnecting, was %s", after.ID, before.ID)
	}
	e.wantUser(t, at, user)
}

// Google: who the user is, a refresh whose answer has no refresh token, twice, the end of a grant by each
// side.
func TestGoogleLife(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		connection, scope, at string
	}{
		{"gmail", "https://www.googleapis.com/auth/gmail.modify", "/gmail/v1/users/me/messages"},
		{"googlecalendar", "https://www.googleapis.com/auth/calendar", "/calendar/v3/calendars/primary/events"},
	} {
		t.Run(tt.connection, func(t *testing.T) {
			t.Parallel()
			const ttl = 3 * time.Second
			e := startEmulatedWith(t, lazily, "google", connection{name: tt.connection, id: "google-client", secret: "google-secret", scopes: tt.scope}, "TOKEN_TTL=3")
			for _, u := range users {
				a := e.account(tt.connection, "u-"+u, client.StatusActive)
				if a.Identity.Email != e.login(u) || a.Identity.ID == "" {
					t.Errorf("the account of %s is %+v", u, a.Identity)
				}
				if !slices.Contains(a.GrantedScopes, tt.scope) || len(a.MissingScopes) != 0 || a.MissingScopes == nil {
					t.Errorf("%s has granted %q, and %q is missing", u, a.GrantedScopes, a.MissingScopes)
				}
			}
			for range 2 {
				time.Sleep(ttl + 100*time.Millisecond)
				before := e.issued()
				for _, u := range users {
					e.wantUser(t, tt.at, u)
				}
				if n := e.issued() - before; n != len(users) {
					t.Errorf("%d tokens were issued, want %d", n, len(users))
				}
			}
			e.disconnect(t, tt.connection, "u-alice", true)
			if n := e.refreshable(); n != 1 {
				t.Errorf("%d refresh tokens are good at the emulator, want that of bob alone", n)
			}
			e.wantUser(t, tt.at, "bob")
			e.revokeAll()
			// The emulator's own 401, unless the token's time is over and its refresh shows it.
			if got, err := e.get(tt.at, tt.connection+"/u-bob"); err != nil || got.status != http.StatusUnauthorized && got.problem().Code != "account_expired" {
				t.Errorf("got %d %s, %v after the users have removed the app", got.status, got.body, err)
			}
			e.wantExpired(t, tt.at, "bob")
		})
	}
}

// refreshable counts the refresh tokens of the run that are good at Google's emulator.
func (e *emulated) refreshable() (n int) {
	e.t.Helper()
	var all []string
	e.provider.control(http.MethodGet, "secrets", nil, &all)
	for _, token := range all {
		var answer object
		if e.provider.post("/oauth2/token", url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"google-client"}, "client_secret": {"google-secret"},
		}, &answer) == http.StatusOK {
			n++
		}
	}
	return n
}

// revokeAll has all users of Google's emulator remove the app.
func (e *emulated) revokeAll() {
	e.t.Helper()
	var all []string
	e.provider.control(http.MethodGet, "secrets", nil, &all)
	for _, token := range all {
		e.provider.post("/oauth2/revoke", url.Values{"token": {token}}, nil)
	}
}

// Slack: the workspace's bot by default, and the user in person by the slot. The emulator has no
// auth.revoke, which an account that is disconnected says.
func TestSlackUsers(t *testing.T) {
	t.Parallel()
	e := startEmulated(t, "slack", connection{
		name: "slack", id: "1111.2222", secret: "slack-secret", scopes: "channels:read chat:write user:users:read user:chat:write",
	})
	type reply struct {
		OK         bool
		Team, User string
		UserID     string `json:"user_id"`
		Message    struct{ User string }
	}
	ask := func(user, slot, at, body string) (r reply) {
		t.Helper()
		got, err := e.doSlot(http.MethodPost, at, "slack/u-"+user, slot, body)
		if err != nil || got.status != http.StatusOK || json.Unmarshal([]byte(got.body), &r) != nil || !r.OK {
			t.Errorf("%s for %s %s: %d %s, %v", at, user, slot, got.status, got.body, err)
		}
		return r
	}
	for _, u := range users {
		if a := e.account("slack", "u-"+u, client.StatusActive); a.Identity.Name != "Example Workspace" || a.Identity.ID == "" ||
			!slices.Equal(a.GrantedScopes, []string{"channels:read", "chat:write", "user:users:read", "user:chat:write"}) || len(a.MissingScopes) > 0 {
			t.Errorf("the account of %s is %+v, has granted %q, and %q is missing", u, a.Identity, a.GrantedScopes, a.MissingScopes)
		}
		for slot, name := range map[string]string{"": "proxy-bot", "user": u} {
			is := ask(u, slot, "/api/auth.test", "{}")
			if is.User != name || is.Team != "Example Workspace" {
				t.Errorf("the token %q of %s is %+v, want %s", slot, u, is, name)
			}
			if said := ask(u, slot, "/api/chat.postMessage", `{"channel":"general","text":"hello"}`); said.Message.User != is.UserID {
				t.Errorf("the message of %s with the token %q is %+v, want it from %s", u, slot, said, is.UserID)
			}
		}
	}
	if got, err := e.doSlot(http.MethodPost, "/api/auth.test", "slack/u-alice", "admin", ""); err != nil || got.problem().Code != "slot_unknown" {
		t.Errorf("a slot that there is not: %d %s, %v", got.status, got.body, err)
	}
	if n := e.good(http.MethodPost, "/api/auth.test"); n != 2*len(users) {
		t.Errorf("%d tokens are good at the emulator, want %d", n, 2*len(users))
	}
	if d := e.disconnect(t, "slack", "u-alice", false); d.RevokeError == "" {
		t.Error("nothing says why the grant goes on at the emulator")
	}
	for _, v := range e.provider.log() {
		if strings.HasPrefix(v.Path, "/api/") {
			v.wantNoTags(t)
		}
	}
}

// GitHub: a token that does not expire, until the user revokes the app. The emulator cannot be told by the
// app that a grant is over.
func TestGitHubLife(t *testing.T) {
	t.Parallel()
	e := startEmulated(t, "github", connection{name: "github", id: "github-client", secret: "github-secret", scopes: "repo"})
	for _, u := range users {
		a := e.account("github", "u-"+u, client.StatusActive)
		if a.Identity.Name != u || a.Identity.Email != u+"@example.test" || !slices.Equal(a.GrantedScopes, []string{"repo"}) || !a.TokenExpiresAt.IsZero() {
			t.Errorf("the account of %s is %+v, scopes %q, expiry %s", u, a.Identity, a.GrantedScopes, a.TokenExpiresAt)
		}
		e.wantUser(t, "/user", u)
	}
	e.revokeAtGitHub("alice")
	if got, err := e.get("/user", "github/u-alice"); err != nil || got.status != http.StatusUnauthorized {
		t.Errorf("got %d %s, %v, want the emulator's own 401", got.status, got.body, err)
	}
	e.wantExpired(t, "/user", "alice")
	e.wantUser(t, "/user", "bob")
	if d := e.disconnect(t, "github", "u-bob", false); d.RevokeError == "" {
		t.Error("nothing says why the grant goes on at the emulator")
	}
}

// revokeAtGitHub has a user remove the app on the page of GitHub's emulator that is for it.
func (e *emulated) revokeAtGitHub(user string) {
	e.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, step := range []struct {
		at   string
		form url.Values
	}{
		{"/login/oauth/callback", url.Values{"login": {user}, "redirect_uri": {e.pages()}, "client_id": {"github-client"}}}, // logs in
		{"/settings/connections/applications/github-client/revoke", nil},
	} {
		resp, err := browser.PostForm(e.provider.url(step.at), step.form)
		if err != nil {
			e.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusFound {
			e.t.Fatalf("%s answers %s", step.at, resp.Status)
		}
	}
}

// A GitHub App signs who it is with its private key, and gets a token for an installation; a token that dies
// before its time is replaced.
func TestGitHubApp(t *testing.T) {
	t.Parallel()
	app, other := rsaKey(t), rsaKey(t)
	p := startProvider(t, "emulate", "SERVICE=github", "REDIRECT_URI=http://127.0.0.1:9/callback", "APP_KEY="+app, "TOKEN_TTL=3")
	with := func(name, key string) connection {
		return connection{name: name, connector: "githubapp", port: p.port, params: map[string]string{"app_id": "4711", "key": key}}
	}
	c := startClaviger(t, freePort(t), with("app", app), with("forged", other))
	e := &emulated{c, p, "github", "app"}
	add := func(connection, installation string) (client.Account, error) {
		return c.api.CreateAccount(t.Context(), client.NewAccount{
			Connection: connection, Identifier: "u-alice", Inputs: map[string]string{"installation": installation},
		})
	}
	_, err := add("forged", "815")
	wantCode(t, err, "oauth_client_rejected")
	c.wantNoAccount("forged", "u-alice")
	_, err = add("app", "816")
	wantCode(t, err, "credential_refused")
	c.wantNoAccount("app", "u-alice")

	a, err := add("app", "815")
	if err != nil || a.Status != client.StatusActive || time.Until(a.TokenExpiresAt) < 50*time.Minute {
		t.Fatalf("the account is %+v, %v", a, err)
	}
	const private = "/repos/alice/alice-private"
	e.wantUser(t, private, "alice")
	if got, err := e.do(http.MethodPost, private+"/issues", "app/u-alice", `{"title":"from the app"}`); err != nil || got.status != http.StatusCreated {
		t.Errorf("making an issue: %d %s, %v", got.status, got.body, err)
	}
	time.Sleep(3100 * time.Millisecond)
	before := e.issued()
	e.wantUser(t, private, "alice")
	if n := e.issued() - before; n != 1 {
		t.Errorf("%d tokens were issued when one had died, want 1", n)
	}
	c.disconnect(t, "app", "u-alice", false)
}

func rsaKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(pemOf(t, key))
}
