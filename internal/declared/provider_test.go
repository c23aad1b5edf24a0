package declared_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/declared"
	"github.com/claviger-proxy/claviger/internal/oauth"
)

const (
	// strict is a connector with a little of everything.
	strict = `
schema: 1
name: strict
title: Strict
authorize:
  url: https://login.strict.example.com/authorize?tenant=a
  params: {prompt: login}
  scope: {separator: ",", default: [one, two]}
token:
  url: https://login.strict.example.com/token
  client_auth: basic
  headers: {X-Version: "1"}
refresh: {rotates: always}
api:
  base_url: https://api.strict.example.com/v1
  headers: {X-Api: "2"}
`
	verifier  = "0123456789012345678901234567890123456789abc"
	challenge = "DksyTyvjKJMTgEpPXzLiaCJ1P325hYFdr6STK5uo-WM"
)

// desk is a provider, and one who talks to it by hand.
type desk struct {
	*testing.T
	*declared.Provider
	client declared.Registration
}

func open(t *testing.T, yaml string) *desk {
	t.Helper()
	c, err := connectors.Decode("strict.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	client, err := declared.Register(c, callback+"/work")
	if err != nil {
		t.Fatal(err)
	}
	p, err := declared.New(c, client, declared.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t, p, client}
}

// message is a request that is being written.
type message struct {
	method, url string
	query, form url.Values
	header      http.Header
	body        string
}

// says sends a message and returns the answer, nil if it was a violation.
func (d *desk) says(m message) (*http.Response, string) {
	d.Helper()
	body := m.body
	if m.form != nil {
		body = m.form.Encode()
	}
	to := m.url
	if len(m.query) > 0 {
		to += "?" + m.query.Encode()
	}
	r := httptest.NewRequestWithContext(d.Context(), m.method, to, strings.NewReader(body))
	r.Header = m.header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if m.form != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	before := len(d.Violations())
	resp, err := d.RoundTrip(r)
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	if len(d.Violations()) > before {
		return nil, d.Violations()[before].String()
	}
	return resp, string(text)
}

// consent is the message that opens the consent page.
func (d *desk) consent() message {
	return message{method: "GET", url: "https://login.strict.example.com/authorize", query: url.Values{
		"tenant": {"a"}, "response_type": {"code"}, "client_id": {d.client.ClientID}, "redirect_uri": {d.client.RedirectURI},
		"scope": {"two,one"}, "state": {"state-1"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}, "prompt": {"login"},
	}}
}

// exchange is the message that brings a code.
func (d *desk) exchange() message {
	resp, text := d.says(d.consent())
	if resp == nil {
		d.Fatal(text)
	}
	back, err := resp.Location()
	if err != nil {
		d.Fatal(err)
	}
	basic := url.QueryEscape(d.client.ClientID) + ":" + url.QueryEscape(d.client.ClientSecret)
	return message{
		method: "POST", url: "https://login.strict.example.com/token",
		form: url.Values{
			"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {d.client.RedirectURI}, "code_verifier": {verifier},
		},
		header: http.Header{"X-Version": {"1"}, "Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(basic))}},
	}
}

// request is a request to the API with the token that was given last.
func (d *desk) request() message {
	given, _ := d.Issued()
	return message{
		method: "GET", url: "https://api.strict.example.com/v1/things", query: url.Values{},
		header: http.Header{"Authorization": {"Bearer " + given.Access}, "X-Api": {"2"}},
	}
}

func TestConsentIsStrict(t *testing.T) {
	for name, change := range map[string]func(*message){
		"as declared":        nil,
		"unknown parameter":  func(m *message) { m.query.Set("other", "1") },
		"parameter twice":    func(m *message) { m.query.Add("prompt", "login") },
		"no parameter":       func(m *message) { m.query.Del("prompt") },
		"other parameter":    func(m *message) { m.query.Set("prompt", "none") },
		"without its own":    func(m *message) { m.query.Del("tenant") },
		"no response type":   func(m *message) { m.query.Del("response_type") },
		"other client":       func(m *message) { m.query.Set("client_id", "other") },
		"other redirect URI": func(m *message) { m.query.Set("redirect_uri", callback) },
		"no state":           func(m *message) { m.query.Del("state") },
		"less scopes":        func(m *message) { m.query.Set("scope", "one") },
		"other separator":    func(m *message) { m.query.Set("scope", "one two") },
		"no PKCE":            func(m *message) { m.query.Del("code_challenge"); m.query.Del("code_challenge_method") },
		"plain PKCE":         func(m *message) { m.query.Set("code_challenge_method", "plain") },
		"secret":             func(m *message) { m.query.Set("client_secret", "secret") },
		"POST":               func(m *message) { m.method = "POST" },
		"other path":         func(m *message) { m.url += "/v2" },
		"other host":         func(m *message) { m.url = strings.Replace(m.url, "login.", "logon.", 1) },
		"http":               func(m *message) { m.url = strings.Replace(m.url, "https", "http", 1) },
	} {
		d := open(t, strict)
		m := d.consent()
		refuses(d, name, m, change)
	}
}

// refuses checks that a message is refused after a change, and taken without one.
func refuses(d *desk, name string, m message, change func(*message)) {
	d.Helper()
	if change != nil {
		change(&m)
	}
	resp, text := d.says(m)
	if taken := resp != nil; taken != (change == nil) {
		d.Errorf("%s: taken is %t (%s)", name, taken, text)
	}
}

// A provider that takes public redirect URIs only has no consent page for others.
func TestPublicRedirect(t *testing.T) {
	for yaml, taken := range map[string]string{
		strict:                                "https://a.example.com/cb http://a.example.com/cb http://localhost:80/cb https://127.0.0.1/cb",
		strict + "callback: {local: true}\n":  "https://a.example.com/cb http://a.example.com/cb http://localhost:80/cb https://127.0.0.1/cb",
		strict + "callback: {local: false}\n": "https://a.example.com/cb",
	} {
		for _, uri := range []string{"https://a.example.com/cb", "http://a.example.com/cb", "http://localhost:80/cb", "https://127.0.0.1/cb"} {
			c, err := connectors.Decode("strict.yaml", []byte(yaml))
			if err != nil {
				t.Fatal(err)
			}
			client, err := declared.Register(c, uri)
			if err != nil {
				t.Fatal(err)
			}
			p, err := declared.New(c, client, declared.Options{})
			if err != nil {
				t.Fatal(err)
			}
			d := &desk{t, p, client}
			resp, text := d.says(d.consent())
			if want := slices.Contains(strings.Fields(taken), uri); (resp != nil) != want || resp == nil && !strings.Contains(text, "no public name") {
				t.Errorf("%s with %q is taken: %t (%s)", uri, yaml[len(strict):], resp != nil, text)
			}
		}
	}
}

func TestExchangeIsStrict(t *testing.T) {
	for name, change := range map[string]func(*message){
		"as declared":        nil,
		"unknown field":      func(m *message) { m.form.Set("scope", "one") },
		"field twice":        func(m *message) { m.form.Add("grant_type", "authorization_code") },
		"no grant type":      func(m *message) { m.form.Del("grant_type") },
		"other grant type":   func(m *message) { m.form.Set("grant_type", "refresh_token") },
		"other code":         func(m *message) { m.form.Set("code", "other") },
		"other redirect URI": func(m *message) { m.form.Set("redirect_uri", callback) },
		"no verifier":        func(m *message) { m.form.Del("code_verifier") },
		"other verifier":     func(m *message) { m.form.Set("code_verifier", verifier+"x") },
		"no client":          func(m *message) { m.header.Del("Authorization") },
		"client in body":     func(m *message) { m.form.Set("client_id", "client-strict+/1") },
		"client as it is": func(m *message) {
			m.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("client-strict+/1:client-secret-of-strict:+/=%25&")))
		},
		"no header":      func(m *message) { m.header.Del("X-Version") },
		"other header":   func(m *message) { m.header.Set("X-Version", "2") },
		"unknown header": func(m *message) { m.header.Set("X-Other", "2") },
		"JSON":           func(m *message) { m.header.Set("Content-Type", "application/json") },
		"in the URL":     func(m *message) { m.query, m.form = m.form, url.Values{} },
		"GET":            func(m *message) { m.method = "GET" },
	} {
		d := open(t, strict)
		refuses(d, name, d.exchange(), change)
	}
	d := open(t, strict)
	m := d.exchange()
	refuses(d, "code", m, nil)
	refuses(d, "code once more", m, func(*message) {})
	if resp, _ := d.says(d.request()); resp == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after a code was used twice its token gets %v, want 401", resp)
	}
}

