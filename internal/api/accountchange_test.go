package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func TestEnsureAccount(t *testing.T) {
	k := setup(t, nil)
	given := client.PendingAccount{Labels: map[string]string{"team": "red"}, Metadata: json.RawMessage(`{"crm":17}`)}
	made, err := k.EnsureAccount(t.Context(), "mail", "ada", given)
	if err != nil {
		t.Fatal(err)
	}
	want := client.Account{
		ID: made.ID, Connection: "mail", Connector: "demo", Identifier: "ada", Status: "PENDING_AUTH", Next: made.Next,
		CreatedAt: made.CreatedAt, Labels: given.Labels, Metadata: given.Metadata, Version: 1,
	}
	if diff := cmp.Diff(want, made); diff != "" || made.Next == "" {
		t.Errorf("made, next %q (-want +got):\n%s", made.Next, diff)
	}
	again, err := k.EnsureAccount(t.Context(), "mail", "ada", client.PendingAccount{Labels: map[string]string{"team": "blue"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, again); diff != "" {
		t.Errorf("asked for again (-first +second):\n%s", diff)
	}
	raw := k.send("PUT", "/claviger/accounts/mail/bob", "")
	if raw.status != 201 || raw.header.Get("ETag") != `"1"` || !strings.HasPrefix(raw.header.Get("Location"), "/claviger/accounts/ca_") {
		t.Errorf("without a body: %d, %v", raw.status, raw.header)
	}
	if raw := k.send("PUT", "/claviger/accounts/mail/bob", "{}"); raw.status != 200 {
		t.Errorf("again: %d %s", raw.status, raw.text)
	}
	if raw := k.send("PUT", "/claviger/accounts/mail/eve", `{"metadata":null}`); raw.status != 201 || strings.Contains(raw.text, "metadata") {
		t.Errorf("null as metadata: %d %s", raw.status, raw.text)
	}
	// A user who consents then has this account.
	connected := k.account("mail", "ada", nil)
	if string(connected.ID) != made.ID || connected.Status != vault.StatusActive || connected.Labels["team"] != "red" {
		t.Errorf("connected: %+v", connected)
	}
}

func TestEnsureAccountTogether(t *testing.T) {
	const callers = 100
	k := setup(t, nil)
	ids := make([]string, callers)
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			a, err := k.EnsureAccount(t.Context(), "mail", "ada", client.PendingAccount{})
			if err != nil {
				t.Error(err)
			}
			ids[i] = a.ID
		})
	}
	wait.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Fatalf("%d callers got more than one account: %q and %q", callers, ids[0], id)
		}
	}
	if page, err := k.Accounts(t.Context(), client.AccountQuery{}); err != nil || len(page.Items) != 1 {
		t.Errorf("there are %d accounts, %v", len(page.Items), err)
	}
}

func TestUpdateAccount(t *testing.T) {
	k := setup(t, nil)
	a := k.account("mail", "ada", nil)
	red, tier := "red", "pro"
	got, err := k.UpdateAccount(t.Context(), string(a.ID), client.AccountChange{
		Labels: map[string]*string{"team": &red, "tier": &tier, "none": nil}, Metadata: json.RawMessage(`{"a":[1]}`), Version: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"team": "red", "tier": "pro"}, got.Labels); diff != "" ||
		string(got.Metadata) != `{"a":[1]}` || got.Version != 2 {
		t.Errorf("version %d, metadata %s, labels (-want +got):\n%s", got.Version, got.Metadata, diff)
	}
	got, err = k.UpdateNamedAccount(t.Context(), "mail", "ada", client.AccountChange{Labels: map[string]*string{"tier": nil}})
	if err != nil || len(got.Labels) != 1 || string(got.Metadata) != `{"a":[1]}` {
		t.Errorf("a label less: %v %s, %v", got.Labels, got.Metadata, err)
	}
	got, err = k.UpdateAccount(t.Context(), string(a.ID), client.AccountChange{Metadata: json.RawMessage("null"), Version: got.Version})
	if err != nil || got.Metadata != nil || len(got.Labels) != 1 {
		t.Errorf("no metadata: %v %s, %v", got.Labels, got.Metadata, err)
	}
	_, err = k.UpdateAccount(t.Context(), string(a.ID), client.AccountChange{Labels: map[string]*string{"tier": &tier}, Version: 2})
	refused(t, err, 412, "precondition_failed")
	events, err := k.Events(t.Context(), client.EventQuery{Types: []string{"connected_account.updated"}})
	if err != nil || len(events.Items) != 3 {
		t.Errorf("%d events, %v", len(events.Items), err)
	}
}

