package transfer

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

const composioAdvice = "turn off Mask Connected Account Secrets in the project's settings and get the account again; Composio never gives out tokens of the OAuth clients that it manages"

// ReadComposio reads connected accounts as Composio's API gives them out, version 3 or 1, or its
// TypeScript SDK: one object, an array, {"items":[…]} or JSON Lines. Those of the schemes OAUTH2, API_KEY,
// BASIC and BEARER_TOKEN can be moved. What Composio has masked are problems. An error ends the sequence.
func ReadComposio(r io.Reader, o Options) iter.Seq2[Item, error] {
	return product{
		name: "an export of Composio", list: "items", id: "id",
		marks:   []string{"toolkit", "auth_config", "authConfig", "appName", "appUniqueId", "connectionParams"},
		account: func(item *object) Account { return composioAccount(item, o) },
		rest: func(rest map[string]any) string {
			for _, name := range []string{"next_cursor", "nextCursor"} {
				if cursor, _ := rest[name].(string); cursor != "" {
					return "this is not the last page, " + name + " names another one: get all pages, one after the other in one file or each in its own"
				}
			}
			return ""
		},
	}.read(r)
}

func composioAccount(item *object, o Options) Account {
	a := Account{
		Identifier: item.firstText("user_id", "userId", "clientUniqueUserId", "entityId"),
		Status:     vault.StatusActive,
		CreatedAt:  item.hint("created_at"),
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = item.hint("createdAt")
	}
	config := item.firstObject("auth_config", "authConfig")
	app := item.firstText("appName", "appUniqueId")
	if toolkit := item.object("toolkit"); toolkit != nil {
		app = toolkit.text("slug")
	}
	var err error
	if a.Connection, err = o.connection(app, config.text("id"), item.text("integrationId")); err != nil {
		item.fail("toolkit", err.Error())
	}
	if !vault.ValidIdentifier(a.Identifier) {
		item.fail("user_id", wantIdentifier)
	}
	off := item.take("is_disabled") == true || item.take("isDisabled") == true
	switch status := item.text("status"); {
	case off, status == "INACTIVE":
		item.fail("status", "disabled at Composio: enable it there first")
	case status != "ACTIVE":
		item.fail("status", fmt.Sprintf("%.40q: the user must connect again, there are no tokens that work", status))
	}
	state := item.firstObject("state")
	val := state.object("val")
	if val == nil {
		val = item.firstObject("connectionParams", "data", "params")
	}
	scheme := state.text("authScheme")
	if scheme == "" {
		scheme = config.firstText("auth_scheme", "authScheme")
	}
	inputs := map[string]string{}
	switch scheme {
	case "", "OAUTH2":
		a.Grant = composioGrant(val)
	case "API_KEY", "BASIC", "BEARER_TOKEN":
		a.Grant = new(vault.Grant)
		composioStatic(scheme, val, inputs, o)
	default:
		item.fail("state", fmt.Sprintf("accounts of type %.40q are not supported, only OAUTH2, API_KEY, BASIC and BEARER_TOKEN", scheme))
		return a
	}
	val.input(inputs, "subdomain", inputSubdomain, composioAdvice, o)
	val.renamed(inputs, composioAdvice, o)
	a.Grant.Inputs, a.GrantedScopes = vault.NewSecrets(inputs), a.Grant.Scopes
	return a
}

// composioStatic takes credentials that a user has typed.
func composioStatic(scheme string, val *object, inputs map[string]string, o Options) {
	switch scheme {
	case "BASIC":
		val.input(inputs, "username", inputUsername, composioAdvice, o)
		val.input(inputs, "password", inputPassword, composioAdvice, o)
	case "BEARER_TOKEN":
		val.input(inputs, "token", inputToken, composioAdvice, o)
	default:
		key := "api_key"
		if text, _ := plainText(val.members[key]); text == "" {
			key = "generic_api_key"
		}
		val.input(inputs, key, inputKey, composioAdvice, o)
	}
	if len(inputs) == 0 {
		val.fail("", "no api_key, username, password or token: "+composioAdvice)
	}
}

func composioGrant(val *object) *vault.Grant {
	g := &vault.Grant{
		Access: val.foreignToken("access_token", composioAdvice), Refresh: val.foreignToken("refresh_token", composioAdvice),
		IDToken: val.foreignToken("id_token", composioAdvice),
		Scopes:  val.scopes("scope"), ClientID: val.text("client_id"),
		ObtainedAt: val.hint("received_at"), Expires: val.moment("expires_at"),
	}
	if g.ObtainedAt.IsZero() {
		g.ObtainedAt = val.hint("created_at")
	}
	if masked.MatchString(g.ClientID) {
		g.ClientID = ""
	}
	// A life says something only where its beginning is known.
	if life := val.seconds("expires_in"); life > 0 && g.Expires.IsZero() && !g.ObtainedAt.IsZero() {
		g.Expires = g.ObtainedAt.Add(life)
	}
	if g.Access.IsZero() && g.Refresh.IsZero() {
		val.fail("", "no access_token and no refresh_token: only OAuth 2 accounts that are connected can be moved")
	}
	return g
}

// seconds takes a life that is a number or a text with one; 0 when nobody said, or it makes no
// sense.
func (o *object) seconds(name string) time.Duration {
	v := o.take(name)
	text, _ := v.(string)
	if n, ok := v.(json.Number); ok {
		text = n.String()
	}
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s > 0 && s < 1e9) {
		return 0
	}
	return time.Duration(s) * time.Second
}

// firstText takes all of the members and returns the first that says something.
func (o *object) firstText(names ...string) (text string) {
	for _, name := range names {
		if s := o.text(name); text == "" {
			text = s
		}
	}
	return text
}

// firstObject returns the first of the members that is there, else an empty object.
func (o *object) firstObject(names ...string) *object {
	for _, name := range names {
		if sub := o.object(name); sub != nil && len(sub.members) > 0 {
			return sub
		}
	}
	return &object{path: names[0], foreign: o.foreign, first: o.first}
}
