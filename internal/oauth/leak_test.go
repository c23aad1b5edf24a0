package oauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const secretInputs = "\naccount: [{name: username, pattern: .+}, {name: password, secret: true}, {name: key, secret: true}, {name: subject_token, secret: true}]\n"

// leaky are connectors that have secrets in all places that there are.
var leaky = []string{
	"mode: password\ntoken: {url: BASE/token, client_auth: post, method: GET, body: query, params: {k: '{account.key}'}, headers: {X-Key: '{account.key}'}}\n" +
		"revoke: {url: BASE/revoke, headers: {X-A: b}}\nintrospect: {url: BASE/introspect}",
	"mode: token_exchange\ntoken: {url: BASE/token, client_auth: basic_raw, basic: {password: '{account.key}'}}\nrevoke: {url: BASE/revoke}\nintrospect: {url: BASE/introspect}",
	"mode: login\nsteps:\n  - when: connect\n    request: {url: BASE/one, method: GET, query: {k: '{account.key}'}}\n    response: {}\n    capture: {session: s}\n" +
		"  - request: {url: BASE/two, method: GET, query: {t: '{token}', r: '{refresh_token}', s: '{captured.session}'}}\nrevoke: {url: BASE/revoke, auth: none}\nintrospect: {url: BASE/introspect, auth: none}",
	consent + "device: {url: BASE/device, params: {a: b}}\ntoken: {url: BASE/token, client_auth: post, echo_state: true, sign: {key: '{account.key}', field: k}}\n" +
		"refresh: {with: access_token, method: GET, params: {k: '{account.key}', t: '{token}'}}\nrevoke: {url: BASE/revoke}\nintrospect: {url: BASE/introspect}",
	consent + "app: [{name: pass, secret: true}]\ntoken: {url: BASE/token, client_auth: post}\n" +
		"register: {with: dynamic, url: BASE/register, initial_token: '{app.pass}', params: {k: '{app.pass}'}}\nrevoke: {url: BASE/revoke}\nintrospect: {url: BASE/introspect}",
}

// Whatever a provider sends back, no error repeats what it was sent.
func TestNothingLeaks(t *testing.T) {
	echo := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		query, _ := url.QueryUnescape(r.URL.RawQuery + "&" + string(body))
		return query + " " + fmt.Sprint(r.Header)
	}
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	// Codes are taken from short plain words.
	words := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("&= []:", r) })
	}
	handlers := map[string]func(http.ResponseWriter, *http.Request, string){
		"the whole request as the code": func(w http.ResponseWriter, _ *http.Request, sent string) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":%s,"error_description":%s}`, quoted(sent), quoted(sent))
		},
		"the whole request with 200": func(w http.ResponseWriter, _ *http.Request, sent string) {
			fmt.Fprintf(w, `{"error":%s,"access_token":%s}`, quoted(sent), quoted(sent))
		},
		"html": func(w http.ResponseWriter, _ *http.Request, sent string) {
			w.WriteHeader(403)
			fmt.Fprint(w, "<html>", sent)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request, _ string) {
			w.Header().Set("Location", r.URL.String())
			w.WriteHeader(302)
		},
		"a broken header": func(w http.ResponseWriter, r *http.Request, sent string) {
			if conn, out, err := http.NewResponseController(w).Hijack(); err == nil {
				fmt.Fprintf(out, "HTTP/1.1 %s\r\n\r\n", sent)
				out.Flush()
				conn.Close()
			}
		},
	}
	for i := range 40 { // each word of the request, one at a time
		handlers[fmt.Sprintf("word %d as the code", i)] = func(w http.ResponseWriter, _ *http.Request, sent string) {
			list := words(sent)
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":%s}`, quoted(list[i%len(list)]))
		}
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, r *http.Request) { handler(w, r, echo(r)) })
			for _, yaml := range leaky {
				eachCall(t, declared(t, base, yaml+secretInputs, "account.username", "ada", "account.password", "canary-password", "account.key", apiKey,
					"account.subject_token", subject, "captured.session", session, "app.pass", "canary-initial-token"))
			}
		})
	}
}

// eachCall calls all methods, and checks the errors of those that fail.
func eachCall(t *testing.T, app oauth.App) {
	t.Helper()
	client, failed := newClient(oauth.Options{Timeout: 5 * time.Second}), 0
	check := func(err error) {
		t.Helper()
		if err == nil {
			return
		}
		failed++
		if own := new(oauth.Error); !errors.As(err, &own) {
			t.Errorf("got a %T, want an *oauth.Error", err)
		}
		noLeak(t, err)
	}
	_, err := exchange(t, client, app)
	check(err)
	_, err = client.Refresh(t.Context(), app, grant)
	check(err)
	_, err = client.Obtain(t.Context(), app, grant)
	check(err)
	_, err = client.DeviceStart(t.Context(), app, nil)
	check(err)
	_, err = client.DevicePoll(t.Context(), app, oauth.Device{DeviceCode: vault.NewSecret(deviceCode)})
	check(err)
	_, err = client.Introspect(t.Context(), app, vault.NewSecret(access))
	check(err)
	_, err = client.Revoke(t.Context(), app, grant)
	check(err)
	if app.Connector.Register != nil {
		known := oauth.Registered{ClientID: "id", Secret: vault.NewSecret(clientSecret), URI: app.Endpoints.Token, Token: vault.NewSecret(registrationToken)}
		_, err = client.Register(t.Context(), app, registration)
		check(err)
		_, err = client.Reregister(t.Context(), app, registration, known)
		check(err)
		check(client.Unregister(t.Context(), known))
	}
	if failed < 5 {
		t.Errorf("%d of the calls failed, too few to see anything", failed)
	}
}

// A request whose URL holds secrets cannot be sent: the reason is not told.
func TestUnreachableLeaksNothing(t *testing.T) {
	for _, yaml := range leaky {
		eachCall(t, declared(t, "http://127.0.0.1:1999", yaml+secretInputs, "account.username", "ada", "account.password", "canary-password", "account.key", apiKey,
			"account.subject_token", subject, "captured.session", session, "app.pass", "canary-initial-token"))
	}
}
