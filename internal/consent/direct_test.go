package consent_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

func TestDirect(t *testing.T) {
	tests := []struct {
		name, connection string
		inputs           map[string]string
		sent             string // how the credential arrives
		token            bool
	}{
		{"key in a header", "key", map[string]string{"key": canaryKey}, "X-Key: " + canaryKey, false},
		{"basic", "basic", map[string]string{"user": "ada", "password": canaryKey}, "Authorization: Basic " + basic("ada", canaryKey), false},
		{"client of its own", "client", map[string]string{"id": "ada", "secret": canaryKey}, "Authorization: Bearer " + canaryToken + "-ada", true},
		{"none", "open", nil, "", false},
		{"with a site", "sites", map[string]string{"key": canaryKey}, "X-Key: " + canaryKey, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openCounter(t)
			a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: tt.connection, Identifier: "user_1", Inputs: tt.inputs})
			if err != nil {
				t.Fatal(err)
			}
			if a.Status != vault.StatusActive || a.Identity.ID != "ada" || a.Identity.Name != "Ada" || a.Connector != tt.connection {
				t.Errorf("the account is %+v", a)
			}
			if got := c.last("/me"); got != tt.sent {
				t.Errorf("the credential came as %q", got)
			}
			g := c.grant(a)
			for name, value := range tt.inputs {
				if !g.Inputs[name].Equal(vault.NewSecret(value)) {
					t.Errorf("the input %s is not kept", name)
				}
			}
			if g.Access.IsZero() == tt.token {
				t.Errorf("there is a token: %v", !g.Access.IsZero())
			}
			if want := map[string]string{"sites": "site-1"}[tt.connection]; g.Captured["site"] != want {
				t.Errorf("the site is %q, want %q", g.Captured["site"], want)
			}
			if len(c.connected) != 1 || c.connected[0] != a.ID {
				t.Errorf("told of %v", c.connected)
			}
		})
	}
}

func TestDirectRefused(t *testing.T) {
	key := func(key string) map[string]string { return map[string]string{"key": key} }
	client := func(id, secret string) map[string]string { return map[string]string{"id": id, "secret": secret} }
	tests := []struct {
		name, connection, identifier string
		inputs                       map[string]string
		status                       int
		code                         string
	}{
		{"key", "key", "a", key("canary-wrong"), 422, "credential_refused"},
		{"key by its identity", "plain", "a", key("canary-wrong"), 422, "credential_refused"},
		{"key that may nothing", "key", "a", key("canary-forbidden"), 422, "credential_refused"},
		{"key with a success that is none", "key", "a", key("canary-error-inside"), 422, "credential_refused"},
		{"password", "basic", "a", map[string]string{"user": "ada", "password": "canary-wrong"}, 422, "credential_refused"},
		{"client", "client", "a", client("ada", "canary-wrong"), 422, "credential_refused"},
		{"password for a token", "password", "a", map[string]string{"username": "ada", "password": canaryKey}, 422, "credential_refused"},
		{"the connector's client", "robot", "a", nil, 502, "oauth_client_rejected"},
		{"the operator's client", "tenant", "a", map[string]string{"tenant": "canary-t"}, 502, "oauth_client_rejected"},
		{"no token in the answer", "client", "a", client("mute", canaryKey), 502, "exchange_failed"},
		{"token endpoint in trouble", "client", "a", client("late", canaryKey), 502, "provider_unavailable"},
		{"key that is none", "signed", "a", key("canary, no PEM"), 422, "credential_unfit"},
		{"key of the operator that is none", "operators-key", "a", map[string]string{"subject": "ada"}, 502, "oauth_client_rejected"},
		{"key that is no header", "key", "a", key("canary-ключ"), 422, "credential_unfit"},
		{"key, before its sites are asked for", "sites", "a", key("canary-wrong"), 422, "credential_refused"},
		{"key, before a header knows the site", "headed", "a", key("canary-wrong"), 422, "credential_refused"},
		{"no site", "sites", "a", key(canaryKey + "-0"), 409, "nothing_to_use"},
		{"several sites", "sites", "a", key(canaryKey + "-2"), 409, "choice_needed"},
		{"identifier", "key", "a b", key(canaryKey), 400, "identifier_invalid"},
		{"consent is needed", "demo", "a", nil, 409, "authorization_link_required"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := openCounter(t)
			a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: tt.connection, Identifier: tt.identifier, Inputs: tt.inputs})
			wantCode(t, err, tt.status, tt.code)
			if strings.Contains(nextOf(err), "new link") || strings.Contains(nextOf(err), "the link") {
				t.Errorf("next is %q, and there is no link", nextOf(err))
			}
			c.keep(err)
			c.wantNothing(a)
		})
	}
	for name, inputs := range map[string]map[string]string{
		"missing": nil, "empty": key(""), "unknown": {"key": canaryKey, "kye": canaryKey}, "line break": key("canary\nkey"),
	} {
		t.Run(name, func(t *testing.T) {
			c := openCounter(t)
			a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "key", Identifier: "a", Inputs: inputs})
			var ce *connection.Error
			if !errors.As(err, &ce) || ce.Code != connection.CodeInvalidInputs || !strings.Contains(ce.Message, "key") {
				t.Errorf("got %v, want to be told the input's name", err)
			}
			c.keep(err)
			c.wantNothing(a)
		})
	}
	t.Run("sites out of reach", func(t *testing.T) {
		c := openCounter(t)
		c.trouble.Store(true)
		a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "sites", Identifier: "a", Inputs: key(canaryKey)})
		wantCode(t, err, http.StatusBadGateway, "discovery_failed")
		c.keep(err)
		c.wantNothing(a)
	})
	t.Run("connection", func(t *testing.T) {
		c := openCounter(t)
		a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "nowhere", Identifier: "a"})
		var ce *connection.Error
		if !errors.As(err, &ce) || ce.Code != connection.CodeNotFound {
			t.Errorf("got %v", err)
		}
		c.wantNothing(a)
	})
}

