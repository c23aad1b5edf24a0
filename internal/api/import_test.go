package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

const freeID = "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A3"

// incoming is an account of the connection mail as it comes from elsewhere.
func incoming(identifier string, change func(*client.ImportAccount)) client.ImportAccount {
	a := client.ImportAccount{
		Connection: "mail", Identifier: identifier,
		Grant: &client.ImportGrant{
			AccessToken: "canary-import-access", RefreshToken: "canary-import-refresh", IDToken: "canary.import.id",
			Scopes: []string{"mail.read"}, Expires: time.Now().Add(time.Hour).UTC().Round(0), ClientID: "claviger-demo",
		},
	}
	if change != nil {
		change(&a)
	}
	return a
}

// take imports one account and returns what came of it.
func (k *kit) take(in client.Import) client.ImportedAccount {
	k.t.Helper()
	got, err := k.Import(k.t.Context(), in)
	if err != nil || len(got.Accounts) != 1 {
		k.t.Fatalf("got %+v, %v", got, err)
	}
	return got.Accounts[0]
}

func (k *kit) takeOne(a client.ImportAccount) client.ImportedAccount {
	k.t.Helper()
	return k.take(client.Import{Accounts: []client.ImportAccount{a}})
}

func TestImport(t *testing.T) {
	k := setup(t, nil)
	in := incoming("ada", func(a *client.ImportAccount) {
		a.ID, a.Connector, a.Status = freeID, "demo", "ACTIVE"
		a.Identity = client.Identity{ID: "17", Name: "Ada"}
		a.RequestedScopes, a.GrantedScopes = []string{"mail.read", "mail.send"}, []string{"mail.read"}
	})
	for _, dry := range []bool{true, false} {
		got, err := k.Import(t.Context(), client.Import{Accounts: []client.ImportAccount{in}, DryRun: dry})
		if err != nil {
			t.Fatal(err)
		}
		want := client.Imported{RefreshTokens: 1, DryRun: dry, Accounts: []client.ImportedAccount{
			{Connection: "mail", Identifier: "ada", Account: freeID, Outcome: "created"},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("dry %t: -want +got\n%s", dry, diff)
		}
		if _, err := k.vault.Account(t.Context(), freeID); (err == nil) == dry {
			t.Errorf("dry %t: the account: %v", dry, err)
		}
	}
	a, err := k.Account(t.Context(), freeID)
	if err != nil || a.Status != "ACTIVE" || a.Identity.Name != "Ada" || len(a.MissingScopes) != 1 {
		t.Errorf("got %+v, %v", a, err)
	}
	g, err := k.vault.Grant(t.Context(), freeID)
	if err != nil || g.Refresh.Reveal() != "canary-import-refresh" || g.IDToken.IsZero() || !g.Expires.Equal(in.Grant.Expires) || g.ClientID != "claviger-demo" {
		t.Errorf("grant %+v, %v", g, err)
	}
	// Another connection's user cannot have the ID again.
	k.second("work")
	other := k.takeOne(incoming("ben", func(a *client.ImportAccount) { a.ID, a.Connection = freeID, "work" }))
	if other.Outcome != "created" || other.Account == freeID || !vault.IsAccountID(other.Account) {
		t.Errorf("got %+v", other)
	}
}

func TestImportReplace(t *testing.T) {
	k := setup(t, nil)
	old := k.account("mail", "ada", nil)
	in := incoming("ada", func(a *client.ImportAccount) { a.ID = freeID })
	if got := k.takeOne(in); got.Outcome != "exists" || got.Account != string(old.ID) {
		t.Errorf("got %+v", got)
	}
	ended := incoming("ada", func(a *client.ImportAccount) { a.Status = "DISCONNECTED" })
	for _, in := range []client.Import{
		{Accounts: []client.ImportAccount{ended}, Replace: true},
		{Accounts: []client.ImportAccount{in}, Replace: true, DryRun: true},
	} {
		got := k.take(in)
		if g, err := k.vault.Grant(t.Context(), old.ID); err != nil || g.Access.Reveal() == "canary-import-access" {
			t.Errorf("%+v has replaced the tokens: %v", got, err)
		}
	}
	got := k.take(client.Import{Accounts: []client.ImportAccount{in}, Replace: true})
	if got.Outcome != "replaced" || got.Account != string(old.ID) {
		t.Errorf("got %+v", got)
	}
	if g, err := k.vault.Grant(t.Context(), old.ID); err != nil || g.Access.Reveal() != "canary-import-access" || g.Generation != 2 {
		t.Errorf("grant %+v, %v", g, err)
	}
}

// One that waits for its first consent gets the tokens, and a damaged one is in nobody else's way.
func TestImportBesideOthers(t *testing.T) {
	d := newDeck(t, nil)
	waits := vault.ConnectedAccount{ConnectionID: d.account("mail", "bad", nil).ConnectionID, Connector: "demo", Identifier: "waits"}
	if err := d.vault.CreateAccount(t.Context(), &waits); err != nil {
		t.Fatal(err)
	}
	bad, err := d.FindAccount(t.Context(), "mail", "bad")
	if err != nil {
		t.Fatal(err)
	}
	d.damage(vault.KindAccount, bad.ID)
	got, err := d.Import(t.Context(), client.Import{Accounts: []client.ImportAccount{incoming("bad", nil), incoming("waits", nil)}})
	if err != nil || got.Accounts[0].Outcome != "refused" || !strings.Contains(got.Accounts[0].Problem, "forget the user first") {
		t.Errorf("the damaged one: %+v, %v", got, err)
	}
	if len(got.Accounts) != 2 || got.Accounts[1].Outcome != "replaced" || got.Accounts[1].Account != string(waits.ID) {
		t.Errorf("the one that waits: %+v", got)
	}
	if g, err := d.vault.Grant(t.Context(), waits.ID); err != nil || g.Access.IsZero() {
		t.Errorf("its grant: %v", err)
	}
}

// A refresh token alone is enough: the first request refreshes.
func TestImportRefreshToken(t *testing.T) {
	k, p := withProvider(t)
	tokens, err := p.Grant("alice", "mail.read")
	if err != nil {
		t.Fatal(err)
	}
	got := k.takeOne(client.ImportAccount{Connection: "mail", Identifier: "ada", Grant: &client.ImportGrant{RefreshToken: tokens.Refresh}})
	if got.Outcome != "created" {
		t.Fatalf("got %+v", got)
	}
	g, err := k.vault.Grant(t.Context(), vault.AccountID(got.Account))
	if err != nil || g.Expires.IsZero() || g.Expires.After(time.Now()) {
		t.Errorf("the access token that is not there expires %v, %v", g.Expires, err)
	}
}

func TestImportStatus(t *testing.T) {
	k := setup(t, nil)
	for i, tt := range []struct {
		status, want string
		grant        bool
	}{
		{"", "ACTIVE", true},
		{"PENDING_VERIFICATION", "PENDING_VERIFICATION", true},
		{"PENDING_VERIFICATION", "PENDING_AUTH", false},
		{"PENDING_AUTH", "PENDING_AUTH", false},
		{"EXPIRED", "EXPIRED", false},
		{"EXPIRED", "EXPIRED", true},
		{"DISCONNECTED", "DISCONNECTED", true},
	} {
		done, err := k.Import(t.Context(), client.Import{Accounts: []client.ImportAccount{incoming(fmt.Sprintf("user%d", i), func(a *client.ImportAccount) {
			a.Status, a.Reason = tt.status, "invalid_grant"
			if !tt.grant {
				a.Grant = nil
			}
		})}})
		if err != nil || len(done.Accounts) != 1 {
			t.Fatalf("got %+v, %v", done, err)
		}
		a, err := k.Account(t.Context(), done.Accounts[0].Account)
		if err != nil || a.Status != tt.want {
			t.Errorf("%s, tokens %t: became %s (%v), want %s", tt.status, tt.grant, a.Status, err, tt.want)
		}
		if kept := tt.grant && tt.want != "EXPIRED" && tt.want != "DISCONNECTED"; kept != (done.RefreshTokens == 1) {
			t.Errorf("%s, tokens %t: %d refresh tokens have come", tt.status, tt.grant, done.RefreshTokens)
		}
		if ended := tt.want == "EXPIRED" || tt.want == "DISCONNECTED"; ended != (a.Reason == "invalid_grant") {
			t.Errorf("%s: reason is %q", tt.status, a.Reason)
		}
	}
}

func TestImportRefused(t *testing.T) {
	k := setup(t, nil)
	long := strings.Repeat("x", 20<<10)
	for _, tt := range []struct {
		name   string
		change func(*client.ImportAccount)
		says   string
	}{
		{"no tokens", func(a *client.ImportAccount) { a.Grant = nil }, "connect its user again"},
		{"empty grant", func(a *client.ImportAccount) { a.Grant = &client.ImportGrant{IDToken: "x"} }, "neither an access_token nor"},
		{"identifier", func(a *client.ImportAccount) { a.Identifier = "a b" }, "the identifier must be"},
		{"no identifier", func(a *client.ImportAccount) { a.Identifier = "" }, "the identifier must be"},
		{"ID", func(a *client.ImportAccount) { a.ID = "ca_1" }, "its ID"},
		{"status", func(a *client.ImportAccount) { a.Status = "active" }, "its status must be one of ACTIVE"},
		{"connection", func(a *client.ImportAccount) { a.Connection = "nowhere" }, `no connection "nowhere" here: add it`},
		{"connection's form", func(a *client.ImportAccount) { a.Connection = "../x\x00" }, "no connection"},
		{"connector", func(a *client.ImportAccount) { a.Connector = "gmail" }, "connection mail is one to demo"},
		{"client", func(a *client.ImportAccount) { a.Grant.ClientID = "another" }, `OAuth client "another"`},
		{"header", func(a *client.ImportAccount) { a.Grant.AccessToken = "x\r\nX-Evil: 1" }, "cannot be sent"},
		{"refresh token", func(a *client.ImportAccount) { a.Grant.RefreshToken = "ü" }, "cannot be sent"},
		{"ID token", func(a *client.ImportAccount) { a.Grant.IDToken = "a b" }, "cannot be sent"},
		{"long token", func(a *client.ImportAccount) { a.Grant.AccessToken = long }, "cannot be sent"},
		{"long name", func(a *client.ImportAccount) { a.Identity.Name = long }, "longer than 2 KiB"},
		{"long scope", func(a *client.ImportAccount) { a.Grant.Scopes = []string{long} }, "longer than 2 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := k.takeOne(incoming("ada", tt.change))
			if got.Outcome != "refused" || got.Account != "" || !strings.Contains(got.Problem, tt.says) {
				t.Errorf("got %+v, want %q", got, tt.says)
			}
			if strings.Contains(got.Problem, "canary") || strings.Contains(got.Problem, "Evil") {
				t.Errorf("the problem has a token: %s", got.Problem)
			}
		})
	}
	got, err := k.Import(t.Context(), client.Import{Accounts: []client.ImportAccount{incoming("bo", nil), incoming("bo", nil)}, Replace: true})
	if err != nil || got.Accounts[0].Outcome != "created" || got.Accounts[1].Outcome != "refused" {
		t.Errorf("twice in a request: %+v, %v", got, err)
	}
	if n, err := k.vault.CountAccounts(t.Context()); err != nil || n[vault.StatusActive] != 1 {
		t.Errorf("accounts %v, %v", n, err)
	}
}

