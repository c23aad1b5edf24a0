package transfer

import "github.com/claviger-proxy/claviger/vault"

// maxConnections bounds the names that a reader keeps, in a file that anybody could have written.
const maxConnections = 100_000

// readConnection and readAccount read what a version of the format has.
func readConnection(o *object, version int) *Connection {
	c := &Connection{
		Name: o.text("name"), Connector: o.text("connector"), Origin: vault.Origin(o.text("origin")),
		ClientID: o.text("client_id"), ClientSecret: o.secret("client_secret"),
		Scopes: orNil(o.texts("scopes")), Params: o.pairs("params"),
	}
	if version > 1 {
		c.Way, c.SecretParams = o.text("way"), o.secrets("secret_params", validValue, wantValue)
	}
	if version > 2 {
		c.FurtherSecrets, c.EarlierClients = o.clientSecrets("further_secrets"), o.clients("earlier_clients")
	}
	o.end()
	o.failed(c.check())
	return c
}

// clients takes OAuth clients; nil when there are none.
func (o *object) clients(name string) []vault.OAuthClient {
	var clients []vault.OAuthClient
	for _, c := range o.objects(name) {
		clients = append(clients, vault.OAuthClient{ID: c.text("client_id"), Secrets: c.clientSecrets("secrets")})
		c.end()
	}
	return clients
}

// clientSecrets takes a list of client secrets; nil when there are none.
func (o *object) clientSecrets(name string) []vault.Secret {
	var secrets []vault.Secret
	for _, text := range o.texts(name) {
		if text == "" || !validSecret(text) {
			o.fail(name, wantSecret)
			return nil
		}
		secrets = append(secrets, vault.NewSecret(text))
	}
	return secrets
}

func readAccount(o *object, version int) *Account {
	a := &Account{
		ID: vault.AccountID(o.text("id")), Connection: o.text("connection"), Connector: o.text("connector"),
		Identifier: o.text("identifier"), Status: vault.Status(o.text("status")), Reason: o.text("reason"),
		RequestedScopes: orNil(o.texts("requested_scopes")), GrantedScopes: o.texts("granted_scopes"),
		CreatedAt: o.time("created_at"), ConnectedAt: o.time("connected_at"), RefreshedAt: o.time("refreshed_at"),
	}
	if i := o.object("identity"); i != nil {
		a.Identity = vault.Identity{ID: i.text("id"), Name: i.text("name"), Email: i.text("email"), Avatar: i.text("avatar")}
		i.end()
	}
	if version > 3 {
		a.AppData = vault.AppData{Labels: o.pairs("labels"), Metadata: o.raw("metadata")}
	}
	if g := o.object("grant"); g != nil {
		a.Grant = &vault.Grant{
			Access: g.token("access_token"), Refresh: g.token("refresh_token"), IDToken: g.token("id_token"),
			Scopes: g.texts("scopes"), ObtainedAt: g.time("obtained_at"), Expires: g.time("expires"),
			RefreshExpires: g.time("refresh_expires"), ClientID: g.text("client_id"),
			RedirectURI: g.text("redirect_uri"), Captured: g.pairs("captured"),
		}
		if version > 1 {
			a.Grant.Slots, a.Grant.Inputs = g.secrets("slots", validToken, wantToken), g.secrets("inputs", validValue, wantValue)
		}
		g.end()
	}
	o.end()
	o.failed(a.check())
	return a
}

// token takes a token; none is the empty secret.
func (o *object) token(name string) vault.Secret {
	s := o.text(name)
	if !validToken(s) {
		o.fail(name, wantToken)
		return vault.Secret{}
	}
	return vault.NewSecret(s)
}

// secret takes a client secret; none is the empty secret.
func (o *object) secret(name string) vault.Secret {
	s := o.text(name)
	if !validSecret(s) {
		o.fail(name, wantSecret)
		return vault.Secret{}
	}
	return vault.NewSecret(s)
}

// secrets takes secrets by name; nil when there are none.
func (o *object) secrets(name string, valid func(string) bool, want string) vault.Secrets {
	values := o.pairs(name)
	if m := checkNamed(join(o.path, name), values, valid, want); m != nil && *o.first == nil {
		*o.first = m
	}
	return vault.NewSecrets(values)
}

// orNil is for lists in which nothing and no list are the same.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