// A provider that cannot say whether a key is good does not keep it from being stored.
func TestDirectUnchecked(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*counter)
	}{
		{"away", func(c *counter) { c.provider.Close() }},
		{"in trouble", func(c *counter) { c.trouble.Store(true) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := openCounter(t)
			tt.spoil(c)
			a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "key", Identifier: "user_1", Inputs: map[string]string{"key": canaryKey}})
			if err != nil || a.Status != vault.StatusActive || a.Identity.ID != "" {
				t.Errorf("got %+v, %v", a, err)
			}
			_, err = c.flow.Connect(t.Context(), consent.Direct{Connection: "client", Identifier: "a", Inputs: map[string]string{"id": "ada", "secret": canaryKey}})
			wantCode(t, err, http.StatusBadGateway, "provider_unavailable")
		})
	}
}

func TestDirectAgain(t *testing.T) {
	c := openCounter(t)
	first := c.connect("key", "user_1", map[string]string{"key": canaryKey})
	if _, err := c.vault.SetStatus(t.Context(), first.ID, 0, vault.StatusExpired, "credential_refused"); err != nil {
		t.Fatal(err)
	}
	again := c.connect("key", "user_1", map[string]string{"key": canaryKey + "-2"})
	if again.ID != first.ID || again.Status != vault.StatusActive || again.Generation != first.Generation+1 {
		t.Errorf("got %s %s of generation %d, want %s ACTIVE", again.ID, again.Status, again.Generation, first.ID)
	}
	if !c.grant(again).Inputs["key"].Equal(vault.NewSecret(canaryKey + "-2")) {
		t.Error("the new key is not the account's")
	}
	_, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "key", Identifier: "user_1", Inputs: map[string]string{"key": "canary-wrong"}})
	wantCode(t, err, http.StatusUnprocessableEntity, "credential_refused")
	if !c.grant(again).Inputs["key"].Equal(vault.NewSecret(canaryKey + "-2")) {
		t.Error("a refused key is in the place of a good one")
	}
	if _, err := c.vault.SetStatus(t.Context(), first.ID, 0, vault.StatusDisconnected, "disconnected"); err != nil {
		t.Fatal(err)
	}
	c.later()
	if back := c.connect("key", "user_1", map[string]string{"key": canaryKey}); back.ID != first.ID || back.Status != vault.StatusActive {
		t.Errorf("a disconnected account comes back as %s %s", back.ID, back.Status)
	}
}

func TestDirectOtherIdentity(t *testing.T) {
	c := openCounter(t)
	a := c.connect("client", "user_1", map[string]string{"id": "ada", "secret": canaryKey})
	_, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "client", Identifier: "user_1", Inputs: map[string]string{"id": "bob", "secret": canaryKey}})
	wantCode(t, err, http.StatusConflict, "identity_mismatch")
	c.keep(err)
	if got := c.last("/revoke"); got != canaryToken+"-bob" {
		t.Errorf("revoked is %q, want the token that is not kept", got)
	}
	if !c.grant(a).Access.Equal(vault.NewSecret(canaryToken + "-ada")) {
		t.Error("the account has another token")
	}
	c.anonymous.Store(true)
	_, err = c.flow.Connect(t.Context(), consent.Direct{Connection: "client", Identifier: "user_1", Inputs: map[string]string{"id": "ada", "secret": canaryKey}})
	wantCode(t, err, http.StatusBadGateway, "identity_unconfirmed")
	if got := c.last("/revoke"); got != canaryToken+"-bob" {
		t.Errorf("revoked is %q: it may be the account's own", got)
	}
}

