package oauth_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	temporaryToken  = "canary-temporary-token"
	temporarySecret = "canary-temporary+secret"
	tokenSecret     = "canary-token-secret"
	pair            = "oauth_token=canary-temporary-token&oauth_token_secret=canary-temporary%2Bsecret"
	formAnswer      = "Content-Type: text/html" // whatever it is called
)

const dance = `
mode: oauth1
authorize:
  request_url: BASE/request?via=web
  url: BASE/authorize?theme=dark
  params: {expiration: never}
  reconsent_params: {again: "1"}
  scope: {separator: ",", default: [read, write]}
token:
  url: BASE/access
  headers: {X-App: tidy}
  ttl: never
  capture: {user: user_id}
identity: {from: token, id: user_id, name: screen_name}
signer: {kind: oauth1}`

var temporary = oauth.Temporary{Token: vault.NewSecret(temporaryToken), Secret: vault.NewSecret(temporarySecret)}

var toAuthorize = oauth.AuthorizeRequest{RedirectURI: redirectURI + "?tenant=a", State: vault.NewSecret(verifier)}

var pairOf = regexp.MustCompile(`(\w+)="([^"]*)"`)

// signed reads the header of a recorded call and checks its signature, which is over nothing but the URL and
// the header. It returns the parameters but for those that change, and the rest of the request.
func signed(t *testing.T, raw, path, tokenSecret string) (params map[string]string, rest string) {
	t.Helper()
	header := regexp.MustCompile(`(?m)^Authorization: OAuth (.*)\r\n`).FindStringSubmatch(raw)
	if header == nil {
		t.Fatalf("no signature: %q", raw)
	}
	base := regexp.MustCompile(`BASE`).ReplaceAllString("http://BASE"+path, "HOST")
	params, pairs := map[string]string{}, []string{}
	for _, m := range pairOf.FindAllStringSubmatch(header[1], -1) {
		value, err := url.PathUnescape(m[2])
		if err != nil {
			t.Fatal(err)
		}
		params[m[1]] = value
		if m[1] != "oauth_signature" {
			pairs = append(pairs, m[1]+"="+m[2])
		}
	}
	if _, query, ok := strings.Cut(strings.SplitN(raw, " ", 3)[1], "?"); ok {
		pairs = append(pairs, query)
	}
	slices.Sort(pairs)
	params["base"] = base + " " + strings.Join(pairs, "&")
	return params, strings.Replace(raw, header[0], "", 1)
}

// holds tells whether the signature is that of the host.
func holds(params map[string]string, host, secret string) bool {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	to, pairs, _ := strings.Cut(strings.Replace(params["base"], "HOST", host, 1), " ")
	mac := hmac.New(sha1.New, []byte(escape(clientSecret)+"&"+escape(secret)))
	fmt.Fprint(mac, "POST&"+escape(to)+"&"+escape(pairs))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == params["oauth_signature"]
}

// steady takes off what is another one with each call.
func steady(params map[string]string) map[string]string {
	for _, name := range []string{"oauth_nonce", "oauth_signature", "base"} {
		delete(params, name)
	}
	return params
}

func TestTemporary(t *testing.T) {
	base, requests := record(t, says200(formAnswer, pair+"&oauth_callback_confirmed=true"))
	app := declared(t, base, dance)
	got, err := newClient(oauth.Options{}).RequestTemporary(t.Context(), app, toAuthorize)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(temporary, got, revealed); diff != "" {
		t.Errorf("temporary credentials (-want +got):\n%s", diff)
	}
	params, rest := signed(t, <-requests, "/request", "")
	if !holds(params, strings.TrimPrefix(base, "http://"), "") {
		t.Error("the signature does not hold")
	}
	want := map[string]string{
		"oauth_consumer_key": "id", "oauth_callback": redirectURI + "?state=" + verifier + "&tenant=a",
		"oauth_signature_method": "HMAC-SHA1", "oauth_timestamp": fmt.Sprint(now.Unix()), "oauth_version": "1.0",
	}
	if diff := cmp.Diff(want, steady(params)); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	sameWire(t, rest, "POST /request?via=web\nAccept: */*\nX-App: tidy\n\n")
}

func TestTemporaryURL(t *testing.T) {
	app := declared(t, "https://example.com", dance)
	client := newClient(oauth.Options{})
	req := toAuthorize
	req.Scopes, req.Reconsent = []string{"account"}, true
	got, err := client.TemporaryURL(app, temporary, req)
	want := "https://example.com/authorize?theme=dark&again=1&expiration=never&oauth_token=canary-temporary-token&scope=read%2Cwrite%2Caccount"
	if err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if got, err := client.TemporaryURL(app, oauth.Temporary{}, req); err == nil || got != "" {
		t.Errorf("without a token: got %s, %v", got, err)
	}
}

