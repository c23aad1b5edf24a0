package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
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
	c, err := a.newConnection(in, a.secret)
	if err != nil {
		return err
	}
	unhurried(w)
	made, err := a.registrar().Add(r.Context(), c)
	if err != nil {
		return stored(err)
	}
	w.Header().Set("Location", a.Prefix+"/connections/"+made.Name)
	return answer(w, http.StatusCreated, a.connectionOf(made.Connection))
}

func (a *api) changeConnection(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.ConnectionChange](w, r)
	if err != nil {
		return err
	}
	ch, err := a.clientChange(in.ClientID, in.ClientSecrets, in.AddClientSecrets, in.RemoveClientSecrets, in.AddEarlierClient)
	if err != nil {
		return err
	}
	live, err := a.Connections.Change(r.Context(), r.PathValue("name"), func(c *vault.Connection) error {
		own, earlier, err := ch.Apply(c.Client(), c.Earlier)
		if err != nil {
			return err
		}
		c.SetClient(own)
		c.Earlier = earlier
		return a.changeSecrets(c, in.SecretParams)
	})
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, a.connectionOf(live.Connection))
}

// changeSecrets puts values of secret params in the place of those before. What is no secret may be part of a host,
// and stays.
func (a *api) changeSecrets(c *vault.Connection, given map[string]string) error {
	open, secrets, err := a.params(c.Connector, c.Way, given, func(field, given string) (vault.Secret, error) { return a.secret("secret_"+field, given) })
	if err != nil || len(given) == 0 {
		return err
	}
	for name := range open {
		return badField("secret_params", fmt.Sprintf("has %s, which is no secret param and cannot be changed", name))
	}
	c.SecretParams, c.Params = maps.Clone(c.SecretParams), maps.Clone(c.Params)
	if c.SecretParams == nil {
		c.SecretParams = vault.Secrets{}
	}
	for name, value := range secrets {
		c.SecretParams[name] = value
		delete(c.Params, name) // it may have been none when it was stored
	}
	return nil
}

func (a *api) forgetClient(w http.ResponseWriter, r *http.Request) error {
	_, force, err := removal(w, r)
	if err != nil {
		return err
	}
	unhurried(w)
	live, err := a.registrar().ForgetClient(r.Context(), r.PathValue("name"), r.PathValue("client"), force)
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, a.connectionOf(live.Connection))
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

// newConnection is the connection that a request is about. secret makes a secret of what a field has.
func (a *api) newConnection(in client.NewConnection, secret secretOf) (vault.Connection, error) {
	c := vault.Connection{
		Name: in.Name, Connector: in.Connector, Way: in.Auth,
		Scopes: in.Scopes, ExposeTokens: in.ExposeTokens, InstallURL: in.InstallURL,
	}
	secrets := in.ClientSecrets
	if in.ClientSecret != "" {
		if len(secrets) > 0 {
			return vault.Connection{}, badField("client_secrets", "takes the place of client_secret: give one of them")
		}
		secrets = []string{in.ClientSecret}
	}
	own, err := oauthClient(in.ClientID, secrets, secret)
	if err != nil {
		return vault.Connection{}, err
	}
	c.SetClient(own)
	if c.Earlier, err = oauthClients(in.EarlierClients, secret); err != nil {
		return vault.Connection{}, err
	}
	c.Params, c.SecretParams, err = a.params(in.Connector, in.Auth, in.Params, secret)
	return c, err
}

// asGiven makes a secret of a text as it is.
func asGiven(_, given string) (vault.Secret, error) { return vault.NewSecret(given), nil }

// secret takes a secret as it is, or from where its placeholder says.
func (a *api) secret(field, given string) (vault.Secret, error) {
	ends := strings.TrimRight(given, "\r\n") // as a private key does
	if field == "client_secret" {
		ends = given
	}
	if strings.TrimSpace(ends) != ends {
		return vault.Secret{}, badField(field, "must not begin or end with white space")
	}
	if !isPlaceholder(given) {
		return vault.NewSecret(given), nil
	}
	if a.Expand == nil {
		return vault.Secret{}, badField(field, "must be the secret itself: placeholders are not available here")
	}
	value, err := a.Expand(given)
	value = strings.TrimSpace(value)
	if err != nil || value == "" {
		return vault.Secret{}, refuse(CodeSecretEmpty, "the placeholder in field "+field+" stands for nothing", "")
	}
	return vault.NewSecret(value), nil
}

