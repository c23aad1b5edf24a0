package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/client"
)

// status answers as long as there is anything to say: with a vault that is out of order the counts
// are missing.
func (a *api) status(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	s := client.Status{
		Version:           a.Version,
		StartedAt:         a.StartedAt.UTC(),
		Connections:       len(a.Connections.All()),
		BrokenConnections: len(a.Connections.Broken()),
		Vault:             a.checkVault(r.Context()),
		Callback:          strings.TrimSuffix(a.redirectURI(""), "/"),
	}
	if a.Unsaved != nil {
		s.UnsavedTokens = a.Unsaved()
	}
	if s.Vault.OK {
		counts, err := a.Vault.CountAccounts(r.Context())
		if err != nil {
			return stored(err)
		}
		s.Accounts = make(map[string]int, len(counts))
		for status, n := range counts {
			s.Accounts[string(status)] = n
		}
		resealing, err := a.resealing(r.Context())
		if err != nil {
			return stored(err)
		}
		if resealing.Needed {
			s.Resealing = &resealing
		}
	}
	return answer(w, http.StatusOK, s)
}

func (a *api) checkVault(ctx context.Context) client.Check {
	c := client.Check{Name: "vault", OK: true}
	if err := a.Vault.Check(ctx); err != nil {
		p := Problem(stored(err))
		c = client.Check{Name: "vault", Detail: p.Detail, Next: p.Next}
	}
	return c
}