func TestExchangeTemporary(t *testing.T) {
	base, requests := record(t, says200(formAnswer,
		"oauth_token=canary-access&oauth_token_secret="+tokenSecret+"&user_id=7&screen_name=ada&refresh_token=no&expires_in="))
	token, err := newClient(oauth.Options{}).ExchangeTemporary(t.Context(), declared(t, base, dance), temporary, vault.NewSecret(code))
	if err != nil {
		t.Fatal(err)
	}
	sameToken(t, token, oauth.Token{
		Access: vault.NewSecret(access), Slots: vault.Secrets{"secret": vault.NewSecret(tokenSecret)}, ExpiresFrom: oauth.ExpiresNever,
		Captured: map[string]string{"user": "7"}, Identity: vault.Identity{ID: "7", Name: "ada"},
	})
	params, rest := signed(t, <-requests, "/access", temporarySecret)
	if !holds(params, strings.TrimPrefix(base, "http://"), temporarySecret) {
		t.Error("the signature does not hold")
	}
	want := map[string]string{
		"oauth_consumer_key": "id", "oauth_token": temporaryToken, "oauth_verifier": code,
		"oauth_signature_method": "HMAC-SHA1", "oauth_timestamp": fmt.Sprint(now.Unix()), "oauth_version": "1.0",
	}
	if diff := cmp.Diff(want, steady(params)); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	sameWire(t, rest, "POST /access\nAccept: */*\nX-App: tidy\n\n")
}

func TestOAuth1Refusals(t *testing.T) {
	const confirmed = "&oauth_callback_confirmed=true"
	tests := []struct {
		name, answer string
		class        oauth.Class
		code         string
		first        bool // the call for temporary credentials alone
	}{
		{"not confirmed", says200(formAnswer, pair), oauth.ClassMalformed, "callback_unconfirmed", true},
		{"confirmed with another word", says200(formAnswer, pair+"&oauth_callback_confirmed=1"), oauth.ClassMalformed, "callback_unconfirmed", true},
		{"no secret", says200(formAnswer, "oauth_token=t"+confirmed), oauth.ClassMalformed, "bad_token_response", false},
		{"empty secret", says200(formAnswer, "oauth_token=t&oauth_token_secret="+confirmed), oauth.ClassMalformed, "bad_token_response", false},
		{"no token", says200(formAnswer, "oauth_token_secret=t"+confirmed), oauth.ClassMalformed, "bad_token_response", false},
		{"two tokens", says200(formAnswer, pair+"&oauth_token=t"+confirmed), oauth.ClassMalformed, "bad_token_response", false},
		{"JSON", ok(`{"oauth_token":"t","oauth_token_secret":"s","oauth_callback_confirmed":"true"}`), oauth.ClassMalformed, "bad_token_response", false},
		{"a token with a line break", says200(formAnswer, "oauth_token=t%0A&oauth_token_secret=s"+confirmed), oauth.ClassMalformed, "bad_token_response", false},
		{"a secret with a quote", says200(formAnswer, "oauth_token=t&oauth_token_secret=%22"+confirmed), oauth.ClassMalformed, "bad_token_response", false},
		{"too much", says200(formAnswer, pair+confirmed+"&x="+strings.Repeat("x", 64<<10)), oauth.ClassMalformed, "answer_too_large", false},
		{"a redirect", replies(302, "Location: https://example.com", ""), oauth.ClassMalformed, "redirect_refused", false},
		{"refused", replies(401, formAnswer, "Invalid signature"), oauth.ClassOperator, "provider_status_401", false},
		{"a problem of the client", replies(401, formAnswer, "oauth_problem=consumer_key_unknown"), oauth.ClassOperator, "consumer_key_unknown", false},
		{"a problem of the token", replies(401, formAnswer, "oauth_problem=token_rejected"), oauth.ClassPermanent, "token_rejected", false},
		{"a problem with status 200", says200(formAnswer, "oauth_problem=verifier_invalid"), oauth.ClassPermanent, "verifier_invalid", false},
		{"trouble", replies(503, formAnswer, "oauth_problem=token_rejected"), oauth.ClassTransient, "provider_status_503", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, _ := record(t, test.answer)
			client, app := newClient(oauth.Options{}), declared(t, base, dance)
			got, err := client.RequestTemporary(t.Context(), app, toAuthorize)
			if !got.Token.IsZero() || !got.Secret.IsZero() {
				t.Error("there are temporary credentials beside the error")
			}
			wantError(t, oauth.Token{}, err, test.class, test.code)
			if test.first {
				return
			}
			token, err := client.ExchangeTemporary(t.Context(), app, temporary, vault.NewSecret(code))
			wantError(t, token, err, test.class, test.code)
		})
	}
}

