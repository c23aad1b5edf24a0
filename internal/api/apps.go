package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// listApps pages through what the process has loaded: the apps of the configuration are in no vault.
func (a *api) listApps(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, pageParams...)
	if err != nil {
		return err
	}
	q, err := pageOf(values)
	if err != nil {
		return err
	}
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if q.After != "" && !strings.Contains(q.After, "/") {
		return vault.ErrBadCursor
	}
	page := client.Page[client.App]{Items: []client.App{}}
	var last string
	for _, one := range a.Connections.Apps() {
		cursor := one.Connector + "/" + one.Way
		if q.After != "" && cursor <= q.After {
			continue
		}
		if len(page.Items) == q.Limit {
			page.Next = last
			break
		}
		page.Items, last = append(page.Items, a.appOf(one)), cursor
	}
	return answer(w, http.StatusOK, page)
}

func (a *api) showApp(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, "auth")
	if err != nil {
		return err
	}
	one, err := a.Connections.App(r.PathValue("connector"), values.Get("auth"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, a.appOf(one))
}

func (a *api) createApp(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.NewApp](w, r)
	if err != nil {
		return err
	}
	one := vault.App{Connector: in.Connector, Way: in.Auth}
	if one.Client, err = oauthClient(in.ClientID, in.ClientSecrets, a.secret); err != nil {
		return err
	}
	if one.Earlier, err = oauthClients(in.EarlierClients, a.secret); err != nil {
		return err
	}
	if one.Params, one.SecretParams, err = a.params(in.Connector, in.Auth, in.Params, a.secret); err != nil {
		return err
	}
	if one, err = a.Connections.AddApp(r.Context(), one); err != nil {
		return stored(err)
	}
	at := a.Prefix + "/apps/" + one.Connector
	if one.Way != "" {
		at += "?auth=" + one.Way
	}
	w.Header().Set("Location", at)
	return answer(w, http.StatusCreated, a.appOf(one))
}

func (a *api) changeApp(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, "auth")
	if err != nil {
		return err
	}
	in, err := readBody[client.AppChange](w, r)
	if err != nil {
		return err
	}
	ch, err := a.clientChange(in.ClientID, in.ClientSecrets, in.AddClientSecrets, in.RemoveClientSecrets, in.AddEarlierClient)
	if err != nil {
		return err
	}
	one, err := a.Connections.ChangeApp(r.Context(), r.PathValue("connector"), values.Get("auth"), func(one *vault.App) (err error) {
		if one.Client, one.Earlier, err = ch.Apply(one.Client, one.Earlier); err != nil {
			return err
		}
		return a.setParams(one, in.Params)
	})
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, a.appOf(one))
}

// setParams sets params one by one; an empty value takes one away.
func (a *api) setParams(one *vault.App, given map[string]string) error {
	open, secret := maps.Clone(one.Params), maps.Clone(one.SecretParams)
	given = maps.Clone(given)
	maps.DeleteFunc(given, func(name, value string) bool {
		delete(open, name)
		delete(secret, name)
		return value == ""
	})
	params, secrets, err := a.params(one.Connector, one.Way, given, a.secret)
	if err != nil {
		return err
	}
	if open == nil {
		open = params
	}
	maps.Copy(open, params)
	if secret == nil {
		secret = secrets
	}
	maps.Copy(secret, secrets)
	one.Params, one.SecretParams = open, secret
	return nil
}

