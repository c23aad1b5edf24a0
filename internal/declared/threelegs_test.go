package declared_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const legs = `
schema: 1
name: legs
title: Legs
mode: oauth1
authorize:
  request_url: https://login.legs.example.com/request?v=1
  url: https://login.legs.example.com/authorize
  params: {expiration: never}
  scope: {none: true}
token: {url: https://login.legs.example.com/access, headers: {X-App: "1"}}
signer: {kind: oauth1}
api: {base_url: https://api.legs.example.com}
`

// leg is a signed message that is being written.
type leg struct {
	message
	// params are those of the header, and key what signs them: the client's secret, and that of the token.
	params      map[string]string
	key, secret string
}

func (d *desk) leg(url string, more map[string]string) *leg {
	l := &leg{
		message: message{method: "POST", url: url, header: http.Header{"X-App": {"1"}}}, key: d.client.ClientSecret,
		params: map[string]string{
			"oauth_consumer_key": d.client.ClientID, "oauth_nonce": strconv.FormatInt(time.Now().UnixNano(), 36), "oauth_version": "1.0",
			"oauth_timestamp": strconv.FormatInt(time.Now().Unix(), 10), "oauth_signature_method": "HMAC-SHA1",
		},
	}
	for name, value := range more {
		l.params[name] = value
	}
	return l
}

// signed is the message with its signature.
func (l *leg) signed() message {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs, fields []string
	for name, value := range l.params {
		pairs = append(pairs, escape(name)+"="+escape(value))
		fields = append(fields, name+`="`+escape(value)+`"`)
	}
	to, query, _ := strings.Cut(l.url, "?")
	if query != "" {
		pairs = append(pairs, query)
	}
	for _, more := range []url.Values{l.query, l.form} {
		for name := range more {
			pairs = append(pairs, name+"="+more.Get(name))
		}
	}
	slices.Sort(pairs)
	mac := hmac.New(sha1.New, []byte(escape(l.key)+"&"+escape(l.secret)))
	fmt.Fprint(mac, l.method+"&"+escape(to)+"&"+escape(strings.Join(pairs, "&")))
	fields = append(fields, `oauth_signature="`+escape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))+`"`)
	m := l.message
	m.header = m.header.Clone()
	m.header.Set("Authorization", "OAuth "+strings.Join(fields, ", "))
	return m
}

// temporary is the call for temporary credentials.
func (d *desk) temporary() *leg {
	return d.leg("https://login.legs.example.com/request?v=1", map[string]string{
		"oauth_callback": d.client.RedirectURI + "?state=" + strings.Repeat("s", 43),
	})
}

// access is the call for a token after a consent.
func (d *desk) access() *leg {
	d.Helper()
	resp, text := d.says(d.temporary().signed())
	if resp == nil {
		d.Fatal(text)
	}
	given, err := url.ParseQuery(text)
	if err != nil || given.Get("oauth_callback_confirmed") != "true" {
		d.Fatalf("the temporary credentials are %q", text)
	}
	resp, text = d.says(message{method: "GET", url: "https://login.legs.example.com/authorize", query: url.Values{
		"oauth_token": {given.Get("oauth_token")}, "expiration": {"never"},
	}})
	if resp == nil {
		d.Fatal(text)
	}
	back, err := resp.Location()
	if err != nil || back.Query().Get("oauth_token") != given.Get("oauth_token") || back.Query().Get("state") == "" {
		d.Fatalf("the browser is sent to %s", back)
	}
	l := d.leg("https://login.legs.example.com/access", map[string]string{
		"oauth_token": given.Get("oauth_token"), "oauth_verifier": back.Query().Get("oauth_verifier"),
	})
	l.secret = given.Get("oauth_token_secret")
	return l
}