func TestAPIIsStrict(t *testing.T) {
	given := func(m *message) string { return strings.TrimPrefix(m.header.Get("Authorization"), "Bearer ") }
	for name, change := range map[string]func(*message){
		"as declared":      nil,
		"no token":         func(m *message) { m.header.Del("Authorization") },
		"other token":      func(m *message) { m.header.Set("Authorization", "Bearer other") },
		"other scheme":     func(m *message) { m.header.Set("Authorization", "Token "+given(m)) },
		"token twice":      func(m *message) { m.header.Add("Authorization", "Bearer other") },
		"token in query":   func(m *message) { m.query.Set("q", given(m)) },
		"a token in query": func(m *message) { m.query.Set("access_token", "other") },
		"token in body":    func(m *message) { m.method, m.body = "POST", `{"t":"`+given(m)+`"}` },
		"token in header":  func(m *message) { m.header.Set("User-Agent", given(m)) },
		"cookie":           func(m *message) { m.header.Set("Cookie", "a=b") },
		"unknown header":   func(m *message) { m.header.Set("X-Api-Key", "other") },
		"no header":        func(m *message) { m.header.Del("X-Api") },
		"other header":     func(m *message) { m.header.Set("X-Api", "3") },
		"beside the base":  func(m *message) { m.url = strings.Replace(m.url, "/v1/", "/v10/", 1) },
		"other host":       func(m *message) { m.url = strings.Replace(m.url, "api.", "apis.", 1) },
	} {
		d := open(t, strict)
		refuses(d, name, d.exchange(), nil)
		refuses(d, name, d.request(), change)
	}
}

