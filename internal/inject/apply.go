package inject

import (
	"net/http"

	"github.com/claviger-proxy/claviger/vault"
)

const maxToken = 16 << 10

// Apply is [Plan.Prepare] and [Prepared.Apply] in one, for a single request. With an error it leaves
// r as it was.
func (p *Plan) Apply(r *http.Request, token vault.Secret) error {
	c, err := p.Prepare(token)
	if err != nil {
		return err
	}
	c.Apply(r)
	return nil
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
