package transfer

import (
	"fmt"
	"io"
	"iter"

	"github.com/claviger-proxy/claviger/vault"
)

const nangoAdvice = "get the connection from GET /connections/{connectionId}?refresh_token=true with a key that may read credentials"

// ReadNango reads connections as Nango's API gives them out with their credentials: one object, an
// array, {"connections":[…]} or JSON Lines. Credentials of the types OAUTH2, API_KEY and BASIC can be
// moved. An error ends the sequence.
//
// Nango leaves the refresh token out unless it is asked for with refresh_token=true; such an
// account ends with its access token.
func ReadNango(r io.Reader, o Options) iter.Seq2[Item, error] {
	return product{
		name: "an export of Nango", list: "connections", marks: []string{"provider_config_key", "connection_id"}, id: "connection_id",
		account: func(item *object) Account { return nangoAccount(item, o) },
	}.read(r)
}

func nangoAccount(item *object, o Options) Account {
	a := Account{Identifier: item.text("connection_id"), Status: vault.StatusActive, CreatedAt: item.hint("created_at")}
	var err error
	if a.Connection, err = o.connection(item.text("provider_config_key")); err != nil {
		item.fail("provider_config_key", err.Error())
	}
	member := "connection_id"
	if o.EndUser {
		a.Identifier, member = nangoEndUser(item)
	}
	if !vault.ValidIdentifier(a.Identifier) {
		item.fail(member, wantIdentifier)
	}
	config := item.firstObject("connection_config")
	a.RequestedScopes = config.scopes("oauth_scopes")
	c := item.object("credentials")
	switch {
	case c == nil || len(c.members) == 0:
		item.fail("credentials", "missing: "+nangoAdvice)
		return a
	case c.members["encrypted_credentials"] != nil:
		c.fail("encrypted_credentials", "encrypted with Nango's own key: "+nangoAdvice)
		return a
	}
	inputs := map[string]string{}
	switch kind := c.text("type"); kind {
	case "OAUTH2":
		a.Grant = nangoGrant(c)
		a.Grant.Captured = nangoConfig(config, inputs, o)
	case "API_KEY", "BASIC":
		a.Grant = new(vault.Grant)
		nangoStatic(kind, c, config, inputs, o)
	default:
		c.fail("type", fmt.Sprintf("credentials of type %.40q are not supported, only OAUTH2, API_KEY and BASIC", kind))
		return a
	}
	a.Grant.Inputs, a.GrantedScopes = vault.NewSecrets(inputs), a.Grant.Scopes
	return a
}

// nangoStatic takes credentials that a user has typed. The config beside them is typed too.
func nangoStatic(kind string, c, config *object, inputs map[string]string, o Options) {
	if kind == "BASIC" {
		c.input(inputs, "username", inputUsername, nangoAdvice, o)
		c.input(inputs, "password", inputPassword, nangoAdvice, o)
	} else {
		c.input(inputs, "apiKey", inputKey, nangoAdvice, o)
	}
	if len(inputs) == 0 {
		c.fail("", "no apiKey, username or password: "+nangoAdvice)
	}
	config.renamed(inputs, nangoAdvice, o)
	for _, member := range config.plain() {
		config.input(inputs, member, snake(member), nangoAdvice, o)
	}
}

// nangoConfig takes the config of an OAuth account. It has what the user has typed, of which the
// subdomain is known, and what was kept of the provider's answers.
func nangoConfig(config *object, inputs map[string]string, o Options) (captured map[string]string) {
	config.input(inputs, "subdomain", inputSubdomain, nangoAdvice, o)
	config.renamed(inputs, nangoAdvice, o)
	for _, member := range config.plain() {
		if captured == nil {
			captured = map[string]string{}
		}
		name := snake(member)
		if _, twice := captured[name]; !twice || name == member {
			captured[name], _ = plainText(config.members[member])
		}
	}
	return captured
}

func nangoGrant(c *object) *vault.Grant {
	g := &vault.Grant{
		Access: c.foreignToken("access_token", nangoAdvice), Refresh: c.foreignToken("refresh_token", nangoAdvice),
		Expires: c.moment("expires_at"),
	}
	if own := c.object("config_override"); own != nil {
		g.ClientID = own.text("client_id")
	}
	if answer := c.object("raw"); answer != nil {
		g.IDToken = answer.foreignToken("id_token", nangoAdvice)
		g.Scopes = answer.scopes("scope")
	}
	if g.Access.IsZero() && g.Refresh.IsZero() {
		c.fail("", "no access_token and no refresh_token: "+nangoAdvice)
	}
	return g
}

// nangoEndUser returns the app's user and the member that names it: end_user in older
// installations, a tag in newer ones.
func nangoEndUser(item *object) (id, member string) {
	if user := item.object("end_user"); user != nil {
		return user.text("id"), "end_user.id"
	}
	if tags := item.object("tags"); tags != nil {
		return tags.text("end_user_id"), "tags.end_user_id"
	}
	return "", "end_user"
}