// isPlaceholder tells whether s is one placeholder and nothing else.
func isPlaceholder(s string) bool {
	rest, ok := strings.CutSuffix(s, "}")
	return ok && (strings.HasPrefix(rest, "{env.") || strings.HasPrefix(rest, "{file.")) && !strings.ContainsAny(rest[1:], "{}")
}

// connectionOf is c without its secrets.
func (a *api) connectionOf(c vault.Connection) client.Connection {
	out := client.Connection{
		ID: string(c.ID), Name: c.Name, Connector: c.Connector, Auth: c.Way, Origin: string(cmp.Or(c.Origin, vault.OriginAPI)),
		ClientID: c.ClientID, Scopes: c.Scopes,
		ExposeTokens: c.ExposeTokens, InstallURL: c.InstallURL, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
	if consents(a.Catalog(), c.Connector, c.Way) {
		out.RedirectURI = a.redirectURI(c.Name)
		out.RedirectRefused = refusesRedirect(a.Catalog(), c.Connector, c.Way, out.RedirectURI)
	}
	// The secrets of a configured connection are only in the live one.
	live, err := a.Connections.ByName(c.Name)
	switch {
	case err == nil && live.ID == c.ID:
		c = live.Connection
		used := live.CurrentClient()
		out.DefaultApp, out.ClientID, out.ClientSecrets = live.DefaultApp, used.ID, len(used.Secrets)
		if out.ClientSecrets > 1 {
			out.ClientSecretInUse = a.Broker.SecretInUse(live.App)
		}
		if err := live.KeyError(); err != nil {
			out.KeyError = err.Error()
		}
	case err == nil:
		out.Broken = "another connection of this name is in use; reload to see this one"
	case a.Connections.Broken()[c.Name] != nil:
		out.Broken = err.Error()
	default:
		out.Broken = "this process has not loaded the connection yet; reload its configuration"
	}
	if out.ClientSecrets == 0 {
		out.ClientSecrets = len(c.Client().Secrets)
	}
	out.HasClientSecret, out.EarlierClients = out.ClientSecrets > 0, clientsOf(c.Earlier)
	out.Params, out.SecretParams = a.paramsOf(c.Connector, c.Way, c.Params, c.SecretParams)
	out.Registration = registrationOf(c)
	return out
}

// paramsOf are params of a connector in one way, and the names of those that are secret. One that was none
// when it was stored may be one by now.
func (a *api) paramsOf(connector, way string, stored map[string]string, secrets vault.Secrets) (params map[string]string, secret []string) {
	open := connection.OpenParams(a.Catalog(), connector, way)
	secret = slices.AppendSeq(secret, maps.Keys(secrets))
	for name, value := range stored {
		if !open[name] {
			secret = append(secret, name)
			continue
		}
		if params == nil {
			params = map[string]string{}
		}
		params[name] = value
	}
	slices.Sort(secret)
	return params, slices.Compact(secret)
}

// consents tells whether users of a connector are sent to the provider, in that way. Of one that is not
// known they may be.
func consents(catalog *connectors.Catalog, connector, way string) bool {
	k, ok := catalog.Lookup(connector)
	if ok {
		k, ok = k.Way(way)
	}
	return !ok || k.Mode.Consents()
}

// refusesRedirect tells whether the provider of a connector takes no redirect URI like that.
func refusesRedirect(catalog *connectors.Catalog, connector, way, uri string) bool {
	k, ok := catalog.Lookup(connector)
	if ok {
		k, ok = k.Way(way)
	}
	return ok && k.RefusesRedirect(uri)
}

// redirectURI is what has to be registered at the provider for a connection of that name; empty
// when there is no callback.
func (a *api) redirectURI(name string) string {
	if a.Consent == nil { // who asks about the catalogue alone has none
		return ""
	}
	return a.Consent.Callback(name)
}
