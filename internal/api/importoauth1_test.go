package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

const signedByTwo = `
schema: 1
name: dance
title: Dance
mode: oauth1
authorize: {request_url: https://dance.test/request, url: https://dance.test/authorize}
token: {url: https://dance.test/access, ttl: never}
signer: {kind: oauth1}
api: {base_url: https://api.dance.test}
`

// Both halves of a token of OAuth 1.0a come along, or the account is not taken.
func TestImportOAuth1(t *testing.T) {
	made, err := connectors.Decode("dance.yaml", []byte(signedByTwo))
	if err != nil {
		t.Fatal(err)
	}
	k := setup(t, func(o *api.Options) {
		knows(o, o.Catalog().With(made))
		if o.Connections, err = connection.NewSet(t.Context(), o.Vault, o.Catalog(), []vault.Connection{
			{Name: "dance", Connector: "dance", ClientID: "x", ClientSecret: vault.NewSecret("canary-client")},
		}); err != nil {
			t.Fatal(err)
		}
	})
	for name, g := range map[string]client.ImportGrant{
		"no secret": {AccessToken: "canary-access"}, "an empty one": {AccessToken: "canary-access", Slots: values("secret", "")},
		"the secret alone": {RefreshToken: "canary-refresh", Slots: values("secret", "canary-secret")},
	} {
		if got := k.takeOne(typedAccount("dance", &g)); got.Outcome == "created" || !strings.Contains(got.Problem, "two halves") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	got := k.takeOne(typedAccount("dance", &client.ImportGrant{AccessToken: "canary-access", Slots: values("secret", "canary-secret", "other", "canary-other")}))
	if got.Outcome != "created" {
		t.Fatalf("got %+v", got)
	}
	g, err := k.vault.Grant(t.Context(), vault.AccountID(got.Account))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(vault.NewSecrets(values("secret", "canary-secret")), g.Slots); d != "" {
		t.Errorf("slots (-want +got):\n%s", d)
	}
}
