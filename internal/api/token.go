package api

import (
	"math"
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// check asks the provider whether it takes an account's credential.
func (a *api) check(w http.ResponseWriter, r *http.Request) error {
	account, err := a.changed(w, r)
	if err != nil {
		return err
	}
	done, err := a.Broker.Check(r.Context(), account.ID)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, client.AccountCheck{
		Account: a.accountOf(done.Account, a.names(r.Context())(account.ConnectionID)),
		OK:      done.OK, Code: done.Code, ProviderStatus: done.Status, RetryAfter: int(math.Ceil(done.RetryAfter.Seconds())),
	})
}

// refresh gets an account a new token.
func (a *api) refresh(w http.ResponseWriter, r *http.Request) error {
	account, err := a.changed(w, r)
	if err != nil {
		return err
	}
	now, err := a.Broker.RefreshNow(r.Context(), account.ID)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, client.AccountRefresh{
		Account:   a.accountOf(now, a.names(r.Context())(account.ConnectionID)),
		Refreshed: now.Generation > account.Generation,
	})
}

// fetchToken hands out an access token where the connection allows that.
func (a *api) fetchToken(w http.ResponseWriter, r *http.Request) error {
	if id := r.PathValue("id"); id != "" && !vault.IsAccountID(id) {
		// It is the account with the identifier "token" at a connection.
		r.SetPathValue("connection", id)
		r.SetPathValue("identifier", "token")
		r.SetPathValue("id", "")
		return a.showAccount(w, r)
	}
	if _, err := query(r); err != nil {
		return err
	}
	account, err := a.account(r)
	if err != nil {
		return err
	}
	f, err := a.Broker.Fetch(r.Context(), account.ID)
	if err != nil {
		return err
	}
	out := client.Token{AccessToken: f.Token.Reveal(), TokenType: bearer, ExpiresAt: f.Expires.UTC(), Account: string(account.ID)}
	if c, err := a.Connections.ByID(account.ConnectionID); err == nil {
		out.TokenType = tokenType(c)
	}
	return answer(w, http.StatusOK, out)
}

const bearer = "Bearer"

// tokenType is the scheme that the provider takes the token with in the header Authorization.
func tokenType(c *connection.Connection) string {
	for _, in := range c.Connector().Inject {
		if scheme, rest, ok := strings.Cut(in.Template.String(), " "); ok && in.In == connectors.InHeader &&
			strings.EqualFold(in.Name, "Authorization") && rest == "{token}" {
			return scheme
		}
	}
	return bearer
}