// The API demands the certificate, by TLS, and no other one.
func TestAPIWantsCertificate(t *testing.T) {
	const yaml = `
schema: 1
name: certificate
title: Certificate
mode: static
account: [{name: cert, secret: true, multiline: true}, {name: key, secret: true, multiline: true}]
client_cert: {cert: "{account.cert}", key: "{account.key}"}
api: {base_url: "https://api.strict.example.com"}
`
	get := func(t *testing.T, d *desk, present bool) {
		t.Helper()
		base := declared.Secure(d.Provider)
		if present {
			var err error
			if base, err = oauth.Presenting(base, d.client.Account["cert"], d.client.Account["key"]); err != nil {
				t.Fatal(err)
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.strict.example.com/me", nil)
		r.RequestURI = ""
		resp, err := base.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	one := open(t, yaml)
	if get(t, one, true); len(one.Violations()) != 0 {
		t.Errorf("with the certificate: %v", one.Violations())
	}
	if get(t, one, false); len(one.Violations()) != 1 || !strings.Contains(one.Violations()[0].Why, "presents no certificate") {
		t.Errorf("without a certificate: %v", one.Violations())
	}
	none := open(t, strings.Replace(yaml, "mode: static", "inject: [{in: header, name: X-Key, template: \"{account.key}\"}]\nmode: static", 1))
	none.says(message{method: http.MethodGet, url: "https://api.strict.example.com/me", header: http.Header{"X-Key": {"key"}}})
	if wrong := none.Violations(); len(wrong) != 1 || !strings.Contains(wrong[0].Why, "presents no certificate") {
		t.Errorf("without TLS: %v", wrong)
	}
	plain := open(t, strings.Replace(yaml, `client_cert: {cert: "{account.cert}", key: "{account.key}"}`, `inject: [{in: header, name: X-Key, template: "{account.key}"}]`, 1))
	plain.client = one.client
	if get(t, plain, true); len(plain.Violations()) != 1 || !strings.Contains(plain.Violations()[0].Why, "presents a certificate") {
		t.Errorf("where none is declared: %v", plain.Violations())
	}
}

func TestRefreshTokenOnce(t *testing.T) {
	d := open(t, strict)
	m := d.exchange()
	refuses(d, "exchange", m, nil)
	first, _ := d.Issued()
	m.form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}}
	refuses(d, "refresh", m, nil)
	second, _ := d.Issued()
	if second.Access == first.Access || second.Refresh == first.Refresh {
		t.Fatalf("after a refresh there is %+v, before there was %+v", second, first)
	}
	refuses(d, "refresh once more", m, func(*message) {})
	m.form.Set("refresh_token", second.Refresh)
	if resp, text := d.says(m); resp == nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, "invalid_grant") {
		t.Errorf("the grant lives on although a refresh token was used twice: %s", text)
	}
}

