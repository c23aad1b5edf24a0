package oauth_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
)

// M-07: a lifetime is between now and a year, and one that is not there is the connector's.
func TestLifetimes(t *testing.T) {
	const year = 365 * 24 * time.Hour
	tests := []struct {
		value string
		want  time.Duration // -1: no expiry
	}{
		{`0`, 0},
		{`-1`, 0},
		{`-1e999`, 0},
		{`1e18`, year},
		{`1e999`, year},
		{`99999999999999999999999999`, year},
		{`3600`, time.Hour},
		{`"3600"`, time.Hour},
		{`" 3600 "`, time.Hour},
		{`3600.5`, time.Hour + 500*time.Millisecond},
		{`"3600.5"`, time.Hour + 500*time.Millisecond},
		{`null`, -1},
		{`""`, -1},
		{`"NaN"`, -1},
		{`"soon"`, -1},
		{`true`, -1},
		{`{}`, -1},
	}
	for _, ttl := range []time.Duration{0, 30 * time.Minute} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s with default %s", test.value, ttl), func(t *testing.T) {
				c := plain(func(c *connectors.Connector) { c.Token.DefaultTTL = connectors.Duration(ttl) })
				app := at(t, c, says(t, 200, jsonType, `{"access_token":"a","expires_in":`+test.value+`}`))
				token, err := exchange(t, newClient(oauth.Options{}), app)
				if err != nil {
					t.Fatal(err)
				}
				want, from := now.Add(test.want), oauth.ExpiresFromAnswer
				if test.want < 0 {
					want, from = time.Time{}, oauth.ExpiresUnknown
					if ttl > 0 {
						want, from = now.Add(ttl), oauth.ExpiresFromDefault
					}
				}
				if !token.Expires.Equal(want) || token.ExpiresFrom != from {
					t.Errorf("got %s from %q, want %s from %q", token.Expires, token.ExpiresFrom, want, from)
				}
			})
		}
	}
}

// Without a clock of the caller's it is the time that it is.
func TestClock(t *testing.T) {
	before := time.Now()
	token, err := exchange(t, oauth.New(oauth.Options{}), at(t, plain(nil), says(t, 200, jsonType, `{"access_token":"a","expires_in":60}`)))
	if life := token.Expires.Sub(before); err != nil || life < time.Minute || life > 2*time.Minute {
		t.Errorf("got a life of %s, %v", life, err)
	}
}

// jwt is a token with these claims. Nobody checks the rest.
func jwt(claims string) string {
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig-nature_"
}

// M-12 and the evidence for an expiry, the best first.
func TestExpiryEvidence(t *testing.T) {
	in := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	good := jwt(`{"sub":"x","exp":` + in(2*time.Hour) + `}`)
	ttl := func(c *connectors.Connector) { c.Token.DefaultTTL = connectors.Duration(time.Minute) }
	tests := []struct {
		name, token, more string
		edit              func(*connectors.Connector)
		want              time.Duration // -1: none
		from              oauth.ExpiresFrom
	}{
		{name: "the answer before the token", token: good, more: `,"expires_in":60`, want: time.Minute, from: oauth.ExpiresFromAnswer},
		{name: "the token", token: good, want: 2 * time.Hour, from: oauth.ExpiresFromJWT},
		{name: "the token before the default", token: good, edit: ttl, want: 2 * time.Hour, from: oauth.ExpiresFromJWT},
		{name: "the token where it is declared", token: good, want: 2 * time.Hour, from: oauth.ExpiresFromJWT, edit: func(c *connectors.Connector) {
			c.Token.ExpiresFrom = connectors.ExpiresFromJWT
		}},
		{name: "never", token: good, want: -1, from: oauth.ExpiresNever, edit: func(c *connectors.Connector) { c.Token.TTL = connectors.TTLNever }},
		{name: "never, and the answer knows better", token: good, more: `,"expires_in":60`, want: time.Minute, from: oauth.ExpiresFromAnswer, edit: func(c *connectors.Connector) {
			c.Token.TTL = connectors.TTLNever
		}},
		{name: "no JWT", token: "opaque", want: -1},
		{name: "no JWT, with default", token: "opaque", edit: ttl, want: time.Minute, from: oauth.ExpiresFromDefault},
		{name: "M-07 exp in the past", token: jwt(`{"exp":1000}`), want: 0, from: oauth.ExpiresFromJWT},
		{name: "M-07 exp far away", token: jwt(`{"exp":1e300}`), want: 365 * 24 * time.Hour, from: oauth.ExpiresFromJWT},
		{name: "M-07 exp beyond all numbers", token: jwt(`{"exp":1e999}`), want: 365 * 24 * time.Hour, from: oauth.ExpiresFromJWT},
		{name: "M-07 exp as text", token: jwt(`{"exp":"` + in(time.Hour) + `"}`), want: time.Hour, from: oauth.ExpiresFromJWT},
		{name: "M-07 exp with a fraction", token: jwt(`{"exp":` + in(time.Hour) + `.5}`), want: time.Hour + 500*time.Millisecond, from: oauth.ExpiresFromJWT},
		{name: "M-07 exp 0", token: jwt(`{"exp":0}`), want: -1},
		{name: "M-07 exp -1", token: jwt(`{"exp":-1}`), want: -1},
		{name: "M-07 exp NaN", token: jwt(`{"exp":"NaN"}`), want: -1},
		{name: "M-07 exp true", token: jwt(`{"exp":true}`), want: -1},
		{name: "no exp", token: jwt(`{"sub":"x"}`), want: -1},
		{name: "claims that are a list", token: jwt(`[1]`), want: -1},
		{name: "claims that are cut", token: jwt(`{"exp":1`), want: -1},
		{name: "M-08 exp twice", token: jwt(`{"exp":1,"exp":2}`), want: -1},
		{name: "M-08 deep claims", token: jwt(`{"exp":` + in(time.Hour) + `,"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`), want: -1},
		{name: "M-12 two segments", token: good[:strings.LastIndexByte(good, '.')], want: -1},
		{name: "M-12 four segments", token: good + ".x", want: -1},
		{name: "M-12 five segments", token: good + ".x.y", want: -1},
		{name: "M-12 empty claims", token: "a..b", want: -1},
		{name: "M-12 claims with padding", token: strings.Replace(good, ".sig", "=.sig", 1), want: -1},
		{name: "M-12 claims that are no base64", token: "a.!!.b", want: -1},
		{name: "M-12 nothing but dots", token: strings.Repeat(".", 16<<10), want: -1},
		{name: "M-12 the longest", token: good + strings.Repeat("x", 16<<10-len(good)), want: 2 * time.Hour, from: oauth.ExpiresFromJWT},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := at(t, plain(test.edit), says(t, 200, jsonType, `{"access_token":"`+test.token+`"`+test.more+`}`))
			token, err := exchange(t, newClient(oauth.Options{}), app)
			if err != nil {
				t.Fatal(err)
			}
			var want time.Time
			if test.want >= 0 {
				want = now.Add(test.want)
			}
			if !token.Expires.Equal(want) || token.ExpiresFrom != test.from {
				t.Errorf("got %s from %q, want %s from %q", token.Expires, token.ExpiresFrom, want, test.from)
			}
		})
	}
}