func TestUpdateAccountRefused(t *testing.T) {
	k := setup(t, nil)
	k.account("mail", "ada", nil)
	tests := []struct {
		body, header string
		status       int
		code, says   string
	}{
		{`{"labels":{"Team":"x"}}`, "", 400, "field_invalid", "labels must have names of 1 to 63"},
		{`{"labels":{"team":"a\nb"}}`, "", 400, "field_invalid", "labels.team must be at most 200 bytes"},
		{`{"labels":["x"]}`, "", 400, "field_invalid", "labels"},
		{`{"labels":{"team":1}}`, "", 400, "field_invalid", "labels"},
		{`{"metadata":[]}`, "", 400, "field_invalid", "metadata must be a JSON object"},
		{`{"metadata":"` + strings.Repeat("x", 9000) + `"}`, "", 400, "field_invalid", "of at most 8 KiB"},
		{`{"metadata":{"a":1,"a":2}}`, "", 400, "body_invalid", "twice"},
		{`{"identifier":"bob"}`, "", 400, "field_unknown", "labels, metadata"},
		{`{"labels":{}}`, `If-Match: "7"`, 412, "precondition_failed", "If-Match"},
		{`{"labels":{}}`, `If-Match: W/"1"`, 412, "precondition_failed", "If-Match"},
		{`{"labels":{}}`, `If-Match: "1", "2"`, 412, "precondition_failed", "If-Match"},
	}
	for _, tt := range tests {
		t.Run(tt.body[:min(len(tt.body), 30)]+tt.header, func(t *testing.T) {
			header := []string{}
			if tt.header != "" {
				header = append(header, tt.header)
			}
			got := k.send("PATCH", "/claviger/accounts/mail/ada", tt.body, header...)
			got.wants(t, tt.status, tt.code)
			if !strings.Contains(got.problem.Detail+got.problem.Next, tt.says) {
				t.Errorf("says %q, next %q; want %q", got.problem.Detail, got.problem.Next, tt.says)
			}
		})
	}
	for _, good := range []string{`*`, `"1"`} {
		if got := k.send("PATCH", "/claviger/accounts/mail/ada", `{}`, "If-Match: "+good); got.status != 200 || got.header.Get("ETag") != `"1"` {
			t.Errorf("If-Match %s: %d, %v", good, got.status, got.header)
		}
	}
	k.send("PUT", "/claviger/accounts/mail/a%2Fb", "").wants(t, 400, "parameter_invalid")
	k.send("PUT", "/claviger/accounts/none/ada", "").wants(t, 404, "connection_not_found")
	k.send("PUT", "/claviger/accounts/mail/eve", `{"labels":{"L":""}}`).wants(t, 400, "field_invalid")
	k.send("GET", "/claviger/accounts/mail/eve", "").wants(t, 404, "account_not_found")
}

func TestRemoveAccount(t *testing.T) {
	k, p := withProvider(t)
	a, b := granted(t, k, p, "alice"), granted(t, k, p, "bob")
	d, err := k.RemoveAccount(t.Context(), string(a.ID))
	if err != nil || !d.Revoked || d.Account.ID != string(a.ID) || d.Account.Next != "" {
		t.Fatalf("got %+v, %v", d, err)
	}
	if n := p.LiveGrants("alice"); n != 0 {
		t.Errorf("the provider still has %d grants", n)
	}
	_, err = k.Account(t.Context(), string(a.ID))
	refused(t, err, 404, "account_not_found")
	_, err = k.RemoveAccount(t.Context(), string(a.ID))
	refused(t, err, 404, "account_not_found")
	if _, err := k.RemoveNamedAccount(t.Context(), "mail", "bob"); err != nil {
		t.Error(err)
	}
	_, err = k.Account(t.Context(), string(b.ID))
	refused(t, err, 404, "account_not_found")
	again, err := k.EnsureAccount(t.Context(), "mail", "alice", client.PendingAccount{})
	if err != nil || again.ID == string(a.ID) {
		t.Errorf("an ID is used again: %s, %v", again.ID, err)
	}
}