func TestImportConnections(t *testing.T) {
	k := setup(t, nil)
	home := demoConnection("home")
	broken := client.NewConnection{Name: "broken", Connector: "demo", ClientID: "x", ClientSecret: canaryPosted}
	in := client.Import{
		Connections: []client.NewConnection{home, demoConnection("mail"), broken, {Name: "odd", Connector: "nowhere", ClientID: "x"}, home},
		Accounts: []client.ImportAccount{
			incoming("ada", func(a *client.ImportAccount) { a.Connection = "home" }),
			incoming("ada", func(a *client.ImportAccount) { a.Connection = "broken" }),
		},
	}
	for _, dry := range []bool{true, false} {
		in.DryRun = dry
		got, err := k.Import(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var outcomes []string
		for _, c := range got.Connections {
			outcomes = append(outcomes, c.Name+" "+c.Outcome)
		}
		want := []string{"home created", "mail exists", "broken refused", "odd refused", "home refused"}
		if diff := cmp.Diff(want, outcomes); diff != "" {
			t.Errorf("dry %t: -want +got\n%s", dry, diff)
		}
		if got.Accounts[0].Outcome != "created" || got.Accounts[1].Outcome != "refused" || !strings.Contains(got.Accounts[1].Problem, "connection broken was refused") {
			t.Errorf("dry %t: %+v", dry, got.Accounts)
		}
		c, err := k.Connection(t.Context(), "home")
		if dry {
			refused(t, err, 404, "connection_not_found")
		} else if err != nil || c.Origin != client.OriginAPI || !c.HasClientSecret || c.Broken != "" {
			t.Errorf("got %+v, %v", c, err)
		}
	}
	// A placeholder from elsewhere names a file of ours: it is a secret like any other.
	trap := demoConnection("trap")
	trap.ClientSecret = "{file./etc/passwd}"
	if _, err := k.Import(t.Context(), client.Import{Connections: []client.NewConnection{trap}}); err != nil {
		t.Fatal(err)
	}
	if c, err := k.set.ByName("trap"); err != nil || c.ClientSecret.Reveal() != trap.ClientSecret {
		t.Errorf("the placeholder was filled in: %v", err)
	}
}

func TestImportStrict(t *testing.T) {
	k := setup(t, nil)
	post := func(body string) answer { return k.send("POST", "/claviger/accounts/import", body) }
	item := `{"connection":"mail","identifier":"ada","grant":{"access_token":"canary-hostile"}}`
	for _, tt := range []struct {
		name, body string
		status     int
		code, says string
	}{
		{"unknown", `{"accounts":[],"force":true}`, 400, "field_unknown", `"force"`},
		{"unknown, deep", `{"accounts":[{"connection":"mail","identifier":"ada","token":"canary-hostile"}]}`, 400, "field_unknown", `"token"`},
		{"unknown, deeper", `{"accounts":[{"grant":{"Access_Token":"canary-hostile"}}]}`, 400, "field_unknown", `"Access_Token"`},
		{"twice, deep", `{"accounts":[{"grant":{"access_token":"a","access_token":"canary-hostile"}}]}`, 400, "body_invalid", "twice"},
		{"text for accounts", `{"accounts":"canary-hostile"}`, 400, "field_invalid", "accounts must be a list of objects"},
		{"text in accounts", `{"accounts":["canary-hostile"]}`, 400, "field_invalid", "accounts must be"},
		{"number for token", `{"accounts":[{"grant":{"access_token":17}}]}`, 400, "field_invalid", "access_token must be a string"},
		{"text for replace", `{"replace":"yes"}`, 400, "field_invalid", "replace must be true or false"},
		{"no time", `{"accounts":[{"grant":{"expires":"canary-hostile"}}]}`, 400, "field_invalid", "a time"},
		{"number for time", `{"accounts":[{"grant":{"expires":17}}]}`, 400, "field_invalid", "a time"},
		{"deep", `{"accounts":` + strings.Repeat("[", 1<<20), 400, "body_invalid", "nested too deeply"},
		{"deep where anything goes", `{"accounts":[{"grant":{"captured":` + strings.Repeat(`{"a":`, 1<<20), 400, "body_invalid", "nested too deeply"},
		{"too large", `{"accounts":[],"x":"` + strings.Repeat("x", 8<<20) + `"}`, 413, "body_too_large", "8 MiB"},
		{"too many", `{"accounts":[` + strings.Repeat(item+",", 100) + item + `]}`, 400, "field_invalid", "at most 100"},
		{"too many connections", `{"connections":[` + strings.Repeat("{},", 100) + `{}]}`, 400, "field_invalid", "at most 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := post(tt.body)
			got.wants(t, tt.status, tt.code)
			if !strings.Contains(got.problem.Detail, tt.says) {
				t.Errorf("detail %q does not say %q", got.problem.Detail, tt.says)
			}
			if strings.Contains(got.text, "canary") {
				t.Errorf("the answer repeats a value: %s", got.text)
			}
		})
	}
	k.send("POST", "/claviger/accounts/import?replace=1", `{}`).wants(t, 400, "parameter_unknown")
	k.send("GET", "/claviger/accounts/import", "").wants(t, 400, "account_tag_invalid")
	if got := post(`{}`); got.status != 200 {
		t.Errorf("nothing: %s", got.text)
	}
	if got := post(`{"accounts":[null,{}],"connections":[null]}`); got.status != 200 || strings.Count(got.text, "refused") != 3 {
		t.Errorf("nulls: %s", got.text)
	}
}

