package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// The rows of what providers do differently with the authorization request.
func TestAuthorizeProviders(t *testing.T) {
	const redirect = "redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"
	tests := []struct {
		name, yaml string
		values     []string
		scopes     []string
		want       string
	}{
		{
			name: "TikTok: client_key and commas", scopes: []string{"user.info.basic", "video.list"},
			yaml: `authorize: {url: BASE/authorize, pkce: "off", param_names: {client_id: client_key}, scope: {separator: ","}}`,
			want: "client_key=id&" + redirect + "&response_type=code&scope=user.info.basic%2Cvideo.list&state=st",
		},
		{
			name: "Printful: redirect_url",
			yaml: `authorize: {url: BASE/authorize, pkce: "off", param_names: {redirect_uri: redirect_url}}`,
			want: "client_id=id&" + strings.Replace(redirect, "uri", "url", 1) + "&response_type=code&state=st",
		},
		{
			name: "Walmart: two names that change places",
			yaml: `authorize: {url: BASE/authorize, pkce: "off", param_names: {client_id: state, state: client_id}}`,
			want: "client_id=st&" + redirect + "&response_type=code&state=id",
		},
		{
			name: "Monday: no response_type",
			yaml: `authorize: {url: BASE/authorize, pkce: "off", omit: [response_type]}`,
			want: "client_id=id&" + redirect + "&state=st",
		},
		{
			name: "Figma: no redirect_uri in the request",
			yaml: `authorize: {url: BASE/authorize, pkce: "off", omit: [redirect_uri]}`,
			want: "client_id=id&response_type=code&state=st",
		},
		{
			name: "Datev: two response types",
			yaml: `authorize: {url: BASE/authorize, pkce: "off", response_type: code id_token, params: {nonce: '{b64("n")}'}}`,
			want: "client_id=id&nonce=bg%3D%3D&" + redirect + "&response_type=code+id_token&state=st",
		},
		{
			name: "Follow Up Boss: another response type",
			yaml: `authorize: {url: BASE/authorize, pkce: "off", response_type: auth_code}`,
			want: "client_id=id&" + redirect + "&response_type=auth_code&state=st",
		},
		{
			name: "Slack: scopes of the user apart", scopes: []string{"chat:write", "user:search:read", "user:chat:write"},
			yaml: `authorize: {url: BASE/authorize, pkce: "off", scope: {separator: ",", user_param: user_scope}}`,
			want: "client_id=id&" + redirect + "&response_type=code&scope=chat%3Awrite&state=st&user_scope=search%3Aread%2Cchat%3Awrite",
		},
		{
			name: "Slack: scopes of the user alone", scopes: []string{"user:search:read"},
			yaml: `authorize: {url: BASE/authorize, pkce: "off", scope: {user_param: user_scope}}`,
			want: "client_id=id&" + redirect + "&response_type=code&state=st&user_scope=search%3Aread",
		},
		{
			name: "a scope that begins like one of the user", scopes: []string{"user:email"},
			yaml: `authorize: {url: BASE/authorize, pkce: "off"}`,
			want: "client_id=id&" + redirect + "&response_type=code&scope=user%3Aemail&state=st",
		},
		{
			name: "MCP server: resource", values: []string{"account.site", "x&y"},
			yaml: `authorize: {url: BASE/authorize, pkce: "off"}` + "\naccount: [{name: site, pattern: .+}]",
			want: "client_id=id&" + redirect + "&resource=https%3A%2F%2Fmcp.example.com%2Fx%26y&response_type=code&state=st",
		},
		{
			name: "Dynamics: the scope names the organisation", values: []string{"account.org", "acme"},
			yaml: `authorize: {url: BASE/authorize, pkce: "off", scope: {always: [offline_access], default: ["https://{account.org}.crm.example.com/.default"]}}` +
				"\naccount: [{name: org, pattern: '[a-z]+'}]",
			want: "client_id=id&" + redirect + "&response_type=code&scope=offline_access+https%3A%2F%2Facme.crm.example.com%2F.default&state=st",
		},
		{
			name: "Auth0: a query of the endpoint, an audience and an organisation that nobody gave", values: []string{"app.audience", "https://api/ä"},
			yaml: `authorize: {url: "BASE/authorize?tenant=1", pkce: "off", params: {audience: "{app.audience}", organization: "{app.organization}"}}` +
				"\napp: [{name: audience, pattern: .+}, {name: organization, pattern: .+, optional: true}]",
			want: "tenant=1&audience=https%3A%2F%2Fapi%2F%C3%A4&client_id=id&" + redirect + "&response_type=code&state=st",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			yaml := test.yaml + "\ntoken: {url: BASE/token, client_auth: post"
			if strings.HasPrefix(test.name, "MCP") {
				yaml += `, resource: "https://mcp.example.com/{account.site}"`
			}
			app := declared(t, "https://id.example.com", yaml+"}", test.values...)
			app.Scopes = test.scopes
			got, err := newClient(oauth.Options{}).AuthorizeURL(app, oauth.AuthorizeRequest{RedirectURI: redirectURI, State: vault.NewSecret("st")})
			if err != nil {
				t.Fatal(err)
			}
			if want := "https://id.example.com/authorize?" + test.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// Parameters stand behind the '#' for a page that looks there, and are written raw where it does not decode them.
func TestAuthorizeWhereAndHow(t *testing.T) {
	app := declared(t, "https://id.example.com", `authorize: {url: BASE/app, fragment: /oauth, raw_params: [scope], pkce: "off", scope: {required: ["a:b/c"], default: ["x&y=z#%", "d,e"]}}
token: {url: BASE/token, client_auth: post}`)
	got, err := newClient(oauth.Options{}).AuthorizeURL(app, oauth.AuthorizeRequest{RedirectURI: "https://cb.example.com/x", State: vault.NewSecret("st")})
	if err != nil {
		t.Fatal(err)
	}
	want := "https://id.example.com/app#/oauth?client_id=" + url.QueryEscape(app.ClientID) +
		"&redirect_uri=https%3A%2F%2Fcb.example.com%2Fx&response_type=code&scope=a:b/c+x%26y%3Dz%23%25+d,e&state=st"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, granted := range [][]string{{"d,e"}, {}} {
		if got := app.MissingScopes(granted); len(got) != 1 || got[0] != "a:b/c" {
			t.Errorf("with %q missing are %q", granted, got)
		}
	}
	for _, granted := range [][]string{nil, {"x", "a:b/c"}} {
		if got := app.MissingScopes(granted); len(got) > 0 {
			t.Errorf("with %q missing are %q", granted, got)
		}
	}
}

// Each scope may have a parameter of its own.
func TestRepeatedScopes(t *testing.T) {
	app := declared(t, "https://id.example.com", `authorize: {url: BASE/app, pkce: "off", scope: {param: "scope[]", repeat: true, default: [b, a]}}
token: {url: BASE/token, client_auth: post}`)
	app.Scopes = []string{"read_only", "x:y"}
	got, err := newClient(oauth.Options{}).AuthorizeURL(app, oauth.AuthorizeRequest{RedirectURI: redirectURI, State: vault.NewSecret("st"), Scopes: []string{"more"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "response_type=code&scope%5B%5D=read_only&scope%5B%5D=x%3Ay&scope%5B%5D=more&state=st"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want it to end with %s", got, want)
	}
}

// Where the provider has a name for the redirect URI, that is sent in its place everywhere.
func TestRedirectName(t *testing.T) {
	const yaml = `authorize: {url: BASE/authorize, pkce: "off", redirect_uri: "{app.ru}"}
token: {url: BASE/token, client_auth: none}
refresh: {redirect_uri: true}
app: [{name: ru, pattern: .+}]`
	base, requests := record(t, ok(`{"access_token":"a"}`))
	app, client := declared(t, base, yaml, "app.ru", "Acme-RU"), newClient(oauth.Options{})
	got, err := client.AuthorizeURL(app, oauth.AuthorizeRequest{RedirectURI: redirectURI, State: vault.NewSecret("st")})
	if want := base + "/authorize?client_id=" + url.QueryEscape(app.ClientID) + "&redirect_uri=Acme-RU&response_type=code&state=st"; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if _, err := exchange(t, client, app); err != nil {
		t.Error(err)
	}
	if request := string(<-requests); !strings.Contains(request, "redirect_uri=Acme-RU") {
		t.Errorf("the exchange is %s", request)
	}
	g := grant
	g.RedirectURI = redirectURI
	if _, err := client.Refresh(t.Context(), app, g); err != nil {
		t.Error(err)
	}
	if request := string(<-requests); !strings.Contains(request, "redirect_uri=Acme-RU") {
		t.Errorf("the refresh is %s", request)
	}
	delete(app.Values, "app.ru")
	_, err = client.AuthorizeURL(app, oauth.AuthorizeRequest{RedirectURI: redirectURI, State: vault.NewSecret("st")})
	wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeNoValue)
	_, err = exchange(t, client, app)
	wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeNoValue)
}

// What a template lacks is told before the browser is sent anywhere.
func TestAuthorizeNeedsValues(t *testing.T) {
	const code = "\ntoken: {url: BASE/token, client_auth: post"
	tests := []struct {
		name, yaml string
		values     []string
	}{
		{"no value for a parameter", `authorize: {url: BASE/authorize, pkce: "off", params: {org: "{account.org}"}}` + code + "}", nil},
		{"no value for a scope", `authorize: {url: BASE/authorize, pkce: "off", scope: {always: ["{account.org}:read"]}}` + code + "}", nil},
		{"no value for the resource", `authorize: {url: BASE/authorize, pkce: "off"}` + code + `, resource: "https://x/{account.org}"}`, nil},
		{"a value with a scope in it", `authorize: {url: BASE/authorize, pkce: "off", scope: {always: ["{account.org}:read"]}}` + code + "}", []string{"account.org", "x admin"}},
		{"a value with a backslash", `authorize: {url: BASE/authorize, pkce: "off", scope: {always: ["{account.org}:read"]}}` + code + "}", []string{"account.org", `x\y`}},
		{"a value with the separator", `authorize: {url: BASE/authorize, pkce: "off", scope: {separator: ",", always: ["{account.org}:read"]}}` + code + "}", []string{"account.org", "x,admin"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := declared(t, "https://id.example.com", test.yaml+"\naccount: [{name: org, pattern: .+}]", test.values...)
			got, err := newClient(oauth.Options{}).AuthorizeURL(app, oauth.AuthorizeRequest{RedirectURI: redirectURI, State: vault.NewSecret("st")})
			if own := wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeNoValue); got != "" || !own.Unsent || own.Op != "authorize" {
				t.Errorf("got %s beside %+v", got, own)
			}
			if scopes := app.RequestedScopes([]string{"extra", "", "extra"}); len(scopes) != 1 || scopes[0] != "extra" {
				t.Errorf("got scopes %q, want what can be filled", scopes)
			}
		})
	}
}

// A secret has no place in the URL, whatever the connector says.
func TestAuthorizeURLHasNoSecret(t *testing.T) {
	app := at(t, plain(nil), "https://id.example.com")
	app.Connector.Authorize.PKCE, app.Connector.Authorize.Params = "off", texts("x", "{client_secret}")
	got, err := newClient(oauth.Options{}).AuthorizeURL(app, oauth.AuthorizeRequest{RedirectURI: redirectURI, State: vault.NewSecret("st")})
	wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeNoValue)
	if strings.Contains(got, url.QueryEscape(clientSecret)) {
		t.Errorf("got %s", got)
	}
}
