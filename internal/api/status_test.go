package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
)

func TestStatus(t *testing.T) {
	k := setup(t, func(o *api.Options) { o.Unsaved = func() int { return 3 } })
	k.account("mail", "ada", nil)
	b := k.account("mail", "bob", nil)
	if _, err := k.vault.SetStatus(t.Context(), b.ID, 0, vault.StatusExpired, "invalid_grant"); err != nil {
		t.Fatal(err)
	}
	got, err := k.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := client.Status{
		Version: "1.2.3", StartedAt: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Accounts:    map[string]int{"ACTIVE": 1, "EXPIRED": 1, "PENDING_AUTH": 0, "PENDING_VERIFICATION": 0, "DISCONNECTED": 0},
		Connections: 1, Vault: client.Check{Name: "vault", OK: true}, UnsavedTokens: 3,
		Callback: "https://accounts.example.com/oauth/callback",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestVaultUnavailable(t *testing.T) {
	k := setup(t, nil)
	a := k.account("mail", "ada", nil)
	if err := k.vault.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := k.Status(t.Context())
	if err != nil || s.Vault.OK || s.Vault.Detail == "" || s.Vault.Next == "" || s.Accounts != nil {
		t.Errorf("status without a vault: %+v, %v", s, err)
	}
	for _, target := range []string{
		"GET /accounts", "GET /accounts/" + string(a.ID), "GET /accounts/mail/ada", "POST /accounts/mail/ada/disconnect",
		"GET /connections", "GET /connections/other", "DELETE /connections/other",
		`POST /links {"connection":"mail","identifier":"ada"}`,
		`POST /connections {"name":"x","connector":"demo","client_id":"x","client_secret":"x","params":{"port":"9090"}}`,
	} {
		t.Run(target, func(t *testing.T) {
			part := append(strings.SplitN(target, " ", 3), "")
			got := k.send(part[0], "/claviger"+part[1], part[2])
			got.wants(t, 503, "vault_unavailable")
			if got.header.Get("Retry-After") != "5" || got.problem.Next == "" {
				t.Errorf("Retry-After %q, next %q", got.header.Get("Retry-After"), got.problem.Next)
			}
			if id := got.problem.RequestID; id == "" || !strings.Contains(k.log.String(), id) {
				t.Errorf("request ID %q is not in the log", id)
			}
		})
	}
}