// What is missing is noticed before anything is sent.
func TestOAuth1Incomplete(t *testing.T) {
	base := says(t, 500, "", "")
	full := declared(t, base, dance)
	client := newClient(oauth.Options{})
	check := func(name, code string, err error) {
		t.Helper()
		if e := wantError(t, oauth.Token{}, err, oauth.ClassOperator, code); !e.Unsent {
			t.Errorf("%s: a request was sent", name)
		}
	}
	for name, change := range map[string]func(*oauth.AuthorizeRequest){
		"no redirect URI": func(r *oauth.AuthorizeRequest) { r.RedirectURI = "" },
		"no state":        func(r *oauth.AuthorizeRequest) { r.State = vault.Secret{} },
	} {
		req := toAuthorize
		change(&req)
		_, err := client.RequestTemporary(t.Context(), full, req)
		check(name, "client_incomplete", err)
	}
	for name, pair := range map[string]oauth.Temporary{"no secret": {Token: temporary.Token}, "no token": {Secret: temporary.Secret}} {
		_, err := client.ExchangeTemporary(t.Context(), full, pair, vault.NewSecret(code))
		check(name, "client_incomplete", err)
	}
	_, err := client.ExchangeTemporary(t.Context(), full, temporary, vault.Secret{})
	check("no verifier", "client_incomplete", err)
	for name, change := range map[string]func(*oauth.App){
		"no client": func(a *oauth.App) { a.ClientID = "" },
		"no URL":    func(a *oauth.App) { ends := *a.Endpoints; ends.RequestToken, ends.Token = "", ""; a.Endpoints = &ends },
		"no signer": func(a *oauth.App) { k := *a.Connector; k.Signer = nil; a.Connector = &k },
	} {
		app := full
		change(&app)
		_, err := client.RequestTemporary(t.Context(), app, toAuthorize)
		check(name, "client_incomplete", err)
		_, err = client.ExchangeTemporary(t.Context(), app, temporary, vault.NewSecret(code))
		check(name, "client_incomplete", err)
	}
	app := full
	app.ClientSecret = vault.Secret{}
	_, err = client.RequestTemporary(t.Context(), app, toAuthorize)
	check("no client secret", "key_unusable", err)
}

// A provider that is slow does not keep anybody for longer than the timeout.
func TestOAuth1Timeout(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client, app := newClient(oauth.Options{Timeout: 50 * time.Millisecond}), declared(t, base, dance)
	_, err := client.RequestTemporary(t.Context(), app, toAuthorize)
	wantError(t, oauth.Token{}, err, oauth.ClassTransient, "provider_timeout")
	token, err := client.ExchangeTemporary(t.Context(), app, temporary, vault.NewSecret(code))
	wantError(t, token, err, oauth.ClassTransient, "provider_timeout")
}

// Whatever a provider repeats of a call, as its error code or otherwise, no error passes it on.
func TestOAuth1LeaksNothing(t *testing.T) {
	calls := map[string]func(*oauth.Client, oauth.App) error{
		verifier + " " + clientSecret: func(c *oauth.Client, app oauth.App) error {
			_, err := c.RequestTemporary(t.Context(), app, toAuthorize)
			return err
		},
		strings.Join([]string{temporaryToken, temporarySecret, code, clientSecret}, " "): func(c *oauth.Client, app oauth.App) error {
			_, err := c.ExchangeTemporary(t.Context(), app, temporary, vault.NewSecret(code))
			return err
		},
	}
	for _, method := range []string{"HMAC-SHA1", "PLAINTEXT"} {
		for sent, call := range calls {
			for _, secret := range strings.Fields(sent) {
				base := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(401)
					fmt.Fprintf(w, "oauth_problem=%s&sent=%s", url.QueryEscape(secret), url.QueryEscape(r.Header.Get("Authorization")))
				})
				app := declared(t, base, strings.Replace(dance, "kind: oauth1", "kind: oauth1, method: "+method, 1))
				err := call(newClient(oauth.Options{}), app)
				wantError(t, oauth.Token{}, err, oauth.ClassOperator, "provider_error")
				if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "canary") {
					t.Errorf("the error shows %s: %s", secret, text)
				}
			}
		}
	}
}
