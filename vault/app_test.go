package vault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func client(id string, secrets ...string) vault.OAuthClient {
	c := vault.OAuthClient{ID: id}
	for _, s := range secrets {
		c.Secrets = append(c.Secrets, vault.NewSecret(s))
	}
	return c
}

func newApp() vault.App {
	return vault.App{
		Connector: "github", Client: client("new-id", "canary-1", "canary-2"),
		Earlier:      []vault.OAuthClient{client("old-id", "canary-3")},
		Params:       map[string]string{"region": "eu"},
		SecretParams: vault.NewSecrets(map[string]string{"key": "canary-4"}),
	}
}

func TestAppLife(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	app := newApp()
	wantNil(t, v.PutApp(t.Context(), &app))
	if app.Version != 1 || app.Project != "default" || app.Origin != vault.OriginAPI || !app.CreatedAt.Equal(epoch) || !vault.IsAppID(string(app.ID)) {
		t.Errorf("got %+v", app)
	}
	got, err := v.FindApp(t.Context(), "", "github", "")
	wantNil(t, err)
	if d := cmp.Diff(app, got); d != "" {
		t.Errorf("found (-put +found):\n%s", d)
	}
	twin := newApp()
	wantErr(t, v.PutApp(t.Context(), &twin), vault.ErrExists)
	twin.Way = "app"
	wantNil(t, v.PutApp(t.Context(), &twin))
	_, err = v.FindApp(t.Context(), "", "github", "other")
	wantErr(t, err, vault.ErrNotFound)

	stale := app
	c.add(time.Hour)
	app.Earlier, app.Client = nil, client("third")
	wantNil(t, v.PutApp(t.Context(), &app))
	wantErr(t, v.PutApp(t.Context(), &stale), vault.ErrConflict)
	got, err = v.FindApp(t.Context(), "", "github", "")
	wantNil(t, err)
	if d := cmp.Diff(app, got); d != "" || !got.UpdatedAt.Equal(c.now()) {
		t.Errorf("changed at %s (-put +found):\n%s", got.UpdatedAt, d)
	}
	page, err := v.Apps(t.Context(), "", vault.PageQuery{})
	wantNil(t, err)
	if len(page.Items) != 2 || page.Items[0].Way != "" || page.Items[1].Way != "app" {
		t.Errorf("got %+v", page.Items)
	}
	wantErr(t, v.DeleteApp(t.Context(), app.ID, 1), vault.ErrConflict)
	wantNil(t, v.DeleteApp(t.Context(), app.ID, app.Version))
	_, err = v.FindApp(t.Context(), "", "github", "")
	wantErr(t, err, vault.ErrNotFound)
}

func TestAppsThatAreRefused(t *testing.T) {
	many := func(n int) (clients []vault.OAuthClient) {
		for i := range n {
			clients = append(clients, client(fmt.Sprint("old-", i)))
		}
		return clients
	}
	v := vaulttest.New(t)
	for _, tt := range []struct {
		name   string
		change func(*vault.App)
	}{
		{"connector", func(a *vault.App) { a.Connector = "Git/Hub" }},
		{"way", func(a *vault.App) { a.Way = "a/b" }},
		{"project", func(a *vault.App) { a.Project = "/" }},
		{"six secrets", func(a *vault.App) { a.Client = client("id", "1", "2", "3", "4", "5", "6") }},
		{"empty secret", func(a *vault.App) { a.Client = client("id", "1", "") }},
		{"six earlier clients", func(a *vault.App) { a.Earlier = many(6) }},
		{"earlier client without ID", func(a *vault.App) { a.Earlier = many(1); a.Earlier[0].ID = "" }},
		{"earlier client twice", func(a *vault.App) { a.Earlier = append(many(1), many(1)...) }},
		{"earlier client is the current one", func(a *vault.App) { a.Earlier = many(1); a.Client.ID = "old-0" }},
		{"earlier client with six secrets", func(a *vault.App) { a.Earlier[0] = client("x", "1", "2", "3", "4", "5", "6") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp()
			tt.change(&a)
			wantErr(t, v.PutApp(t.Context(), &a), vault.ErrInvalid)
		})
	}
	full := newApp()
	full.Client, full.Earlier = client("id", "1", "2", "3", "4", "5"), many(5)
	wantNil(t, v.PutApp(t.Context(), &full))
}