// The first vector of the AWS Signature Version 4 test suite, get-vanilla.
func TestSigV4Vector(t *testing.T) {
	c, err := connectors.Decode("aws.yaml", []byte(`
schema: 1
name: aws
title: AWS
mode: static
account: [{name: secret, secret: true}]
signer: {kind: sigv4, key: "{account.secret}", key_id: AKIDEXAMPLE, service: service, region: us-east-1}
api: {base_url: https://example.amazonaws.com}
`))
	if err != nil {
		t.Fatal(err)
	}
	const signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	for _, test := range []struct {
		signature, secret string
		good              bool
	}{
		{signature, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", true},
		{signature, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ", false},
		{strings.Replace(signature, "5", "6", 1), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", false},
	} {
		p, err := declared.New(c, declared.Registration{Account: map[string]string{"secret": test.secret}}, declared.Options{
			Now: func() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) },
		})
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{t, p, declared.Registration{}}
		resp, text := d.says(message{method: "GET", url: "https://example.amazonaws.com/", header: http.Header{
			"X-Amz-Date": {"20150830T123600Z"},
			"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
				"SignedHeaders=host;x-amz-date, Signature=" + test.signature},
		}})
		if (resp != nil) != test.good {
			t.Errorf("%+v is taken: %t (%s)", test, resp != nil, text)
		}
	}
}

// Behind a server the provider answers for the host that a request names.
func TestServeHTTP(t *testing.T) {
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	demo, _ := catalog.Lookup("demo")
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	p, err := declared.New(demo, declared.Registration{ClientID: "a", ClientSecret: "b", App: map[string]string{"port": port}}, declared.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = p
	server.Start()
	t.Cleanup(server.Close)
	resp, err := http.Get(server.URL + "/api/me")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if wrong := p.Violations(); resp.StatusCode != http.StatusTeapot || len(wrong) != 1 || !strings.Contains(wrong[0].Why, "Authorization") {
		t.Errorf("without a token the answer is %d, with the violations %v", resp.StatusCode, wrong)
	}
}

func TestRegisterMakesUpInputs(t *testing.T) {
	for _, input := range []string{
		`pattern: "[0-9]{4}-[A-Z]{3}"`, `pattern: "(?i)[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}"`, `pattern: "[a-z0-9.-]+[.]atlassian[.]net"`,
		`pattern: "https?://[a-z]+[.]example[.]com/?"`, `pattern: "(eu|us|ap)[0-9]?"`, `pattern: "sk_(live|test)_.{20,}", secret: true`,
		`enum: [one, two]`, `secret: true`, `pattern: "[^/]+", normalize: [trim]`, `pattern: "[a-z]+", prefix: "https://", suffix: .example.com`,
	} {
		yaml := "schema: 1\nname: made\ntitle: Made\nmode: static\naccount: [{name: value, " + input + "}]\n" +
			"inject: [{in: header, name: X-Value, template: \"{account.value}\"}]\napi: {base_url: https://made.example.com}\n"
		c, err := connectors.Decode("made.yaml", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		r, err := declared.Register(c, callback)
		if err != nil {
			t.Errorf("%s: %v", input, err)
			continue
		}
		if _, err := c.AccountValues(r.Account); err != nil || r.Account["value"] == "" {
			t.Errorf("%s: %q, %v", input, r.Account["value"], err)
		}
	}
}
