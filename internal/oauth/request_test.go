package oauth_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const formType = "Content-Type: application/x-www-form-urlencoded"

const (
	basicAuth    = "Authorization: Basic Y2xpZW50K2lkOmNhbmFyeS1jbGllbnQlMkJzZWNyZXQlMkYlMjU="
	basicRawAuth = "Authorization: Basic Y2xpZW50IGlkOmNhbmFyeS1jbGllbnQrc2VjcmV0LyU="
)

// raw joins the lines of a request: the request line, Host, User-Agent, which net/http follows with
// the length, more headers, and the body.
func raw(lines ...string) string {
	body := lines[len(lines)-1]
	head := slices.Insert(lines[:len(lines)-1], 3, "Content-Length: "+strconv.Itoa(len(body)))
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

func TestExchangeBytes(t *testing.T) {
	const (
		start    = "POST /token HTTP/1.1"
		host     = "Host: HOST"
		agent    = "User-Agent: claviger"
		accept   = "Accept: application/json"
		encoding = "Accept-Encoding: identity"
		closing  = "Connection: close"
		core     = "code=canary-code&code_verifier=" + verifier + "&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"
		withPost = "client_id=client+id&client_secret=canary-client%2Bsecret%2F%25&" + core
	)
	noPKCE := strings.Replace(core, "code_verifier="+verifier+"&", "", 1)
	auth := func(how connectors.ClientAuth) *connectors.Connector {
		return plain(func(c *connectors.Connector) { c.Token.ClientAuth = how })
	}
	tests := []struct {
		name      string
		connector *connectors.Connector
		answer    string
		want      string
	}{
		{
			name: "post", connector: auth(connectors.ClientAuthPost),
			want: raw(start, host, agent, accept, encoding, formType, closing, withPost),
		},
		{
			name: "basic", connector: auth(connectors.ClientAuthBasic),
			want: raw(start, host, agent, accept, encoding, basicAuth, formType, closing, core),
		},
		{
			name: "basic_raw", connector: auth(connectors.ClientAuthBasicRaw),
			want: raw(start, host, agent, accept, encoding, basicRawAuth, formType, closing, core),
		},
		{
			name: "none", connector: auth(connectors.ClientAuthNone),
			want: raw(start, host, agent, accept, encoding, formType, closing, "client_id=client+id&"+core),
		},
		{
			name: "json, params and headers",
			connector: plain(func(c *connectors.Connector) {
				c.Authorize.PKCE = connectors.PKCEOff
				c.Token.Body = "json"
				c.Token.Params = texts("audience", "a&b", "code", "not this one")
				c.Token.Headers = texts("X-Version", "7", "user-agent", "other")
			}),
			want: raw(start, host, "User-Agent: other", accept, encoding, "Content-Type: application/json", "X-Version: 7", closing,
				`{"audience":"a\u0026b","client_id":"client id","client_secret":"canary-client+secret/%","code":"canary-code","grant_type":"authorization_code","redirect_uri":"https://app.example.com/cb"}`),
		},
		{
			name: "github", connector: builtin(t, "github"),
			want: raw(start, host, agent, accept, encoding, formType, closing, withPost),
		},
		{
			name: "google", connector: builtin(t, "gmail"),
			want: raw(start, host, agent, accept, encoding, formType, closing, withPost),
		},
		{
			name: "slack", connector: builtin(t, "slack"),
			answer: `{"ok":true,"access_token":"a","token_type":"bot"}`,
			want:   raw(start, host, agent, accept, encoding, basicAuth, formType, closing, noPKCE),
		},
		{
			name: "notion", connector: builtin(t, "notion"),
			want: raw(start, host, agent, accept, encoding, basicAuth, "Content-Type: application/json", "Notion-Version: "+builtin(t, "notion").Token.Headers["Notion-Version"].String(), closing,
				`{"code":"canary-code","grant_type":"authorization_code","redirect_uri":"https://app.example.com/cb"}`),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.answer == "" {
				test.answer = `{"access_token":"a","token_type":"bearer"}`
			}
			base, requests := record(t, ok(test.answer))
			token, err := exchange(t, newClient(oauth.Options{}), at(t, test.connector, base))
			if err != nil {
				t.Fatal(err)
			}
			if token.Access.Reveal() != "a" {
				t.Errorf("got token %q, want a", token.Access.Reveal())
			}
			sameRequest(t, <-requests, test.want)
		})
	}
}

func sameRequest(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(want, "\r\n"), strings.Split(got, "\r\n")); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestRefreshBytes(t *testing.T) {
	c := plain(func(c *connectors.Connector) {
		c.Token.Params = texts("only", "exchange")
		c.Refresh.Params = texts("scope", "a b", "refresh_token", "not this one")
	})
	base, requests := record(t, ok(`{"access_token":"a"}`))
	app := at(t, c, base)
	app.Endpoints.Refresh = base + "/refresh?x=1"
	token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
	if err != nil {
		t.Fatal(err)
	}
	if !token.Refresh.IsZero() {
		t.Error("got a refresh token that the provider did not send")
	}
	sameRequest(t, <-requests, raw(
		"POST /refresh?x=1 HTTP/1.1", "Host: HOST", "User-Agent: claviger",
		"Accept: application/json", "Accept-Encoding: identity", formType, "Connection: close",
		"client_id=client+id&client_secret=canary-client%2Bsecret%2F%25&grant_type=refresh_token&refresh_token=canary-refresh&scope=a+b",
	))
	app.Endpoints.Refresh = ""
	if _, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant); err != nil {
		t.Fatal(err)
	}
	if got := <-requests; !strings.HasPrefix(got, "POST /token HTTP/1.1\r\n") {
		t.Errorf("got %q, want the token endpoint", got)
	}
}