func TestClientsOfAConnection(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	conn := vault.Connection{Name: "mail", Connector: "gmail", Origin: vault.OriginAPI, Earlier: newApp().Earlier}
	conn.SetClient(client("id", "canary-1", "canary-2"))
	wantNil(t, v.PutConnection(t.Context(), &conn))
	got, err := v.FindConnection(t.Context(), "", "mail")
	wantNil(t, err)
	if !got.Client().Equal(client("id", "canary-1", "canary-2")) || !got.Earlier[0].Equal(client("old-id", "canary-3")) || len(got.Earlier) != 1 {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(readable(t, store), "canary") {
		t.Error("a secret can be read")
	}
	conn.Earlier = append(conn.Earlier, conn.Earlier[0])
	wantErr(t, v.PutConnection(t.Context(), &conn), vault.ErrInvalid)
	conn.SetClient(client("public"))
	if !conn.ClientSecret.IsZero() || conn.FurtherSecrets != nil || conn.Client().Secrets != nil {
		t.Errorf("a public client has secrets: %+v", conn)
	}
}

// An app is sealed, sealed anew, verified, and moved with a backup.
func TestAppsAreSealed(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	app := newApp()
	wantNil(t, v.PutApp(t.Context(), &app))
	if strings.Contains(readable(t, store), "canary") {
		t.Error("a secret can be read")
	}
	key := promoteNew(t, v)
	wantNil(t, v.Reseal(t.Context()))
	wantSealedBy(t, store, key)
	to := vaulttest.NewStore(t)
	wantNil(t, restore(t, backup(t, v), to, keys))
	restored := vaulttest.OpenAt(t, to, keys, nil)
	got, err := restored.FindApp(t.Context(), "", "github", "")
	wantNil(t, err)
	if d := cmp.Diff(app, got); d != "" || !got.Client.Equal(app.Client) || !got.Earlier[0].Equal(app.Earlier[0]) || !got.SecretParams["key"].Equal(app.SecretParams["key"]) {
		t.Errorf("after all (-before +after):\n%s", d)
	}
	var found faults
	seen, err := restored.Verify(t.Context(), found.add)
	wantNil(t, err)
	if len(found) != 0 || seen.Records[vault.KindApp] != 1 {
		t.Errorf("got faults %v and %v records, want none and an app", found, seen.Records)
	}
	k := alter(t, to, vault.Key{Kind: vault.KindApp, ID: string(app.ID)})
	seen, err = restored.Verify(t.Context(), found.add)
	wantNil(t, err)
	if len(found) != 1 || found[0].Key != k || seen.Faults != 1 {
		t.Errorf("got faults %v, want one of %v", found, k)
	}
}

func TestClientUse(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	grant := func(id string) vault.Grant {
		g := vaulttest.Grant(id, epoch)
		g.ClientID = id
		return g
	}
	for i, id := range []string{"a", "b", "a", "b", "a"} {
		vaulttest.Account(t, v, conn, fmt.Sprint("user-", i), grant(id))
	}
	gone := vaulttest.Account(t, v, conn, "gone", grant("a"))
	_, err := v.SetStatus(t.Context(), gone.ID, 0, vault.StatusDisconnected, "disconnected")
	wantNil(t, err)
	bare := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: "bare"}
	wantNil(t, v.CreateAccount(t.Context(), &bare))
	uses, err := v.ClientUse(t.Context(), "", conn.ID)
	wantNil(t, err)
	if d := cmp.Diff(map[string]int{"a": 3, "b": 2}, uses); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestOAuthClientEqual(t *testing.T) {
	a := client("id", "1", "2")
	for _, tt := range []struct {
		other vault.OAuthClient
		want  bool
	}{
		{client("id", "1", "2"), true},
		{client("id", "2", "1"), false},
		{client("id", "1"), false},
		{client("other", "1", "2"), false},
	} {
		if got := a.Equal(tt.other); got != tt.want {
			t.Errorf("%d secrets of %s: got %v, want %v", len(tt.other.Secrets), tt.other.ID, got, tt.want)
		}
	}
	if !a.Secret().Equal(a.Secrets[0]) || !client("id").Secret().IsZero() || slices.Contains([]string{fmt.Sprint(a)}, "1") {
		t.Error("the first secret is another one")
	}
}