// allocated is how much memory one refresh takes that is answered with that body.
func allocated(t *testing.T, app oauth.App, body string) uint64 {
	t.Helper()
	client := newClient(oauth.Options{Transport: &canned{200, body}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := client.Refresh(t.Context(), app, grant); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// M-12: dots cost no more than other characters.
func TestManyDotsAreCheap(t *testing.T) {
	app := at(t, plain(nil), "http://127.0.0.1:1999")
	body := func(with string) string { return `{"access_token":"` + strings.Repeat(with, 16<<10) + `"}` }
	letters, dots := allocated(t, app, body("x")), allocated(t, app, body("."))
	if dots > letters+32<<10 {
		t.Errorf("a token of dots took %d bytes, one of letters %d", dots, letters)
	}
}

func TestRefreshTokenLife(t *testing.T) {
	const month = 30 * 24 * time.Hour
	tests := []struct {
		name, body string
		want       time.Duration // 0: not known
	}{
		{"said", `"refresh_token":"r","rt_life":60`, time.Minute},
		{"not said", `"refresh_token":"r"`, month},
		{"unreadable", `"refresh_token":"r","rt_life":"soon"`, month},
		{"does not die", `"refresh_token":"r","rt_life":0`, 0},
		{"no refresh token", `"x":1`, 0},
		{"empty refresh token", `"refresh_token":""`, 0},
		{"said without a refresh token", `"rt_life":60`, 0},
	}
	c := plain(func(c *connectors.Connector) {
		c.Token.Response.RefreshExpires.Path = "rt_life"
		c.Refresh.TTL = connectors.Duration(month)
	})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := at(t, c, says(t, 200, jsonType, `{"access_token":"a",`+test.body+`}`))
			token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
			if err != nil {
				t.Fatal(err)
			}
			var want time.Time
			if test.want > 0 {
				want = now.Add(test.want)
			}
			if !token.RefreshExpires.Equal(want) {
				t.Errorf("got %s, want %s", token.RefreshExpires, want)
			}
		})
	}
}

// M-09: a compressed answer is refused as it is; a small one that would become a large one is not
// even begun.
func TestCompressedAnswerIsRefused(t *testing.T) {
	var body []byte
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("got Accept-Encoding %q, want identity", got)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body)
	})
	for _, n := range []int{0, 60 << 20} {
		body = zipped(t, `{"access_token":"a"`+strings.Repeat(" ", n)+`}`)
		if len(body) > 64<<10 {
			t.Fatalf("the bomb has %d bytes, too many to be read at all", len(body))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		token, err := exchange(t, newClient(oauth.Options{}), at(t, plain(nil), base))
		runtime.ReadMemStats(&after)
		wantError(t, token, err, oauth.ClassMalformed, oauth.CodeBadTokenResponse)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("allocated %d bytes, want less than 4 MiB", grown)
		}
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
