package sign_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

const form = "application/x-www-form-urlencoded"

var oauthValues = connectors.Values{"client_id": "key", "client_secret": "canary client&secret", "token": "tok/en", "token.secret": "canary-token-secret"}

var field = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// fields reads the header of OAuth 1.0a.
func fields(t testing.TB, r *http.Request) map[string]string {
	t.Helper()
	list, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok {
		t.Fatalf("got %v", r.Header)
	}
	found := map[string]string{}
	for _, m := range field.FindAllStringSubmatch(list, -1) {
		value, err := url.PathUnescape(m[2])
		if err != nil || found[m[1]] != "" {
			t.Fatalf("%s: %v", list, err)
		}
		found[m[1]] = value
	}
	return found
}

func escaped(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// holds is a provider that checks a signature.
func holds(t testing.TB, r *http.Request, body, clientSecret, tokenSecret string) bool {
	t.Helper()
	given := fields(t, r)
	var pairs []string
	for name, value := range given {
		if name != "realm" && name != "oauth_signature" {
			pairs = append(pairs, escaped(name)+"="+escaped(value))
		}
	}
	queries := []string{r.URL.RawQuery}
	if r.Header.Get("Content-Type") == form {
		queries = append(queries, body)
	}
	for _, q := range queries {
		values, err := url.ParseQuery(q)
		if err != nil {
			t.Fatal(err)
		}
		for name, list := range values {
			for _, value := range list {
				pairs = append(pairs, escaped(name)+"="+escaped(value))
			}
		}
	}
	slices.Sort(pairs) // '=' sorts before all that may follow in a name here
	base := r.Method + "&" + escaped(r.URL.Scheme+"://"+r.Host+r.URL.EscapedPath()) + "&" + escaped(strings.Join(pairs, "&"))
	secrets := escaped(clientSecret) + "&" + escaped(tokenSecret)
	if given["oauth_signature_method"] == "PLAINTEXT" {
		return given["oauth_signature"] == secrets
	}
	signature, err := base64.StdEncoding.DecodeString(given["oauth_signature"])
	if err != nil {
		t.Fatal(err)
	}
	if given["oauth_signature_method"] == "RSA-SHA1" {
		digest := sha1.Sum([]byte(base))
		return rsa.VerifyPKCS1v15(keys()["rsa"].Public().(*rsa.PublicKey), crypto.SHA1, digest[:], signature) == nil
	}
	h := map[string]func() hash.Hash{"HMAC-SHA1": sha1.New, "HMAC-SHA256": sha256.New}[given["oauth_signature_method"]]
	mac := hmac.New(h, []byte(secrets))
	mac.Write([]byte(base))
	return hmac.Equal(mac.Sum(nil), signature)
}

func oauth1(t testing.TB, method string) connectors.Signer {
	s := connectors.Signer{Kind: connectors.SignerOAuth1, Method: method, Realm: template(t, "{account.realm}")}
	if method == "RSA-SHA1" {
		s.Key = template(t, "{app.key}")
	}
	return s
}

func TestOAuth1(t *testing.T) {
	upload := message{
		method: "POST", url: "https://api.example.com/1/a%2Fb/photos?id=2&id=1&q=a+b", body: "status=Hello+%C3%A4&id=3",
		header: http.Header{"Content-Type": {form}, "Authorization": {"Bearer mine"}},
	}
	for _, method := range []string{"", "HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT"} {
		t.Run(method, func(t *testing.T) {
			values := connectors.Values{"app.key": encoded(t, keys()["rsa"], "pkcs1"), "account.realm": `4"2\`}
			for name, value := range oauthValues {
				values[name] = value
			}
			signer := newSigner(t, oauth1(t, method))
			r := upload.signed(t, signer, values)
			if !holds(t, r, upload.body, oauthValues["client_secret"], oauthValues["token.secret"]) {
				t.Fatalf("the signature of %v does not hold", r.Header)
			}
			got := fields(t, r)
			if nonce := got["oauth_nonce"]; len(nonce) < 20 || nonce == fields(t, upload.signed(t, signer, values))["oauth_nonce"] {
				t.Errorf("got nonce %q twice", nonce)
			}
			if !strings.HasPrefix(r.Header.Get("Authorization"), `OAuth realm="4\"2\\", oauth_`) {
				t.Errorf("got %s", r.Header.Get("Authorization"))
			}
			delete(got, "oauth_nonce")
			delete(got, "oauth_signature")
			delete(got, "realm")
			want := map[string]string{
				"oauth_consumer_key": "key", "oauth_token": "tok/en", "oauth_version": "1.0",
				"oauth_timestamp": strconv.FormatInt(now.Unix(), 10), "oauth_signature_method": method,
			}
			if method == "" {
				want["oauth_signature_method"] = "HMAC-SHA1"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if method != "PLAINTEXT" { // which signs nothing
				tamperOAuth1(t, func() *http.Request { return upload.signed(t, signer, values) }, upload.body)
			}
		})
	}
}

func tamperOAuth1(t *testing.T, signed func() *http.Request, body string) {
	t.Helper()
	replace := func(r *http.Request, old, with string) {
		changed := strings.Replace(r.Header.Get("Authorization"), old, with, 1)
		if changed == r.Header.Get("Authorization") {
			t.Fatalf("%q is not in %s", old, changed)
		}
		r.Header.Set("Authorization", changed)
	}
	for name, change := range map[string]func(r *http.Request, body *string){
		"method":    func(r *http.Request, _ *string) { r.Method = "PUT" },
		"scheme":    func(r *http.Request, _ *string) { r.URL.Scheme = "http" },
		"host":      func(r *http.Request, _ *string) { r.Host = "bpi.example.com" },
		"path":      func(r *http.Request, _ *string) { r.URL.Path, r.URL.RawPath = "/1/a/b/photos", "" },
		"query":     func(r *http.Request, _ *string) { r.URL.RawQuery = "id=2&id=0&q=a+b" },
		"a value":   func(r *http.Request, _ *string) { r.URL.RawQuery = "id=2&q=a+b" },
		"form":      func(_ *http.Request, body *string) { *body = "status=Hallo+%C3%A4&id=3" },
		"token":     func(r *http.Request, _ *string) { replace(r, "tok%2Fen", "tok%2Fem") },
		"client":    func(r *http.Request, _ *string) { replace(r, `_key="key"`, `_key="kez"`) },
		"timestamp": func(r *http.Request, _ *string) { replace(r, `_timestamp="1`, `_timestamp="2`) },
		"nonce":     func(r *http.Request, _ *string) { replace(r, `_nonce="`, `_nonce="1`) },
	} {
		r, body := signed(), body
		change(r, &body)
		if holds(t, r, body, oauthValues["client_secret"], oauthValues["token.secret"]) {
			t.Errorf("a change of the %s goes unseen", name)
		}
	}
}

// The three calls of RFC 5849 section 1.2.
func TestOAuth1Dance(t *testing.T) {
	signer := newSigner(t, oauth1(t, ""))
	m := message{method: "POST", url: "https://api.example.com/request_token?scope=a"}
	r := m.request(t)
	if err := signer.SignRequestToken(r, oauthValues, "https://example.com/callback?a=1", nil, now); err != nil {
		t.Fatal(err)
	}
	got := fields(t, r)
	if _, token := got["oauth_token"]; token || got["oauth_callback"] != "https://example.com/callback?a=1" || !holds(t, r, "", oauthValues["client_secret"], "") {
		t.Errorf("got %v", got)
	}

	r = m.request(t)
	temporary := connectors.Values{"client_id": "key", "client_secret": "s", "token": "t1", "token.secret": "t2"}
	if err := signer.SignAccessToken(r, temporary, "ver&fier", nil, now); err != nil {
		t.Fatal(err)
	}
	got = fields(t, r)
	if got["oauth_token"] != "t1" || got["oauth_verifier"] != "ver&fier" || !holds(t, r, "", "s", "t2") {
		t.Errorf("got %v", got)
	}

	for _, missing := range []string{"token", "token.secret"} {
		values := connectors.Values{"client_id": "key", "client_secret": "s", "token": "t1", "token.secret": "t2"}
		delete(values, missing)
		r := m.request(t)
		err := signer.SignAccessToken(r, values, "v", nil, now)
		if err == nil || !strings.HasSuffix(err.Error(), "no value for {"+missing+"}") || len(r.Header) != 0 {
			t.Errorf("without %s: %v, %v", missing, err, r.Header)
		}
	}

	other := newSigner(t, sigv4(t))
	if other.SignRequestToken(m.request(t), oauthValues, "oob", nil, now) == nil || other.SignAccessToken(m.request(t), oauthValues, "v", nil, now) == nil {
		t.Error("a signer of another kind takes part")
	}
}

func TestOAuth1ClientAlone(t *testing.T) {
	r := message{method: "GET", url: "https://api.example.com/"}.signed(t, newSigner(t, oauth1(t, "")), connectors.Values{"client_id": "key", "client_secret": "s"})
	got := fields(t, r)
	if _, token := got["oauth_token"]; token || !holds(t, r, "", "s", "") || strings.Contains(r.Header.Get("Authorization"), "realm") {
		t.Errorf("got %v", got)
	}
}

// Without a key of its own, RSA takes the client's secret for it.
// The signer's own consumer and token are in place of those of the values.
func TestOAuth1OwnCredentials(t *testing.T) {
	values := connectors.Values{"account.ck": "own-key", "account.cs": "canary-own-secret", "account.t": "own-token", "account.ts": "canary-own-token"}
	for name, value := range oauthValues {
		values[name] = value
	}
	s := connectors.Signer{
		Kind: connectors.SignerOAuth1, Method: "HMAC-SHA256", KeyID: template(t, "{account.ck}"), Key: template(t, "{account.cs}"),
		Token: template(t, "{account.t}"), TokenSecret: template(t, "{account.ts}"),
	}
	r := message{method: "GET", url: "https://api.example.com/x?a=1"}.signed(t, newSigner(t, s), values)
	if !holds(t, r, "", "canary-own-secret", "canary-own-token") {
		t.Errorf("the signature of %v does not hold", r.Header)
	}
	got := fields(t, r)
	if got["oauth_consumer_key"] != "own-key" || got["oauth_token"] != "own-token" {
		t.Errorf("got %v", got)
	}
	for _, missing := range []string{"account.ck", "account.cs", "account.t", "account.ts"} {
		less := maps.Clone(values)
		delete(less, missing)
		r := message{method: "GET", url: "https://api.example.com/x"}.request(t)
		err := newSigner(t, s).Sign(r, less, nil, now)
		if err == nil || strings.Contains(err.Error(), "canary") || r.Header.Get("Authorization") != "" {
			t.Errorf("without %s: %v, and the header is %q", missing, err, r.Header.Get("Authorization"))
		}
	}
}

func TestOAuth1SecretIsKey(t *testing.T) {
	s := connectors.Signer{Kind: connectors.SignerOAuth1, Method: "RSA-SHA1"}
	r := message{method: "GET", url: "https://api.example.com/"}.signed(t, newSigner(t, s),
		connectors.Values{"client_id": "key", "client_secret": encoded(t, keys()["rsa"], "pkcs8")})
	if !holds(t, r, "", "", "") {
		t.Errorf("the signature of %v does not hold", r.Header)
	}
}

// Only a form is signed, so that another body may be of any length.
func TestOAuth1Body(t *testing.T) {
	m := message{method: "POST", url: "https://api.example.com/", body: "a=1"}
	for _, test := range []struct {
		kind, method string
		want         error
	}{
		{form, "", sign.ErrBody},
		{form + "; charset=utf-8", "", sign.ErrBody},
		{form, "PLAINTEXT", nil},
		{"application/json", "", nil},
		{"", "", nil},
	} {
		m.header = http.Header{"Content-Type": {test.kind}}
		r := m.request(t)
		if err := newSigner(t, oauth1(t, test.method)).Sign(r, oauthValues, nil, now); !errors.Is(err, test.want) {
			t.Errorf("%q %s: got %v, want %v", test.kind, test.method, err, test.want)
		}
	}
}

func TestOAuth1Refuses(t *testing.T) {
	without := func(name string) connectors.Values {
		values := connectors.Values{}
		for n, value := range oauthValues {
			values[n] = value
		}
		delete(values, name)
		return values
	}
	const target = "https://api.example.com/"
	for _, test := range []struct {
		name, method, url, body string
		values                  connectors.Values
		want                    error
		text                    string
	}{
		{name: "token in the query", url: target + "?oauth_token=mine", want: sign.ErrOAuthParam},
		{name: "token in the form", body: "a=1&oauth_token=mine", want: sign.ErrOAuthParam},
		{name: "hidden token", url: target + "?o%61uth_token=mine", want: sign.ErrOAuthParam},
		{name: "PLAINTEXT too", method: "PLAINTEXT", url: target + "?oauth_token=mine", want: sign.ErrOAuthParam},
		{name: "semicolon in the query", url: target + "?a=1;b=2", want: sign.ErrQuery},
		{name: "bad escape in the form", body: "a=%zz", want: sign.ErrQuery},
		{name: "no client", values: without("client_id"), text: "signing the request: no value for {client_id}"},
		{name: "no secret", values: without("client_secret"), text: "signing the request: no value for {client_secret}"},
		{name: "no token secret", values: without("token.secret"), text: "signing the request: no value for {token.secret}"},
		{name: "RSA without its key", method: "RSA-SHA1", text: "signing the request: key: no value for {app.key}"},
		{
			name: "RSA with another key", method: "RSA-SHA1", text: "signing the request: key: is not an RSA private key",
			values: connectors.Values{"client_id": "key", "app.key": encoded(t, keys()["p256"], "sec1")},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.url == "" {
				test.url = target
			}
			if test.values == nil {
				test.values = oauthValues
			}
			r := message{method: "POST", url: test.url, body: test.body, header: http.Header{"Content-Type": {form}}}.request(t)
			err := newSigner(t, oauth1(t, test.method)).Sign(r, test.values, []byte(test.body), now)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || test.text != "" && err.Error() != test.text {
				t.Fatalf("got %v, want %v%s", err, test.want, test.text)
			}
			if len(r.Header) != 1 || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "mine") {
				t.Errorf("got %v and %v", r.Header, err)
			}
		})
	}
}