// An account that is not there is said to be so, whatever it is wanted for.
func TestAccountChangesNotFound(t *testing.T) {
	k := setup(t, nil)
	for account, code := range map[string]string{
		"ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A3": "account_not_found", "mail/eve": "account_not_found", "none/ada": "connection_not_found",
		"ca_x": "account_tag_invalid", "mail/a%2Fb": "account_tag_invalid",
	} {
		status := 404
		if code == "account_tag_invalid" {
			status = 400
		}
		k.send("PATCH", "/claviger/accounts/"+account, `{"labels":{"team":"red"}}`).wants(t, status, code)
		k.send("DELETE", "/claviger/accounts/"+account, "").wants(t, status, code)
	}
}

func TestAccountsFiltered(t *testing.T) {
	k := setup(t, nil)
	for i, name := range []string{"ada", "bob", "eve"} {
		a := k.account("mail", name, func(_ *vault.ConnectedAccount, g *vault.Grant) {
			g.RefreshExpires = time.Now().Add(time.Duration(i+1) * 24 * time.Hour)
		})
		team := []string{"red", "red", "blue=1"}[i]
		if _, err := k.UpdateAccount(t.Context(), string(a.ID), client.AccountChange{Labels: map[string]*string{"team": &team}}); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		q    client.AccountQuery
		want string
	}{
		{client.AccountQuery{Labels: map[string]string{"team": "red"}}, "ada bob"},
		{client.AccountQuery{Labels: map[string]string{"team": "blue=1"}}, "eve"},
		{client.AccountQuery{Labels: map[string]string{"team": "red", "x": ""}}, ""},
		{client.AccountQuery{ExpiringWithin: 36 * time.Hour}, "ada"},
		{client.AccountQuery{ExpiringWithin: 60 * time.Hour, Labels: map[string]string{"team": "red"}}, "ada bob"},
	}
	for _, tt := range tests {
		page, err := k.Accounts(t.Context(), tt.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range page.Items {
			got = append(got, a.Identifier)
		}
		if slices.Sort(got); strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: got %v, want %s", tt.q, got, tt.want)
		}
	}
	if got := k.send("GET", "/claviger/accounts?expiring_within=2d", ""); got.status != 200 || strings.Count(got.text, `"id"`) < 2 {
		t.Errorf("in days: %d %s", got.status, got.text)
	}
	for _, bad := range []string{"label=team", "label=T=1", "label=a=1&label=a=2", "expiring_within=soon", "expiring_within=-1h"} {
		k.send("GET", "/claviger/accounts?"+bad, "").wants(t, 400, "parameter_invalid")
	}
}

// A removal is not undone by a link that was made before it.
func TestRemoveAccountClosesLinks(t *testing.T) {
	k := setup(t, nil)
	link := func(identifier string) client.Link {
		l, err := k.CreateLink(t.Context(), client.NewLink{Connection: "mail", Identifier: identifier})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	before, other := link("ada"), link("bob")
	a := k.account("mail", "ada", nil)
	after := link("ada")
	if _, err := k.RemoveAccount(t.Context(), string(a.ID)); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{before.ID: "failed", after.ID: "failed", other.ID: "open"} {
		got, err := k.Link(t.Context(), id)
		if err != nil || got.Status != want {
			t.Errorf("link %s is %s, %v; want %s", id, got.Status, err, want)
		}
	}
}

// null is no metadata, as in a change.
func TestImportWithoutMetadata(t *testing.T) {
	k := setup(t, nil)
	got := k.send("POST", "/claviger/accounts/import", `{"accounts":[{"connection":"mail","identifier":"ada","metadata":null,"grant":{"access_token":"canary-imported-access-token"}}]}`)
	if got.status != 200 || !strings.Contains(got.text, `"created"`) {
		t.Errorf("got %d %s", got.status, got.text)
	}
}
