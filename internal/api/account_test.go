package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func TestAccount(t *testing.T) {
	k := setup(t, nil)
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.FixedZone("", 3600))
	stored := k.account("mail", "ada@example.com", func(a *vault.ConnectedAccount, g *vault.Grant) {
		a.Identity = vault.Identity{ID: "17", Name: "Ada", Email: "ada@example.com"}
		a.RequestedScopes = []string{"read", "write"}
		a.GrantedScopes = []string{"read"}
		a.TokenExpiresAt = at
		g.Expires = at
	})

	got, err := k.FindAccount(t.Context(), "mail", "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	want := client.Account{
		ID: string(stored.ID), Connection: "mail", Connector: "demo", Identifier: "ada@example.com", Status: "ACTIVE",
		Identity:        client.Identity{ID: "17", Name: "Ada", Email: "ada@example.com"},
		RequestedScopes: []string{"read", "write"}, GrantedScopes: []string{"read"}, MissingScopes: []string{"write"},
		CreatedAt: stored.CreatedAt, ConnectedAt: stored.ConnectedAt, TokenExpiresAt: at.UTC(),
		RefreshedAt: stored.RefreshedAt, NextDueAt: stored.DueAt, Version: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	byID, err := k.Account(t.Context(), string(stored.ID))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, byID); diff != "" {
		t.Errorf("by ID it is another one:\n%s", diff)
	}

	raw := k.send("GET", "/claviger/accounts/mail/ada%40example.com", "")
	if raw.status != 200 || raw.header.Get("Cache-Control") != "no-store" || raw.header.Get("Content-Type") != "application/json" {
		t.Errorf("percent-encoded: got %d with %v", raw.status, raw.header)
	}
	if !strings.Contains(raw.text, `"token_expires_at":"2026-05-04T11:00:00Z"`) {
		t.Errorf("times must be RFC 3339 in UTC: %s", raw.text)
	}
	for _, absent := range []string{"last_error", "refresh_expires_at", "last_used_at", "checked_at", "failures", "reason", `"next"`, "0001-01-01"} {
		if strings.Contains(raw.text, absent) {
			t.Errorf("%s should be absent: %s", absent, raw.text)
		}
	}
}

// What has happened to an account's token, and what is planned, is told.
func TestAccountFacts(t *testing.T) {
	k := setup(t, nil)
	a := k.account("mail", "ada", nil)
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	_, err := k.vault.Note(t.Context(), a.ID, 0, func(f *vault.Facts) []vault.Event {
		f.LastUsedAt, f.CheckedAt = at, at.Add(time.Minute)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := k.vault.EndRefresh(t.Context(), a.ID, vault.Failure{
			Generation: a.Generation, Code: "slow_down", Class: "transient", DueAt: at.Add(time.Hour),
		}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := k.Account(t.Context(), string(a.ID))
	if err != nil || !got.LastUsedAt.Equal(at) || !got.CheckedAt.Equal(at.Add(time.Minute)) || !got.NextDueAt.Equal(at.Add(time.Hour)) ||
		got.LastError != "slow_down" || got.LastErrorClass != "transient" || got.Failures != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := k.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusExpired, "x"); err != nil {
		t.Fatal(err)
	}
	if got, err = k.Account(t.Context(), string(a.ID)); err != nil || !got.NextDueAt.IsZero() {
		t.Errorf("something is planned for an EXPIRED account: %v, %v", got.NextDueAt, err)
	}
}

func TestAccountScopesUnknown(t *testing.T) {
	k := setup(t, nil)
	k.account("mail", "unknown", func(a *vault.ConnectedAccount, g *vault.Grant) {
		a.RequestedScopes, a.GrantedScopes, g.Scopes = []string{"read"}, nil, nil
	})
	a, err := k.FindAccount(t.Context(), "mail", "unknown")
	if err != nil {
		t.Fatal(err)
	}
	if a.GrantedScopes != nil || a.MissingScopes != nil {
		t.Errorf("got granted %v, missing %v; want both unknown", a.GrantedScopes, a.MissingScopes)
	}
}

func TestAccountNext(t *testing.T) {
	k := setup(t, nil)
	a := k.account("mail", "ada", nil)
	for _, status := range []vault.Status{vault.StatusExpired, vault.StatusPendingVerification, vault.StatusDisconnected} {
		if _, err := k.vault.SetStatus(t.Context(), a.ID, 0, status, "a_reason"); err != nil {
			t.Fatalf("%s: %v", status, err)
		}
		got, err := k.Account(t.Context(), string(a.ID))
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != string(status) || got.Reason != "a_reason" || !strings.Contains(got.Next, "claviger connect mail ada") {
			t.Errorf("got %s, %s, next %q", got.Status, got.Reason, got.Next)
		}
	}
}

func TestAccountsPaging(t *testing.T) {
	k := setup(t, nil)
	k.second("other")
	const each = 225
	want := map[string][]string{}
	for i := range each {
		for _, connection := range []string{"mail", "other"} {
			a := k.account(connection, fmt.Sprintf("user-%03d", i), nil)
			key := connection
			if i%3 == 0 {
				if _, err := k.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusExpired, "invalid_grant"); err != nil {
					t.Fatal(err)
				}
				key += " expired"
			}
			want[key] = append(want[key], string(a.ID))
		}
	}
	mail := slices.Concat(want["mail"], want["mail expired"])
	expired := slices.Concat(want["mail expired"], want["other expired"])
	everything := slices.Concat(mail, want["other"], want["other expired"])
	tests := []struct {
		name  string
		query client.AccountQuery
		want  []string
	}{
		{"all", client.AccountQuery{}, everything},
		{"small pages", client.AccountQuery{PageQuery: client.PageQuery{Limit: 7}}, everything},
		{"connection", client.AccountQuery{Connection: "mail"}, mail},
		{"connector", client.AccountQuery{Connector: "demo"}, everything},
		{"status", client.AccountQuery{Status: client.StatusExpired}, expired},
		{"both", client.AccountQuery{Connection: "mail", Status: client.StatusExpired, PageQuery: client.PageQuery{Limit: 10}}, want["mail expired"]},
		{"nothing", client.AccountQuery{Status: client.StatusPendingAuth}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for a, err := range k.AllAccounts(t.Context(), tt.query) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, a.ID)
			}
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%d accounts, want %d (-want +got):\n%s", len(got), len(tt.want), diff)
			}
		})
	}

	first, err := k.Accounts(t.Context(), client.AccountQuery{})
	if err != nil || len(first.Items) != 50 || first.Next == "" {
		t.Errorf("the default page has %d items, next %q (%v); want 50", len(first.Items), first.Next, err)
	}
	two, err := k.Accounts(t.Context(), client.AccountQuery{Identifier: "user-007"})
	if err != nil || len(two.Items) != 2 {
		t.Errorf("by identifier: got %d (%v), want one per connection", len(two.Items), err)
	}
	_, err = k.Accounts(t.Context(), client.AccountQuery{Status: client.StatusExpired, PageQuery: client.PageQuery{After: first.Next}})
	refused(t, err, 400, "parameter_invalid")
}