// strictly sends a leg after each change; only the one without any is taken.
func strictly(t *testing.T, first func(*desk) *leg, changes map[string]func(*leg)) {
	t.Helper()
	both := map[string]func(*leg){
		"as declared": nil, "other client": func(l *leg) { l.params["oauth_consumer_key"] = "other" },
		"other method":      func(l *leg) { l.params["oauth_signature_method"] = "PLAINTEXT" },
		"other secret":      func(l *leg) { l.key += "x" },
		"other token":       func(l *leg) { l.secret += "x" },
		"unknown parameter": func(l *leg) { l.params["oauth_other"] = "x" },
		"old":               func(l *leg) { l.params["oauth_timestamp"] = "1000000000" },
		"no nonce":          func(l *leg) { delete(l.params, "oauth_nonce") },
		"field":             func(l *leg) { l.form = url.Values{"a": {"b"}} },
		"parameter":         func(l *leg) { l.query = url.Values{"a": {"b"}} },
		"no header":         func(l *leg) { l.header.Del("X-App") },
		"other header":      func(l *leg) { l.header.Set("X-Other", "1") },
		"GET":               func(l *leg) { l.method = "GET" },
	}
	for name, change := range changes {
		both[name] = change
	}
	for name, change := range both {
		d := open(t, legs)
		l := first(d)
		if change != nil {
			change(l)
		}
		resp, text := d.says(l.signed())
		if taken := resp != nil; taken != (change == nil) {
			t.Errorf("%s: taken is %t (%s)", name, taken, text)
		}
	}
}

func TestTemporaryIsStrict(t *testing.T) {
	strictly(t, (*desk).temporary, map[string]func(*leg){
		"no callback":            func(l *leg) { delete(l.params, "oauth_callback") },
		"callback without state": func(l *leg) { l.params["oauth_callback"], _, _ = strings.Cut(l.params["oauth_callback"], "?") },
		"short state": func(l *leg) {
			l.params["oauth_callback"] = l.params["oauth_callback"][:len(l.params["oauth_callback"])-20]
		},
		"other callback":       func(l *leg) { l.params["oauth_callback"] = "https://evil.example.com?state=" + strings.Repeat("s", 43) },
		"more in the callback": func(l *leg) { l.params["oauth_callback"] += "&a=b" },
		"a token":              func(l *leg) { l.params["oauth_token"] = "x" },
		"without its own":      func(l *leg) { l.url, _, _ = strings.Cut(l.url, "?") },
	})
}

func TestAccessIsStrict(t *testing.T) {
	strictly(t, (*desk).access, map[string]func(*leg){
		"no verifier":    func(l *leg) { delete(l.params, "oauth_verifier") },
		"other verifier": func(l *leg) { l.params["oauth_verifier"] = "other" },
		"no token":       func(l *leg) { delete(l.params, "oauth_token") },
		"a wrong token":  func(l *leg) { l.params["oauth_token"] = "other" },
		"a callback":     func(l *leg) { l.params["oauth_callback"] = "https://example.com" },
	})
	d := open(t, legs)
	l := d.access()
	if resp, text := d.says(l.signed()); resp == nil {
		t.Fatal(text)
	}
	l.params["oauth_nonce"] += "x"
	if resp, _ := d.says(l.signed()); resp != nil {
		t.Error("temporary credentials are good twice")
	}
	m := d.temporary().signed()
	if resp, text := d.says(m); resp == nil {
		t.Fatal(text)
	}
	if resp, _ := d.says(m); resp != nil {
		t.Error("a nonce is good twice")
	}
}

// Nobody gets a token for a consent that was not given, and a page takes a token once.
func TestConsentTemporaryIsStrict(t *testing.T) {
	d := open(t, legs)
	_, text := d.says(d.temporary().signed())
	given, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	early := d.leg("https://login.legs.example.com/access", map[string]string{"oauth_token": given.Get("oauth_token"), "oauth_verifier": ""})
	early.secret = given.Get("oauth_token_secret")
	if resp, _ := d.says(early.signed()); resp != nil {
		t.Error("there is a token before the consent")
	}
	for _, query := range []url.Values{
		{"expiration": {"never"}},
		{"oauth_token": {given.Get("oauth_token")}},
		{"oauth_token": {"other"}, "expiration": {"never"}},
		{"oauth_token": {given.Get("oauth_token")}, "expiration": {"never"}, "oauth_callback": {"https://evil.example.com"}},
	} {
		if resp, _ := d.says(message{method: "GET", url: "https://login.legs.example.com/authorize", query: query}); resp != nil {
			t.Errorf("the page takes %v", query)
		}
	}
	good := message{method: "GET", url: "https://login.legs.example.com/authorize", query: url.Values{"oauth_token": {given.Get("oauth_token")}, "expiration": {"never"}}}
	if resp, text := d.says(good); resp == nil {
		t.Error(text)
	}
	if resp, _ := d.says(good); resp != nil {
		t.Error("the page takes a token twice")
	}
}