// Tokens go in and never come out: not in answers, not in the log.
func TestImportLeaks(t *testing.T) {
	k := setup(t, nil)
	body, err := json.Marshal(client.Import{
		Connections: []client.NewConnection{demoConnection("home")},
		Accounts:    []client.ImportAccount{incoming("ada", nil), incoming("ben", func(a *client.ImportAccount) { a.Connection = "nowhere" })},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := k.send("POST", "/claviger/accounts/import", string(body))
	if got.status != 200 || strings.Contains(got.text, "canary") {
		t.Errorf("the answer: %d %s", got.status, got.text)
	}
	if err := k.vault.Close(); err != nil {
		t.Fatal(err)
	}
	again := k.send("POST", "/claviger/accounts/import", string(body))
	again.wants(t, 503, "vault_unavailable")
	for _, path := range []string{"/accounts", "/connections", "/vault", "/status"} {
		again.text += k.send("GET", "/claviger"+path, "").text
	}
	if strings.Contains(again.text+k.log.String(), "canary") {
		t.Errorf("a secret has come out: %s %s", again.text, k.log)
	}
}

// The log tells which accounts got other tokens, also when the server could not go on after them.
func TestImportIsLogged(t *testing.T) {
	store := &refusingStore{Store: vaulttest.NewStore(t)}
	k := setupAt(t, vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil), 9090, nil)
	ada, ben := k.account("mail", "ada", nil), k.account("mail", "ben", nil)
	store.only = string(ben.ID)
	_, err := k.Import(t.Context(), client.Import{Replace: true, Accounts: []client.ImportAccount{
		incoming("ada", nil), incoming("ben", nil),
	}})
	refused(t, err, 507, "vault_full")
	want := `"msg":"accounts were imported","accounts":2,"created":[],"replaced":["` + string(ada.ID) + `"],"refused":0`
	if !strings.Contains(k.log.String(), want) {
		t.Errorf("the log is %s, want %s", k.log, want)
	}
}

// refusingStore has no room for one account.
type refusingStore struct {
	vault.Store
	only string
}

func (s *refusingStore) Apply(ctx context.Context, changes ...vault.Change) error {
	for _, c := range changes {
		if c.ID == s.only {
			return vault.ErrFull
		}
	}
	return s.Store.Apply(ctx, changes...)
}