func TestAccountsParameters(t *testing.T) {
	k := setup(t, nil)
	tests := []struct {
		query  string
		status int
		code   string
		says   string
	}{
		{"limit=0", 400, "parameter_invalid", "limit must be a whole number from 1 to 200"},
		{"limit=201", 400, "parameter_invalid", "limit"},
		{"limit=ten", 400, "parameter_invalid", "limit"},
		{"limit=", 400, "parameter_invalid", "limit"},
		{"limit=5&limit=6", 400, "parameter_invalid", "limit is there twice"},
		{"status=active", 400, "parameter_invalid", "ACTIVE, EXPIRED, PENDING_AUTH, PENDING_VERIFICATION, DISCONNECTED"},
		{"status=", 400, "parameter_invalid", "status"},
		{"identifier=a%20b", 400, "parameter_invalid", "identifier must be"},
		{"after=%21%21", 400, "parameter_invalid", "after"},
		{"connection=gmail", 404, "connection_not_found", "gmail"},
		{"connector=dem", 404, "connector_not_found", "did you mean demo"},
		{"user=ada", 400, "parameter_unknown", "connection, connector, identifier, status, label, expiring_within, limit, after"},
		{"limit=%zz", 400, "parameter_invalid", "percent"},
		{"limit=5;status=ACTIVE", 400, "parameter_invalid", ""},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got := k.send("GET", "/claviger/accounts?"+tt.query, "")
			got.wants(t, tt.status, tt.code)
			if !strings.Contains(got.problem.Detail+got.problem.Next, tt.says) {
				t.Errorf("says %q, next %q; want %q", got.problem.Detail, got.problem.Next, tt.says)
			}
		})
	}
}

func TestAccountNotFound(t *testing.T) {
	k := setup(t, nil)
	verbs := []string{"GET ", "POST /disconnect", "POST /check", "POST /refresh", "GET /token"}
	for target, want := range map[string]string{
		"/accounts/" + string(vault.NewAccountID()): "404 account_not_found",
		"/accounts/mail/nobody":                     "404 account_not_found",
		"/accounts/nowhere/ada":                     "404 connection_not_found",
		"/accounts/mail":                            "400 account_tag_invalid",
		"/accounts/mail%2Fada":                      "400 account_tag_invalid",
		"/accounts/mail/a%20b":                      "400 account_tag_invalid",
		"/accounts/mail/%2E%2E":                     "400 account_tag_invalid",
	} {
		for _, verb := range verbs {
			method, rest, _ := strings.Cut(verb, " ")
			path := target + rest
			if path == "/accounts/mail/token" {
				want = "404 account_not_found" // the account of that identifier
			}
			var status int
			var code string
			fmt.Sscanf(want, "%d %s", &status, &code)
			t.Run(method+" "+path, func(t *testing.T) { k.send(method, "/claviger"+path, "").wants(t, status, code) })
		}
	}
}
