package oauth_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// registering is a connector whose clients are registered; further keys follow.
const registering = consent + "app: [{name: pass, secret: true, optional: true}, {name: team, pattern: '[a-z]+', optional: true}]\n" +
	"token: {url: BASE/token, client_auth: post}\n"

// registration is what clients are registered with.
var registration = oauth.Registration{RedirectURI: redirectURI, Name: "Example App", Software: "claviger", Version: "1.2.3"}

// registrationToken is what a registration is managed with.
const registrationToken = "canary-registration-token"

func init() { canaries = append(canaries, registrationToken, "canary-initial-token") }

func TestRegisterRequest(t *testing.T) {
	const answer = `{"client_id":"c 1","client_secret":"canary-client\"s","client_secret_expires_at":1893456000,"redirect_uris":["` + redirectURI + `"],` +
		`"token_endpoint_auth_method":"client_secret_post","anything":{"else":1}}`
	for _, tt := range []struct {
		name, yaml string
		values     []string
		scopes     []string
		want       string
	}{
		{
			"the least", "register: {with: dynamic, url: BASE/register}", nil, nil,
			"POST /register\nContent-Type: application/json\n\n" +
				`{"client_name":"Example App","grant_types":["authorization_code","refresh_token"],"redirect_uris":["https://app.example.com/cb"],` +
				`"response_types":["code"],"software_id":"claviger","software_version":"1.2.3","token_endpoint_auth_method":"client_secret_post"}`,
		},
		{
			"all of it",
			"authorize: {url: BASE/authorize, scope: {separator: ',', always: [offline], default: [read], user_param: users}}\n" +
				"refresh: {none: true}\ndevice: {url: BASE/device}\n" +
				"register:\n  with: dynamic\n  url: BASE/{app.team}/register?a=b\n  initial_token: '{app.pass}'\n" +
				"  field_names: {scope: scopes}\n  params: {contacts: [a@example.com], kind: {app: '{app.team}'}, old: false}",
			[]string{"app.pass", "canary-initial-token", "app.team", "ops"},
			[]string{"write", "user:post"},
			"POST /ops/register?a=b\nAuthorization: Bearer canary-initial-token\nContent-Type: application/json\n\n" +
				`{"client_name":"Example App","contacts":["a@example.com"],"grant_types":["authorization_code","urn:ietf:params:oauth:grant-type:device_code"],` +
				`"kind":{"app":"ops"},"old":false,"redirect_uris":["https://app.example.com/cb"],"response_types":["code"],"scopes":"offline write post",` +
				`"software_id":"claviger","software_version":"1.2.3","token_endpoint_auth_method":"client_secret_post"}`,
		},
		{
			"without optional values",
			"register: {with: dynamic, url: BASE/register, initial_token: '{app.pass}', params: {team: '{app.team}', kind: app}}", nil, nil,
			"POST /register\nContent-Type: application/json\n\n" +
				`{"client_name":"Example App","grant_types":["authorization_code","refresh_token"],"kind":"app","redirect_uris":["https://app.example.com/cb"],` +
				`"response_types":["code"],"software_id":"claviger","software_version":"1.2.3","token_endpoint_auth_method":"client_secret_post"}`,
		},
		{
			"scopes with a colon", "register: {with: dynamic, url: BASE/register}", nil,
			[]string{"user:email"},
			"POST /register\nContent-Type: application/json\n\n" +
				`{"client_name":"Example App","grant_types":["authorization_code","refresh_token"],"redirect_uris":["https://app.example.com/cb"],` +
				`"response_types":["code"],"scope":"user:email","software_id":"claviger","software_version":"1.2.3","token_endpoint_auth_method":"client_secret_post"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base, requests := record(t, replies(201, "Content-Type: application/json", answer))
			head := registering
			if strings.HasPrefix(tt.yaml, "authorize:") {
				head = strings.TrimPrefix(registering, consent)
			}
			if strings.Contains(tt.yaml, "/{app.team}/") { // a URL needs it
				head = strings.Replace(head, "{name: team, pattern: '[a-z]+', optional: true}", "{name: team, pattern: '[a-z]+'}", 1)
			}
			app := registrant(t, base, head+tt.yaml, tt.values...)
			app.Scopes = tt.scopes
			got, err := newClient(oauth.Options{}).Register(t.Context(), app, registration)
			if err != nil {
				t.Fatal(err)
			}
			want := oauth.Registered{
				ClientID: "c 1", Secret: vault.NewSecret(`canary-client"s`), SecretExpires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
			}
			if diff := cmp.Diff(want, got, revealed); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
			sameWire(t, <-requests, tt.want)
		})
	}
}

