package sign_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

// kinds are a signer of each kind, with what its account has.
func kinds(t testing.TB) map[string]connectors.Signer {
	parts := hmacSigner(t, "method", "body", "timestamp", "nonce")
	parts.Timestamp, parts.Nonce = "X-Time", "X-Nonce"
	ed := hmacSigner(t, "path")
	ed.Kind, ed.Key = connectors.SignerEd25519, template(t, "{account.ed}")
	return map[string]connectors.Signer{
		"digest": hmacSigner(t, "body_sha256"), "sigv4": sigv4(t), "oauth1": oauth1(t, ""), "rsa": oauth1(t, "RSA-SHA1"), "plaintext": oauth1(t, "PLAINTEXT"),
		"hmac": parts, "ed25519": ed, "wsse": wsse(t, ""),
	}
}

func everyValue(t testing.TB) connectors.Values {
	values := connectors.Values{
		"app.key": encoded(t, keys()["rsa"], "pkcs8"), "account.ed": encoded(t, keys()["ed25519"], "pkcs8"), "account.user": "u", "account.secret": "s",
	}
	for _, more := range []connectors.Values{awsValues, oauthValues} {
		for name, value := range more {
			values[name] = value
		}
	}
	return values
}

// Whatever the caller sent in the place of the signature, the provider gets ours alone.
func TestHeaders(t *testing.T) {
	values := everyValue(t)
	for name, test := range map[string]struct {
		headers []string
		body    bool
	}{
		"sigv4":     {[]string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token"}, true},
		"oauth1":    {[]string{"Authorization"}, true},
		"rsa":       {[]string{"Authorization"}, true},
		"plaintext": {[]string{"Authorization"}, false},
		"hmac":      {[]string{"X-Signature", "X-Time", "X-Nonce"}, true},
		"digest":    {[]string{"X-Signature"}, true},
		"ed25519":   {[]string{"X-Signature"}, false},
		"wsse":      {[]string{"X-WSSE"}, false},
	} {
		signer := newSigner(t, kinds(t)[name])
		if !slices.Equal(signer.Headers(), test.headers) || signer.NeedsBody() != test.body {
			t.Errorf("%s: got %v and %t, want %v and %t", name, signer.Headers(), signer.NeedsBody(), test.headers, test.body)
		}
		signer.Headers()[0] = "changed"
		if signer.Headers()[0] != test.headers[0] {
			t.Errorf("%s: the headers can be changed from outside", name)
		}
		m := message{method: "GET", url: "https://api.example.com/", header: http.Header{"Accept": {"*/*"}}}
		for _, header := range test.headers {
			m.header.Set(header, "mine")
			m.header.Add(header, "mine")
		}
		r := m.signed(t, signer, values)
		if len(r.Header) != len(test.headers)+1 {
			t.Errorf("%s: got %v", name, r.Header)
		}
		for _, header := range test.headers {
			if got := r.Header.Values(header); len(got) != 1 || strings.Contains(got[0], "mine") {
				t.Errorf("%s: got %s %q", name, header, got)
			}
		}
	}
}

// A body that is elsewhere has to be given all the same.
func TestBodyElsewhere(t *testing.T) {
	signer := newSigner(t, hmacSigner(t, "body"))
	for _, length := range []int64{-1, 5} {
		r := message{method: "POST", url: "https://api.example.com/"}.request(t)
		r.ContentLength = length
		if err := signer.Sign(r, connectors.Values{"account.key": "k"}, nil, now); !errors.Is(err, sign.ErrBody) {
			t.Errorf("length %d: got %v, want %v", length, err, sign.ErrBody)
		}
	}
	r := message{method: "POST", url: "https://api.example.com/"}.request(t)
	r.Body = http.NoBody
	if err := signer.Sign(r, connectors.Values{"account.key": "k"}, nil, now); err != nil {
		t.Error(err)
	}
}

func TestNoHeaderMap(t *testing.T) {
	values := everyValue(t)
	for name, s := range kinds(t) {
		r := message{method: "GET", url: "https://api.example.com/"}.request(t)
		r.Header = nil
		if err := newSigner(t, s).Sign(r, values, nil, now); err != nil || len(r.Header) == 0 {
			t.Errorf("%s: got %v and %v", name, r.Header, err)
		}
	}
}

func TestTogether(t *testing.T) {
	values := everyValue(t)
	for _, s := range kinds(t) {
		signer := newSigner(t, s)
		m := message{method: "POST", url: "https://api.example.com/?a=1+2", body: "a=1", header: http.Header{"Content-Type": {form}}}
		shared := m.request(t)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 5 {
					r := *shared // as a private copy is made: the URL is shared
					r.Header = shared.Header.Clone()
					if err := signer.Sign(&r, values, []byte(m.body), now); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if shared.URL.String() != m.url || len(shared.Header) != 1 {
			t.Errorf("the shared request became %s %v", shared.URL, shared.Header)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	with := func(change func(*connectors.Signer), parts ...string) connectors.Signer {
		s := hmacSigner(t, append([]string{"method"}, parts...)...)
		change(&s)
		return s
	}
	for _, test := range []struct {
		name string
		s    connectors.Signer
		want string
	}{
		{"kind", connectors.Signer{Kind: "jwt"}, "signer jwt: unknown kind"},
		{"method", connectors.Signer{Kind: connectors.SignerOAuth1, Method: "HMAC-MD5"}, "signer oauth1: unknown method"},
		{"encoding of WSSE", wsse(t, "base32"), "signer wsse: unknown encoding"},
		{"hash", with(func(s *connectors.Signer) { s.Hash = "md5" }), "signer hmac: unknown hash"},
		{"hash of Ed25519", with(func(s *connectors.Signer) { s.Kind, s.Hash = connectors.SignerEd25519, "sha512" }), "signer ed25519: ed25519 takes no hash"},
		{"encoding", with(func(s *connectors.Signer) { s.Encoding = "base32" }), "signer hmac: unknown encoding"},
		{"header", with(func(s *connectors.Signer) { s.Header = "" }), "signer hmac: there is no header for the signature"},
		{"parts", with(func(s *connectors.Signer) { s.Parts = nil }), "signer hmac: there are no parts to sign"},
		{"part", with(func(*connectors.Signer) {}, "cookie"), `signer hmac: unknown part "cookie"`},
		{"template", with(func(s *connectors.Signer) { s.Template = "x" }), "signer hmac: the template has no {signature}"},
		{"name in the template", with(func(s *connectors.Signer) { s.Template = "{signature}{token}" }), "signer hmac: the template has {token}; there are {signature}, {key_id}, {timestamp}, {nonce}"},
		{"timestamp", with(func(*connectors.Signer) {}, "timestamp"), "signer hmac: the timestamp is signed but not sent"},
		{"nonce", with(func(*connectors.Signer) {}, "nonce"), "signer hmac: the nonce is signed but not sent"},
		{"key ID", with(func(*connectors.Signer) {}, "key_id"), "signer hmac: there is no key_id"},
		{"key ID in the template", with(func(s *connectors.Signer) { s.Template = "{key_id} {signature}" }), "signer hmac: there is no key_id"},
		{"one header twice", with(func(s *connectors.Signer) { s.Nonce = "x-signature" }), "signer hmac: the signature, the timestamp and the nonce need a header each"},
		{
			"form of the time", with(func(s *connectors.Signer) { s.TimestampAs = "julian" }),
			`signer hmac: function now: the form is "unix", "unix_ms", "rfc3339", "date", "http" or "basic"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			signer, err := sign.New(&test.s)
			if err == nil || signer != nil || err.Error() != test.want {
				t.Errorf("got %v and %v, want %q alone", signer, err, test.want)
			}
		})
	}
	// In the template, the time and the nonce are sent as well.
	if _, err := sign.New(&connectors.Signer{
		Kind: connectors.SignerHMAC, Parts: []string{"timestamp", "nonce"}, Header: "X-Signature", Template: "t={timestamp},n={nonce},s={signature}",
	}); err != nil {
		t.Error(err)
	}
}