func TestAuthorizeURL(t *testing.T) {
	req := oauth.AuthorizeRequest{
		RedirectURI: redirectURI, State: vault.NewSecret("st"), Verifier: vault.NewSecret(verifier),
	}
	const challenge = "&code_challenge=L7o-6TEDwqwCNMiRaiKImExs04ZRsBTK6OqLK4hHLGs&code_challenge_method=S256"
	const redirect = "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"
	tests := []struct {
		name      string
		connector *connectors.Connector
		scopes    []string
		edit      func(*oauth.AuthorizeRequest)
		want      string
	}{
		{
			name: "github", connector: builtin(t, "github"), scopes: []string{"repo", "read:user", "repo"},
			want: "?client_id=client+id" + challenge + redirect + "&response_type=code&scope=repo+read%3Auser&state=st",
		},
		{
			name: "slack", connector: builtin(t, "slack"),
			edit: func(r *oauth.AuthorizeRequest) { r.Scopes = []string{"chat:write", "users:read"} },
			want: "?client_id=client+id" + redirect + "&response_type=code&scope=channels%3Aread%2Cusers%3Aread%2Cchat%3Awrite&state=st",
		},
		{
			name: "notion", connector: builtin(t, "notion"), scopes: []string{"ignored"},
			want: "?client_id=client+id&owner=user" + redirect + "&response_type=code&state=st",
		},
		{
			name: "always, own parameter, reconsent, hint",
			connector: plain(func(c *connectors.Connector) {
				c.Authorize.Scope = connectors.Scope{Param: "user_scope", Always: []connectors.Template{text("openid")}, Default: []connectors.Template{text("mail"), text("openid")}}
				c.Authorize.Params = texts("prompt", "login", "x", "1")
				c.Authorize.ReconsentParams = texts("prompt", "consent")
			}),
			edit: func(r *oauth.AuthorizeRequest) { r.Reconsent, r.LoginHint = true, "ada&eve@example.com" },
			want: "?client_id=client+id" + challenge + "&login_hint=ada%26eve%40example.com&prompt=consent" + redirect +
				"&response_type=code&state=st&user_scope=openid+mail&x=1",
		},
		{
			name:      "the provider adds what was granted before",
			connector: plain(func(c *connectors.Connector) { c.Authorize.Scope.Incremental = connectors.IncrementalInclude }),
			edit:      func(r *oauth.AuthorizeRequest) { r.Reconsent = true },
			want:      "?client_id=client+id" + challenge + "&include_granted_scopes=true" + redirect + "&response_type=code&state=st",
		},
		{
			name:      "nothing was granted before",
			connector: plain(func(c *connectors.Connector) { c.Authorize.Scope.Incremental = connectors.IncrementalInclude }),
			want:      "?client_id=client+id" + challenge + redirect + "&response_type=code&state=st",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := at(t, test.connector, "https://id.example.com")
			app.Scopes = test.scopes
			mine := req
			if test.edit != nil {
				test.edit(&mine)
			}
			got, err := newClient(oauth.Options{}).AuthorizeURL(app, mine)
			if err != nil {
				t.Fatal(err)
			}
			if want := "https://id.example.com/authorize" + test.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestAuthorizeURLRefuses(t *testing.T) {
	good := oauth.AuthorizeRequest{RedirectURI: redirectURI, State: oauth.NewState(), Verifier: oauth.NewVerifier()}
	tests := []struct {
		name string
		edit func(*oauth.App, *oauth.AuthorizeRequest)
	}{
		{"no state", func(_ *oauth.App, r *oauth.AuthorizeRequest) { r.State = vault.Secret{} }},
		{"no verifier", func(_ *oauth.App, r *oauth.AuthorizeRequest) { r.Verifier = vault.Secret{} }},
		{"no redirect", func(_ *oauth.App, r *oauth.AuthorizeRequest) { r.RedirectURI = "" }},
		{"no client", func(a *oauth.App, _ *oauth.AuthorizeRequest) { a.ClientID = "" }},
		{"no endpoint", func(a *oauth.App, _ *oauth.AuthorizeRequest) { a.Endpoints.Authorize = "" }},
		{"bad endpoint", func(a *oauth.App, _ *oauth.AuthorizeRequest) { a.Endpoints.Authorize = "http://[" }},
		{"connector sets the state", func(a *oauth.App, _ *oauth.AuthorizeRequest) {
			a.Connector.Authorize.Params = texts("state", "x")
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app, req := at(t, plain(nil), "https://id.example.com"), good
			test.edit(&app, &req)
			got, err := newClient(oauth.Options{}).AuthorizeURL(app, req)
			if got != "" {
				t.Errorf("got %s beside the error", got)
			}
			wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeIncomplete)
		})
	}
}

func TestFreshSecrets(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		for _, s := range []string{oauth.NewState().Reveal(), oauth.NewVerifier().Reveal()} {
			if len(s) != 43 || url.QueryEscape(s) != s || seen[s] {
				t.Errorf("got %q, want 43 fresh URL-safe characters", s)
			}
			seen[s] = true
		}
	}
}