// registrant is declared without endpoints, which a registration does not need.
func registrant(t testing.TB, base, yaml string, values ...string) oauth.App {
	t.Helper()
	app := declared(t, base, yaml, values...)
	app.Endpoints = nil
	return app
}

// A registration is found by the metadata, changed and deleted.
func TestRegistrationLife(t *testing.T) {
	var base string
	var seen []string
	base = serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+fmt.Sprint(strings.Contains(string(body), `"client_id":"abc"`)))
		switch {
		case strings.HasPrefix(r.URL.Path, "/.well-known/"):
			fmt.Fprintf(w, `{"issuer":"%s/","registration_endpoint":"%[1]s/register","token_endpoint":"%[1]s/token"}`, base)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case r.Method == http.MethodPut:
			fmt.Fprintf(w, `{"client_id":"abc","redirect_uris":["%s"],"registration_access_token":"%s-2"}`, redirectURI+"2", registrationToken)
		default:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"client_id":"abc","client_secret":"%s","client_secret_expires_at":0,"registration_client_uri":"%s/register/abc","registration_access_token":"%s"}`,
				clientSecret, base, registrationToken)
		}
	})
	c := newClient(oauth.Options{})
	app := registrant(t, base, registering+"register: {with: dynamic, metadata: BASE/.well-known/openid-configuration}")
	first, err := c.Register(t.Context(), app, registration)
	want := oauth.Registered{ClientID: "abc", Secret: vault.NewSecret(clientSecret), URI: base + "/register/abc", Token: vault.NewSecret(registrationToken)}
	if diff := cmp.Diff(want, first, revealed); err != nil || diff != "" {
		t.Fatalf("client (-want +got), %v:\n%s", err, diff)
	}
	moved := registration
	moved.RedirectURI += "2"
	second, err := c.Reregister(t.Context(), app, moved, first)
	want.Token = vault.NewSecret(registrationToken + "-2")
	if diff := cmp.Diff(want, second, revealed); err != nil || diff != "" {
		t.Fatalf("changed client (-want +got), %v:\n%s", err, diff)
	}
	if err := c.Unregister(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	wantSeen := []string{
		"GET /.well-known/openid-configuration  false", "POST /register  false",
		"PUT /register/abc Bearer " + registrationToken + " true", "DELETE /register/abc Bearer " + registrationToken + "-2 false",
	}
	if diff := cmp.Diff(wantSeen, seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// A client that is not the one that was asked for is not used. Who has asked is told of it, to have it deleted.
func TestRegisterRefused(t *testing.T) {
	const good = `"client_id":"abc","client_secret":"canary-client-secret","registration_client_uri":"BASE/register/abc","registration_access_token":"` + registrationToken + `"`
	malformed := oauth.ClassMalformed
	for _, tt := range []struct {
		name, answer string
		status       int
		class        oauth.Class
		code         string
		stray        bool
	}{
		{"no JSON", `<html>`, 201, malformed, oauth.CodeBadClient, false},
		{"no client", `{}`, 201, malformed, oauth.CodeBadClient, false},
		{"no secret", `{"client_id":"abc"}`, 201, malformed, oauth.CodeBadClient, true},
		{"an ID with a line break", `{"client_id":"a\nb","client_secret":"x"}`, 201, malformed, oauth.CodeBadClient, false},
		{"a number for an ID", `{"client_id":7,"client_secret":"x"}`, 201, malformed, oauth.CodeBadClient, false},
		{"a secret that is over", `{` + good + `,"client_secret_expires_at":1}`, 201, malformed, oauth.CodeBadClient, true},
		{"a secret until who knows when", `{` + good + `,"client_secret_expires_at":"soon"}`, 201, malformed, oauth.CodeBadClient, true},
		{"another redirect URI", `{` + good + `,"redirect_uris":["https://evil.example.com/cb"]}`, 201, malformed, oauth.CodeOtherRedirect, true},
		{"a redirect URI more", `{` + good + `,"redirect_uris":["` + redirectURI + `","https://evil.example.com/cb"]}`, 201, malformed, oauth.CodeOtherRedirect, true},
		{"no redirect URI", `{` + good + `,"redirect_uris":[]}`, 201, malformed, oauth.CodeOtherRedirect, true},
		{"another way to authenticate", `{` + good + `,"token_endpoint_auth_method":"client_secret_basic"}`, 201, malformed, oauth.CodeOtherAuth, true},
		{"managed elsewhere", strings.Replace(`{`+good+`}`, "BASE", "https://evil.example.com", 1), 201, malformed, oauth.CodeManagementHost, true},
		{"managed without TLS", strings.Replace(`{`+good+`}`, "BASE", "http://127.0.0.2:1999", 1), 201, malformed, oauth.CodeManagementHost, true},
		{"a redirect", ``, 307, malformed, oauth.CodeRedirectRefused, false},
		{"too large", `{"x":"` + strings.Repeat("x", 1<<16) + `"}`, 201, malformed, oauth.CodeAnswerTooLarge, false},
		{"refused", `{"error":"invalid_redirect_uri","error_description":"canary-description"}`, 400, oauth.ClassOperator, "invalid_redirect_uri", false},
		{"in trouble", `{"error":"invalid_redirect_uri"}`, 503, oauth.ClassTransient, "provider_status_503", false},
		{"closed", ``, 401, oauth.ClassOperator, "provider_status_401", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var base string
			base = serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, strings.ReplaceAll(tt.answer, "BASE", base))
			})
			app := registrant(t, base, registering+"register: {with: dynamic, url: BASE/register}")
			got, err := newClient(oauth.Options{}).Register(t.Context(), app, registration)
			e := wantError(t, oauth.Token{}, err, tt.class, tt.code)
			if got.ClientID != "" || !got.Secret.IsZero() || got.URI != "" {
				t.Errorf("got a client beside the error")
			}
			stray, ok := e.Stray()
			if ok != tt.stray || ok && stray.ClientID != "abc" {
				t.Errorf("stray is %t, want %t", ok, tt.stray)
			}
			if ok && stray.URI != "" && !strings.HasPrefix(stray.URI, base) {
				t.Errorf("the client would be deleted at %s", stray.URI)
			}
		})
	}
}

// Metadata is taken of the server that the connector is about alone.
func TestRegisterMetadataRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		document string
		status   int
		code     string
	}{
		"another issuer":              {`{"issuer":"https://evil.example.com","registration_endpoint":"BASE/register"}`, 200, oauth.CodeWrongIssuer},
		"no issuer":                   {`{"registration_endpoint":"BASE/register"}`, 200, oauth.CodeWrongIssuer},
		"no endpoint":                 {`{"issuer":"BASE"}`, 200, oauth.CodeNoEndpoint},
		"an endpoint elsewhere":       {`{"issuer":"BASE","registration_endpoint":"https://evil.example.com/register"}`, 200, oauth.CodeMetadataHost},
		"a token endpoint elsewhere":  {`{"issuer":"BASE","registration_endpoint":"BASE/register","token_endpoint":"https://evil.example.com"}`, 200, oauth.CodeMetadataHost},
		"a consent page elsewhere":    {`{"issuer":"BASE","registration_endpoint":"BASE/register","authorization_endpoint":"javascript:x"}`, 200, oauth.CodeMetadataHost},
		"two issuers":                 {`{"issuer":"BASE","issuer":"BASE","registration_endpoint":"BASE/register"}`, 200, oauth.CodeBadMetadata},
		"no JSON":                     {`hello`, 200, oauth.CodeBadMetadata},
		"not there":                   {``, 404, "provider_status_404"},
		"sent elsewhere":              {``, 302, oauth.CodeRedirectRefused},
		"more than anybody would say": {strings.Repeat(" ", 1<<16) + `{}`, 200, oauth.CodeAnswerTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			var base string
			base = serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					t.Error("it registers all the same")
				}
				w.Header().Set("Location", "/register")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, strings.ReplaceAll(tt.document, "BASE", base))
			})
			app := registrant(t, base, registering+"register: {with: dynamic, metadata: BASE/.well-known/oauth-authorization-server}")
			_, err := newClient(oauth.Options{}).Register(t.Context(), app, registration)
			own := new(oauth.Error)
			if !errors.As(err, &own) || own.Code != tt.code {
				t.Errorf("got %v, want %s", err, tt.code)
			}
			noLeak(t, err)
		})
	}
}

// What a registration is managed with goes to no other host, and a change does not make it another client's.
func TestReregisterRefused(t *testing.T) {
	asked := 0
	answer := `{"client_id":"other","client_secret":"x"}`
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		_, _ = io.WriteString(w, answer)
	})
	c, app := newClient(oauth.Options{}), registrant(t, base, registering+"register: {with: dynamic, url: BASE/register}")
	known := oauth.Registered{ClientID: "abc", Secret: vault.NewSecret(clientSecret), URI: base + "/register/abc", Token: vault.NewSecret(registrationToken)}
	for name, tt := range map[string]struct {
		change func(*oauth.Registered)
		code   string
		asked  int
	}{
		"another client": {func(*oauth.Registered) {}, oauth.CodeBadClient, 1},
		"elsewhere":      {func(r *oauth.Registered) { r.URI = "https://evil.example.com/abc" }, oauth.CodeManagementHost, 0},
		"unmanaged":      {func(r *oauth.Registered) { r.URI = "" }, oauth.CodeUnmanaged, 0},
		"without token":  {func(r *oauth.Registered) { r.Token = vault.Secret{} }, oauth.CodeUnmanaged, 0},
	} {
		asked = 0
		with := known
		tt.change(&with)
		_, err := c.Reregister(t.Context(), app, registration, with)
		e := new(oauth.Error)
		if !errors.As(err, &e) || e.Code != tt.code || asked != tt.asked {
			t.Errorf("%s: got %v after %d requests, want %s", name, err, asked, tt.code)
			continue
		}
		if _, stray := e.Stray(); stray {
			t.Errorf("%s: a client in use is said to be of no use", name)
		}
		noLeak(t, err)
	}
	plain := known // a provider knows the secret, and may say anything
	plain.Secret, answer = vault.NewSecret("plain-secret"), `{"error":"plain-secret"}`
	refuses := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, answer)
	})
	plain.URI = refuses + "/abc"
	app = registrant(t, refuses, registering+"register: {with: dynamic, url: BASE/register}")
	if _, err := c.Reregister(t.Context(), app, registration, plain); err == nil || strings.Contains(err.Error(), "plain-secret") {
		t.Errorf("got %v", err)
	}
	app = registrant(t, base, registering+"register: {with: dynamic, url: BASE/register}")
	answer = `{"error":"invalid_token"}` // with status 200, and no client
	if _, err := c.Reregister(t.Context(), app, registration, known); err == nil {
		t.Error("a refusal is taken for a client")
	}
}

// A public client has no secret, whatever the provider says.
func TestRegisterPublic(t *testing.T) {
	base := says(t, 201, "application/json", `{"client_id":"abc","client_secret":"x","client_secret_expires_at":1,"token_endpoint_auth_method":"none"}`)
	app := registrant(t, base, strings.Replace(registering, "client_auth: post", "client_auth: none", 1)+"register: {with: dynamic, url: BASE/register}")
	got, err := newClient(oauth.Options{}).Register(t.Context(), app, registration)
	if err != nil || got.ClientID != "abc" || !got.Secret.IsZero() || !got.SecretExpires.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
}