func (a *api) deleteApp(w http.ResponseWriter, r *http.Request) error {
	auth, force, err := removal(w, r, "auth")
	if err != nil {
		return err
	}
	unhurried(w)
	if err := a.Connections.RemoveApp(r.Context(), r.PathValue("connector"), auth, force); err != nil {
		return stored(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) forgetAppClient(w http.ResponseWriter, r *http.Request) error {
	auth, force, err := removal(w, r, "auth")
	if err != nil {
		return err
	}
	unhurried(w)
	one, err := a.Connections.ForgetAppClient(r.Context(), r.PathValue("connector"), auth, r.PathValue("client"), force)
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, a.appOf(one))
}

// removal reads what a removal may be given: whether it is forced, and auth where that is a parameter.
func removal(w http.ResponseWriter, r *http.Request, more ...string) (auth string, force bool, err error) {
	values, err := query(r, append(more, "force")...)
	if err != nil {
		return "", false, err
	}
	if force, err = isTrue(values, "force"); err != nil {
		return "", false, err
	}
	return values.Get("auth"), force, noBody(w, r)
}

// appOf is an app without its secrets.
func (a *api) appOf(one vault.App) client.App {
	out := client.App{
		ID: string(one.ID), Connector: one.Connector, Auth: one.Way, Origin: string(one.Origin), ClientID: one.Client.ID,
		ClientSecrets: len(one.Client.Secrets), EarlierClients: clientsOf(one.Earlier),
		Connections: a.Connections.AppUsers(one.Connector, one.Way),
		CreatedAt:   one.CreatedAt.UTC(), UpdatedAt: one.UpdatedAt.UTC(),
	}
	if k, ok := a.Catalog().Lookup(one.Connector); ok && out.ClientSecrets > 1 {
		out.ClientSecretInUse = a.Broker.SecretInUse(connection.ClientApp(k, one.Client))
	}
	if err := connection.CheckApp(one, a.Catalog()); err != nil {
		out.Broken = err.Error()
	}
	out.Params, out.SecretParams = a.paramsOf(one.Connector, one.Way, one.Params, one.SecretParams)
	return out
}

// clientsOf are OAuth clients without their secrets.
func clientsOf(clients []vault.OAuthClient) []client.OAuthClient {
	var out []client.OAuthClient
	for _, c := range clients {
		out = append(out, client.OAuthClient{ClientID: c.ID, ClientSecrets: len(c.Secrets)})
	}
	return out
}

// secretOf makes a secret of what a field has.
type secretOf func(field, given string) (vault.Secret, error)

// oauthClient is the client that a request has.
func oauthClient(id string, given []string, secret secretOf) (vault.OAuthClient, error) {
	secrets, err := secretsOf(given, secret)
	return vault.OAuthClient{ID: id, Secrets: secrets}, err
}

func oauthClients(given []client.NewOAuthClient, secret secretOf) ([]vault.OAuthClient, error) {
	var clients []vault.OAuthClient
	for _, g := range given {
		c, err := oauthClient(g.ClientID, g.ClientSecrets, secret)
		if err != nil {
			return nil, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

func secretsOf(given []string, secret secretOf) ([]vault.Secret, error) {
	var secrets []vault.Secret
	for i, text := range given {
		if text == "" {
			return nil, badField("client_secrets", fmt.Sprintf("has an empty entry, number %d", i+1))
		}
		s, err := secret("client_secret", text)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, s)
	}
	return secrets, nil
}

// clientChange is the change of OAuth clients that a request has.
func (a *api) clientChange(id *string, secrets, add []string, remove []int, earlier *client.NewOAuthClient) (ch connection.ClientChange, err error) {
	ch = connection.ClientChange{ID: id, Remove: remove}
	if ch.Secrets, err = secretsOf(secrets, a.secret); err != nil {
		return connection.ClientChange{}, err
	}
	if ch.Add, err = secretsOf(add, a.secret); err != nil {
		return connection.ClientChange{}, err
	}
	if earlier == nil {
		return ch, nil
	}
	if earlier.ClientID == "" {
		return connection.ClientChange{}, badField("add_earlier_client.client_id", "must not be empty")
	}
	one, err := oauthClient(earlier.ClientID, earlier.ClientSecrets, a.secret)
	ch.Earlier = &one
	return ch, err
}

// params are the values of app inputs, those that are secret apart.
func (a *api) params(connector, way string, given map[string]string, secret secretOf) (map[string]string, vault.Secrets, error) {
	open := connection.OpenParams(a.Catalog(), connector, way)
	var params map[string]string
	var secrets vault.Secrets
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if open[name] {
			if params == nil {
				params = map[string]string{}
			}
			params[name] = given[name]
			continue
		}
		s, err := secret("params."+name, given[name])
		if err != nil {
			return nil, nil, err
		}
		if secrets == nil {
			secrets = vault.Secrets{}
		}
		secrets[name] = s
	}
	return params, secrets, nil
}
