package consent

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// This file is the one place of the package where secrets leave their type: the token into the
// link's URL, and the token and the browser's secret into the cookie.

const (
	cookieName = "claviger_consent_"
	// cookieTime is longer than the journey, so that the last page can still be reloaded. The page of a device adds how
	// long its code lives.
	cookieTime = 2 * journeyTime
	maxSecret  = 64
)

// newSecret returns 256 random bits, base64url.
func newSecret() vault.Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return vault.NewSecret(base64.RawURLEncoding.EncodeToString(b))
}

func (f *Flow) linkURL(l vault.Link) string { return f.at(linkSegment, l.Token.Reveal()) }

// Proof is what a browser shows to prove that it started the journey of a link. The zero Proof
// proves nothing.
type Proof struct {
	token   vault.Secret
	browser vault.Secret
}

// proves tells whether the browser that holds p started the journey of l.
func (p Proof) proves(l vault.Link) bool {
	return !p.browser.IsZero() && p.token.Equal(l.Token) && p.browser.Equal(l.Browser)
}

// cookie is what the browser that starts the journey of l has to bring back. Each link has a
// cookie of its own, so that two tabs do not take each other's away:
//
//	claviger_consent_{end of the link's ID} = {token}.{browser secret}
func (f *Flow) cookie(l vault.Link) *http.Cookie {
	return &http.Cookie{
		Name: f.cookieName(l.ID), Value: l.Token.Reveal() + "." + l.Browser.Reveal(),
		Path: f.cookiePath(), MaxAge: int(cookieTime / time.Second),
		HttpOnly: true, Secure: f.callback.Scheme == "https", SameSite: http.SameSiteLaxMode,
	}
}

// cookieName has the prefix that makes browsers insist on Secure; the stricter one also wants the
// path to be the root.
func (f *Flow) cookieName(id vault.LinkID) string {
	name := cookieName + shortID(id)
	switch {
	case f.callback.Scheme != "https":
		return name
	case f.cookiePath() == "/":
		return "__Host-" + name
	}
	return "__Secure-" + name
}

func (f *Flow) cookiePath() string {
	if f.dir == "" {
		return "/"
	}
	return f.dir
}

// shortID is the last ten characters, 50 random bits.
func shortID(id vault.LinkID) string { return string(id[max(0, len(id)-10):]) }

// Proof returns what the request's browser holds for that link.
func (f *Flow) Proof(r *http.Request, id vault.LinkID) Proof {
	cookies := r.CookiesNamed(f.cookieName(id))
	if len(cookies) != 1 {
		return Proof{}
	}
	token, browser, ok := strings.Cut(cookies[0].Value, ".")
	if !ok || len(token) > maxSecret || len(browser) > maxSecret {
		return Proof{}
	}
	return Proof{token: vault.NewSecret(token), browser: vault.NewSecret(browser)}
}

// maxHeld is how many links a browser may hold something for when the only one of them that waits is looked for.
const maxHeld = 20

// Held returns the tokens of the links that the request's browser holds something for, at most one more than
// there may be. A request that no user makes holds nothing.
func (f *Flow) Held(r *http.Request) (tokens []vault.Secret) {
	if !navigated(r) {
		return nil
	}
	prefix := f.cookieName("")
	for _, c := range r.Cookies() {
		token, _, ok := strings.Cut(c.Value, ".")
		if strings.HasPrefix(c.Name, prefix) && ok && len(token) <= maxSecret && len(tokens) <= maxHeld {
			tokens = append(tokens, vault.NewSecret(token))
		}
	}
	return tokens
}
