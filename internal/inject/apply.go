package inject

import (
	"net/http"
	"net/url"

	"github.com/claviger-proxy/claviger/vault"
)

const maxToken = 16 << 10

// Apply puts the token on r, where it replaces whatever stood in its place, and adds the
// connector's default headers that r lacks. r is the caller's private copy; its Header is changed,
// its URL replaced. It returns ErrNoToken or ErrBadToken, and leaves r without a credential then.
func (p *Plan) Apply(r *http.Request, token vault.Secret) error {
	secret := token.Reveal()
	if secret == "" {
		return ErrNoToken
	}
	if !sendable(secret) {
		return ErrBadToken
	}
	if r.Header == nil {
		r.Header = make(http.Header, len(p.headers)+len(p.defaults))
	}
	// One backing array for all values. Each gets its own full slice of it, so that an append to
	// one does not write into the next.
	values := make([]string, 0, len(p.headers)+len(p.defaults))
	set := func(name, value string) {
		values = append(values, value)
		r.Header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	for _, d := range p.defaults {
		if absent(r.Header[d.name]) {
			set(d.name, d.value)
		}
	}
	for _, s := range p.headers {
		set(s.name, s.value(secret))
	}
	p.applyParams(r, secret)
	return nil
}

func (p *Plan) applyParams(r *http.Request, secret string) {
	if len(p.params) == 0 {
		return
	}
	u := *r.URL
	u.RawQuery = removePairs(u.RawQuery, p.named)
	for _, s := range p.params {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += url.QueryEscape(s.name) + "=" + url.QueryEscape(s.value(secret))
	}
	r.URL = &u
}

// absent tells whether a header is not there. reverse_proxy sets User-Agent to one empty value when
// the caller sent none, to keep net/http from adding its own.
func absent(values []string) bool {
	return len(values) == 0 || len(values) == 1 && values[0] == ""
}

// sendable tells whether a token can stand in a header: visible ASCII, not longer than any server
// takes.
func sendable(token string) bool {
	if len(token) > maxToken {
		return false
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return true
}
