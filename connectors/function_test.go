package connectors_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// noon is the time that the tests of functions are in.
var noon = time.Date(2026, 3, 1, 12, 0, 5, 678e6, time.FixedZone("", 3600))

func TestFunctions(t *testing.T) {
	values := connectors.Values{
		"app.a": "Ab", "app.b": "c d&e", "captured.url": "https://NA1.Example.COM:443/x",
		"token": "x." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"u-1","org":{"id":7},"list":[1]}`)) + ".y",
	}
	tests := []struct{ text, want string }{
		{`{b64(app.a)}`, "QWI="},
		{`{b64(app.a, ":", app.b)}`, "QWI6YyBkJmU="},
		{`{b64url("??>", app.a)}`, "Pz8-QWI"},
		{`{hex(app.a)}`, "4162"},
		{`{urlencode(app.b)}`, "c+d%26e"},
		{`{lower(app.a)}{upper(app.a, "x")}`, "abABX"},
		{`{hex(md5(app.a))}`, "0e4c46df226b9c0cb391311c54f28efe"},
		{`{hex(sha1(app.a))}`, "1f43cf7be94816f2a2c7cc9ac8a65b1a4db8e65d"},
		{`{hex(sha256("abc"))}`, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{`{b64(sha512(""))}`, "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="},
		{`{hex(hmac256("key", "The quick brown fox ", "jumps over the lazy dog"))}`, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"},
		{`{join(", ", app.a, "x", app.a)}`, "Ab, x, Ab"},
		{`{upper(replace(app.b, " d", "-D_"))}{replace(app.a, "b", "")}`, "C-D_&EA"},
		{`{host(captured.url)}`, "na1.example.com"},
		{`{host("http://a.test:8080/x?y")}`, "a.test:8080"},
		{`{host("a.test")}`, "a.test"},
		{`{host("https://u@a.test")}`, "https://u@a.test"},
		{`{path("https://a.test/x/y%2Fz/?q#f")}{path("https://a.test")}`, "x/y%2Fz"},
		{`{jwt_claim(token, "sub")}/{jwt_claim(token, "org.id")}`, "u-1/7"},
		{`{now("unix")} {now("unix_ms")}`, "1772362805 1772362805678"},
		{`{now("rfc3339")} {now("date")}`, "2026-03-01T11:00:05Z 2026-03-01"},
		{`{now("http")} {now("basic")}`, "Sun, 01 Mar 2026 11:00:05 GMT 20260301T110005Z"},
		{`{b64(hex(sha1(lower(upper(b64url(join("", app.a)))))))}`, "N2FhYjY2N2YzNTEwYjdlZjA1OGJjYTYwNDA1ZTZiODMzNGNkZGU3Nw=="},
		{`a{b64("}")}b`, "afQ==b"},
		{`{b64("{token}")}{{`, "e3Rva2VufQ=={"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			tmpl := parse(t, tt.text)
			got, err := tmpl.ExpandAt(values, noon)
			if err != nil || got != tt.want {
				t.Errorf("ExpandAt = %q, %v; want %q", got, err, tt.want)
			}
			if again := parse(t, tmpl.String()); !again.Equal(tmpl) {
				t.Errorf("parsed again it is %q", again)
			}
		})
	}
}

func TestRandomFunctions(t *testing.T) {
	for text, form := range map[string]string{
		`{random("1")}`:  `^[\w-]{2}$`,
		`{random("64")}`: `^[\w-]{86}$`,
		`{uuid()}`:       `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
	} {
		seen := map[string]bool{}
		for range 20 {
			got, err := parse(t, text).Expand(nil)
			if err != nil || !regexp.MustCompile(form).MatchString(got) {
				t.Fatalf("%s gives %q, %v; want it like %s", text, got, err, form)
			}
			seen[got] = true
		}
		if len(seen) < 2 {
			t.Errorf("%s gives the same each time", text)
		}
	}
}

// What a value has in it is text, whatever it looks like.
func TestValuesAreNotEvaluated(t *testing.T) {
	values := connectors.Values{"app.a": `{token}{{b64("x")}}`, "token": "s3cret"}
	for text, want := range map[string]string{
		"{app.a}":                  `{token}{{b64("x")}}`,
		"{{app.a}}":                "{app.a}",
		"{lower(app.a)}":           `{token}{{b64("x")}}`,
		`{join("{token}", app.a)}`: `{token}{{b64("x")}}`,
	} {
		if got, err := parse(t, text).Expand(values); err != nil || got != want {
			t.Errorf("Expand(%s) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestFunctionsWithoutValue(t *testing.T) {
	for _, text := range []string{
		"{b64(token)}", `{b64("x", app.a)}`, `{hex(sha256("x", app.a))}`, `{jwt_claim(token, "sub")}`, "{host(captured.url)}",
	} {
		for _, v := range []connectors.Values{nil, {"token": "", "app.a": "", "captured.url": ""}} {
			if got, err := parse(t, text).Expand(v); err == nil || got != "" {
				t.Errorf("Expand(%s) = %q, %v; want an error", text, got, err)
			}
		}
	}
}

// What is no JWT, or has no such claim, is an error that does not show it.
func TestJWTClaimMissing(t *testing.T) {
	jwt := func(body string) string { return "h." + base64.RawURLEncoding.EncodeToString([]byte(body)) + ".s3cret" }
	for _, token := range []string{
		"s3cret", "h.!s3cret.s", "h.s3cret", jwt(`{}`), jwt(`{"a":`), jwt(`{"a":null}`), jwt(`{"a":{"b":1}}`), jwt(`{"a":""}`), jwt(`["a"]`),
		"x." + jwt(`{"a":1}`),
	} {
		got, err := parse(t, `{jwt_claim(token, "a")}`).Expand(connectors.Values{"token": token})
		if err == nil || got != "" || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the claim of %q is %q, %v; want an error without the token", token, got, err)
		}
	}
}

func TestParseFunctionRefused(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{sha3(token)}`, "unknown function sha3; there are b64, b64url, hex, "},
		{`{(token)}`, "unknown function ;"},
		{`{B64(token)}`, "unknown function B64;"},
		{`{b64()}`, "function b64 takes 1 to 16 arguments, not 0"},
		{`{uuid(token)}`, "function uuid takes 0 arguments, not 1"},
		{`{host(token, token)}`, "function host takes 1 arguments, not 2"},
		{`{hmac256(token)}`, "function hmac256 takes 2 to 16 arguments, not 1"},
		{`{join(",")}`, "function join takes 2 to 16 arguments, not 1"},
		{`{b64(` + strings.Repeat("token,", 16) + `token)}`, "function b64 has more than 16 arguments"},
		{"{b64(" + strings.Repeat("b64(", 8) + "token" + strings.Repeat(")", 9) + "}", "functions are nested more than 8 deep"},
		{`{now()}`, "function now takes 1 arguments, not 0"},
		{`{now("iso")}`, `function now: the form is "unix", "unix_ms", "rfc3339", "date", "http" or "basic"`},
		{`{now(app.form)}`, "argument 1 of now must be text in quotes"},
		{`{random("0")}`, `function random: the number of bytes is from "1" to "64"`},
		{`{random("65")}`, `function random: the number of bytes is from "1" to "64"`},
		{`{random("x")}`, `function random: the number of bytes is from "1" to "64"`},
		{`{random(app.n)}`, "argument 1 of random must be text in quotes"},
		{`{jwt_claim(token, "a b")}`, "function jwt_claim: a claim is named by member names separated by dots"},
		{`{jwt_claim(token, app.claim)}`, "argument 2 of jwt_claim must be text in quotes"},
		{`{md5(token)}`, "function md5 gives bytes, not text: put it into hex, b64 or b64url"},
		{`{lower(sha256(token))}`, "function sha256 gives bytes, not text: put it into hex, b64 or b64url"},
		{`{join("", hmac256(token, "x"))}`, "function hmac256 gives bytes, not text: put it into hex, b64 or b64url"},
		{`{b64(token}`, `the arguments of b64 are separated by commas and end with ")"`},
		{`{b64(token`, `"{" without "}"; write "{{" for a single brace`},
		{`{b64(token,)}`, "unknown name {};"},
		{`{b64(,token)}`, "unknown name {};"},
		{`{b64( token)}`, "unknown name { token};"},
		{`{b64(token) }`, `an expression ends with "}" after its name or function`},
		{`{b64(token)x}`, `an expression ends with "}" after its name or function`},
		{`{b64(token)`, `"{" without "}"; write "{{" for a single brace`},
		{`{b64("x)}`, "text in an expression ends with a quote"},
		{`{"x"}`, "text in quotes stands in the arguments of a function only"},
		{`{b64(secret)}`, "unknown name {secret}; allowed are {app.NAME}, "},
		{`{b64(app.A)}`, "unknown name {app.A};"},
		{`{token x}`, "unknown name {token x};"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := connectors.ParseTemplate(tt.text)
			if err == nil || !got.IsZero() || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("ParseTemplate = %q, %v; want the error %q", got, err, tt.want)
			}
		})
	}
	for _, text := range []string{
		"{b64(" + strings.Repeat("token, ", 15) + "token)}", "{b64(" + strings.Repeat("b64(", 7) + "token" + strings.Repeat(")", 8) + "}",
	} {
		if _, err := connectors.ParseTemplate(text); err != nil {
			t.Errorf("ParseTemplate(%q): %v", text, err)
		}
	}
}

// FuzzTemplate: no text trips the parser, and what it reads it reads again; the same values give the same
// text, and an error shows none of them.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		"", "{", "}}", "Bearer {token}", `{b64(app.a, ":", token)}`, `{hex(hmac256(app.a, now("unix")))}`, "{{{token}}}",
		`{jwt_claim(token, "a.b")}`, `{join("}", app.a, "{")}`, `{b64(b64(b64(b64(b64(b64(b64(b64(b64(token)))))))))}`, "{uuid()}", "https://{host(captured.url)}:{app.port}/",
	} {
		f.Add(text, "va{l}ue")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		tmpl, err := connectors.ParseTemplate(text)
		if err != nil {
			if !tmpl.IsZero() {
				t.Fatalf("ParseTemplate(%q) = %q beside an error", text, tmpl)
			}
			return
		}
		again, err := connectors.ParseTemplate(tmpl.String())
		if err != nil || tmpl.String() != text || !again.Equal(tmpl) {
			t.Fatalf("ParseTemplate(%q) = %q, again %q, %v", text, tmpl, again, err)
		}
		value = "s3cret" + value
		values := connectors.Values{}
		for _, name := range tmpl.Names() {
			values[name] = value
		}
		got, err := tmpl.ExpandAt(values, noon)
		if err != nil && (got != "" || strings.Contains(err.Error(), value) && !strings.Contains(text, "s3cret")) {
			t.Fatalf("ExpandAt(%q) = %q, %v", text, got, err)
		}
		if other, _ := again.ExpandAt(values, noon); other != got && !tmpl.Volatile() {
			t.Fatalf("ExpandAt(%q) = %q, then %q", text, got, other)
		}
		for _, name := range tmpl.Names() {
			values[name] = ""
			if got, err := tmpl.ExpandAt(values, noon); err == nil || got != "" {
				t.Fatalf("ExpandAt(%q) without {%s} = %q, %v", text, name, got, err)
			}
			values[name] = value
		}
	})
}