// A token that was obtained for nothing is not left alive, unless the account works: it may be its own.
func TestDirectTokenNotKept(t *testing.T) {
	inputs := map[string]string{"id": "ada", "secret": canaryKey}
	for _, tt := range []struct {
		name, connection, site string
		status                 int
		code                   string
	}{
		{"not said which site", "clientsites", "", 409, "choice_needed"},
		{"no such site", "clientsites", "site-3", 409, "choice_not_offered"},
		{"a host that is not the provider's", "clienthost", "", 502, "exchange_failed"},
		{"a step fails", "clientsteps", "", 422, "credential_refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := openCounter(t)
			r := consent.Direct{Connection: tt.connection, Identifier: "user_1", Inputs: inputs}
			if tt.site != "" {
				r.Choice = map[string]string{"site": tt.site}
			}
			a, err := c.flow.Connect(t.Context(), r)
			wantCode(t, err, tt.status, tt.code)
			c.keep(err)
			c.wantNothing(a)
			if got := c.last("/revoke"); got != canaryToken+"-ada" {
				t.Errorf("revoked is %q, want the token", got)
			}
		})
	}
	c := openCounter(t)
	r := consent.Direct{Connection: "clientsites", Identifier: "user_1", Inputs: inputs, Choice: map[string]string{"site": "site-2"}}
	a, err := c.flow.Connect(t.Context(), r)
	if err != nil || c.grant(a).Captured["site"] != "site-2" {
		t.Fatal(err)
	}
	r.Choice["site"] = "site-3"
	_, err = c.flow.Connect(t.Context(), r)
	wantCode(t, err, http.StatusConflict, "choice_not_offered")
	if got := c.last("/revoke"); got != "" {
		t.Errorf("revoked is %q, which may be the account's own", got)
	}
	if _, err := c.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusExpired, "grant_revoked"); err != nil {
		t.Fatal(err)
	}
	_, err = c.flow.Connect(t.Context(), r)
	wantCode(t, err, http.StatusConflict, "choice_not_offered")
	if got := c.last("/revoke"); got != canaryToken+"-ada" {
		t.Errorf("revoked is %q, want the token: the account does not work", got)
	}
}

func TestDirectNotSaved(t *testing.T) {
	c := openCounter(t)
	c.store.refuse.Store(vault.KindGrant)
	a, err := c.flow.Connect(t.Context(), consent.Direct{Connection: "key", Identifier: "user_1", Inputs: map[string]string{"key": canaryKey}})
	wantCode(t, err, http.StatusServiceUnavailable, "save_failed")
	c.wantNothing(a)
}

// Accounts can be connected without a callback, and links can not.
func TestNoCallback(t *testing.T) {
	c := openCounter(t)
	a := c.connect("key", "user_1", map[string]string{"key": canaryKey})
	_, err := c.flow.Begin(t.Context(), consent.Request{Connection: "demo", Identifier: "user_1"})
	wantCode(t, err, http.StatusConflict, "callback_not_configured")
	_, err = c.flow.Begin(t.Context(), consent.Request{Connection: "key", Identifier: "user_1"})
	wantCode(t, err, http.StatusConflict, "callback_not_configured")
	if !strings.Contains(nextOf(err), "`claviger accounts add`") {
		t.Errorf("next is %q", nextOf(err))
	}
	demo, err := c.set.ByName("demo")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.flow.Reissue(t.Context(), vault.ConnectedAccount{ID: a.ID, ConnectionID: demo.ID, Identifier: "user_1"})
	wantCode(t, err, http.StatusConflict, "callback_not_configured")
	if got := c.flow.Callback("demo"); got != "" {
		t.Errorf("the redirect URI is %q", got)
	}
	for _, path := range []string{"/link/x", "/done", "/", "./link/x"} {
		r, err := http.NewRequest(http.MethodGet, "http://localhost", nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL.Path = path; c.flow.Serves(r) {
			t.Errorf("%s is served", path)
		}
	}
}
