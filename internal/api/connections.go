package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

func (a *api) listConnections(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, pageParams...)
	if err != nil {
		return err
	}
	q, err := pageOf(values)
	if err != nil {
		return err
	}
	got, err := a.Vault.Connections(r.Context(), vault.DefaultProject, q)
	if err != nil {
		return stored(err)
	}
	page := client.Page[client.Connection]{Items: make([]client.Connection, len(got.Items)), Next: got.Next, Damaged: got.Damaged}
	for i, c := range got.Items {
		page.Items[i] = a.connectionOf(c)
	}
	return answer(w, http.StatusOK, page)
}

func (a *api) showConnection(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	c, err := a.findConnection(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, a.connectionOf(c))
}

func (a *api) createConnection(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.NewConnection](w, r)
	if err != nil {
		return err
	}
	if err := checkScopes(in.Scopes); err != nil {
		return err
	}
	secret, err := a.clientSecret(in.ClientSecret)
	if err != nil {
		return err
	}
	made, err := a.Connections.Add(r.Context(), vault.Connection{
		Name: in.Name, Connector: in.Connector, ClientID: in.ClientID, ClientSecret: secret,
		Scopes: in.Scopes, Params: in.Params, ExposeTokens: in.ExposeTokens,
	})
	if err != nil {
		return stored(err)
	}
	w.Header().Set("Location", a.Prefix+"/connections/"+made.Name)
	return answer(w, http.StatusCreated, a.connectionOf(made.Connection))
}

func (a *api) deleteConnection(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	if err := a.Connections.Remove(r.Context(), r.PathValue("name")); err != nil {
		return stored(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// findConnection returns the connection with that name, usable or not.
func (a *api) findConnection(ctx context.Context, name string) (vault.Connection, error) {
	if live, err := a.Connections.ByName(name); err == nil {
		return live.Connection, nil
	}
	c, err := a.Vault.FindConnection(ctx, vault.DefaultProject, name)
	if errors.Is(err, vault.ErrNotFound) {
		return vault.Connection{}, refuse(connection.CodeNotFound, fmt.Sprintf("there is no connection %.80q", name),
			"`claviger connections list` shows them")
	}
	return c, stored(err)
}

// checkScopes follows RFC 6749 section 3.3.
func checkScopes(scopes []string) error {
	for _, s := range scopes {
		bad := func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }
		if s == "" || strings.ContainsFunc(s, bad) {
			return badField("scopes", "must have one scope per entry, without spaces")
		}
	}
	return nil
}

// clientSecret takes a secret as it is, or from where its placeholder says.
func (a *api) clientSecret(given string) (vault.Secret, error) {
	if strings.TrimSpace(given) != given {
		return vault.Secret{}, badField("client_secret", "must not begin or end with white space")
	}
	if !isPlaceholder(given) {
		return vault.NewSecret(given), nil
	}
	if a.Expand == nil {
		return vault.Secret{}, badField("client_secret", "must be the secret itself: placeholders are not available here")
	}
	value, err := a.Expand(given)
	value = strings.TrimSpace(value)
	if err != nil || value == "" {
		return vault.Secret{}, refuse(CodeSecretEmpty, "the placeholder in field client_secret stands for nothing", "")
	}
	return vault.NewSecret(value), nil
}

// isPlaceholder tells whether s is one placeholder and nothing else.
func isPlaceholder(s string) bool {
	rest, ok := strings.CutSuffix(s, "}")
	return ok && (strings.HasPrefix(rest, "{env.") || strings.HasPrefix(rest, "{file.")) && !strings.ContainsAny(rest[1:], "{}")
}

// connectionOf is c without its secret.
func (a *api) connectionOf(c vault.Connection) client.Connection {
	out := client.Connection{
		ID: string(c.ID), Name: c.Name, Connector: c.Connector, Origin: string(cmp.Or(c.Origin, vault.OriginAPI)),
		ClientID: c.ClientID, HasClientSecret: !c.ClientSecret.IsZero(), Scopes: c.Scopes, Params: c.Params,
		ExposeTokens: c.ExposeTokens,
		RedirectURI:  a.redirectURI(c.Name), CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
	// The secret of a configured connection is only in the live one.
	live, err := a.Connections.ByName(c.Name)
	switch {
	case err == nil && live.ID == c.ID:
		out.HasClientSecret = !live.ClientSecret.IsZero()
	case err == nil:
		out.Broken = "another connection of this name is in use; reload to see this one"
	case a.Connections.Broken()[c.Name] != nil:
		out.Broken = err.Error()
	default:
		out.Broken = "this process has not loaded the connection yet; reload its configuration"
	}
	return out
}

// redirectURI is what has to be registered at the provider for a connection of that name; empty
// when there is no callback.
func (a *api) redirectURI(name string) string {
	if a.Consent == nil {
		return ""
	}
	return a.Consent.Callback(name)
}
