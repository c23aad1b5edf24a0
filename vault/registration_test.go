package vault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// A registration is sealed whole, and comes back as it was.
func TestRegistrationsOfAConnection(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	conn := vault.Connection{Name: "social", Connector: "social", Origin: vault.OriginAPI, Registrations: []vault.Registration{
		{
			ClientID: "abc", RedirectURI: "https://accounts.example.com/oauth/callback/social", RegisteredAt: epoch, SecretExpires: epoch.Add(time.Hour),
			URI: "https://social.example.com/register/canary-uri", Token: vault.NewSecret("canary-token"),
		},
		{ClientID: "before", RegisteredAt: epoch},
	}}
	wantNil(t, v.PutConnection(t.Context(), &conn))
	if text := readable(t, store); strings.Contains(text, "canary") {
		t.Error("a registration can be read")
	}
	got, err := v.FindConnection(t.Context(), "", "social")
	wantNil(t, err)
	if d := cmp.Diff(conn, got); d != "" || !got.Registrations[0].Token.Equal(conn.Registrations[0].Token) {
		t.Errorf("found (-put +found):\n%s", d)
	}
	if r, ok := got.Registration("abc"); !ok || !r.Managed() {
		t.Errorf("got %+v, %t", r, ok)
	}
	if r, ok := got.Registration("before"); !ok || r.Managed() {
		t.Errorf("got %+v, %t", r, ok)
	}
	for _, id := range []string{"", "other"} {
		if r, ok := got.Registration(id); ok {
			t.Errorf("client %q has registration %+v", id, r)
		}
	}
	for len(conn.Registrations) <= vault.MaxRegistrations {
		conn.Registrations = append(conn.Registrations, vault.Registration{ClientID: "more"})
	}
	wantErr(t, v.PutConnection(t.Context(), &conn), vault.ErrInvalid)
}
