package api_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// githubApp is an app with secrets that must not come back.
func githubApp() client.NewApp {
	return client.NewApp{Connector: "github", ClientID: "a", ClientSecrets: []string{canaryPosted + "-1", "{env.SECRET}"}}
}

// quiet fails if an answer or the log has a secret in it.
func (k *kit) quiet(answers ...any) {
	k.t.Helper()
	text := k.log.String() + fmt.Sprintf("%+v", answers)
	for _, canary := range []string{canaryPosted, canaryExpanded, canaryConfigured} {
		if strings.Contains(text, canary) {
			k.t.Errorf("%q is shown", canary)
		}
	}
}

func TestAppLife(t *testing.T) {
	k := setup(t, nil)
	_, err := k.CreateConnection(t.Context(), client.NewConnection{Name: "hub", Connector: "github"})
	refused(t, err, 400, "connection_invalid")
	made, err := k.CreateApp(t.Context(), githubApp())
	if err != nil {
		t.Fatal(err)
	}
	if !vault.IsAppID(made.ID) || made.CreatedAt.IsZero() {
		t.Errorf("made %q at %v", made.ID, made.CreatedAt)
	}
	expect := client.App{
		ID: made.ID, Connector: "github", Origin: client.OriginAPI, ClientID: "a", ClientSecrets: 2, ClientSecretInUse: 1,
		CreatedAt: made.CreatedAt, UpdatedAt: made.UpdatedAt,
	}
	if diff := cmp.Diff(expect, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	hub, err := k.CreateConnection(t.Context(), client.NewConnection{Name: "hub", Connector: "github"})
	if err != nil || !hub.DefaultApp || hub.ClientID != "a" || hub.ClientSecrets != 2 || !hub.HasClientSecret {
		t.Errorf("the connection is %+v, %v", hub, err)
	}
	own, err := k.Connection(t.Context(), "mail")
	if err != nil || own.DefaultApp || own.ClientID != "claviger-demo" {
		t.Errorf("a connection with a client of its own is %+v, %v", own, err)
	}
	id := "b"
	changed, err := k.ChangeApp(t.Context(), "github", "", client.AppChange{ClientID: &id, ClientSecrets: []string{canaryPosted + "-2"}})
	if err != nil {
		t.Fatal(err)
	}
	earlier := []client.OAuthClient{{ClientID: "a", ClientSecrets: 2}}
	if diff := cmp.Diff(earlier, changed.EarlierClients); diff != "" || changed.ClientID != "b" || changed.ClientSecrets != 1 || !slices.Equal(changed.Connections, []string{"hub"}) {
		t.Errorf("changed to %+v (-want +got):\n%s", changed, diff)
	}
	if hub, err = k.Connection(t.Context(), "hub"); err != nil || hub.ClientID != "b" {
		t.Errorf("the connection is %+v, %v", hub, err)
	}
	got, err := k.App(t.Context(), "github", "")
	if diff := cmp.Diff(changed, got); diff != "" || err != nil {
		t.Errorf("read again: %v (-want +got):\n%s", err, diff)
	}
	refused(t, k.DeleteApp(t.Context(), "github", "", false), 409, "app_in_use")
	if _, err := k.ForgetAppClient(t.Context(), "github", "", "a", false); err != nil {
		t.Fatal(err)
	}
	if err := k.DeleteApp(t.Context(), "github", "", true); err != nil {
		t.Fatal(err)
	}
	hub, err = k.Connection(t.Context(), "hub")
	if err != nil || !strings.Contains(hub.Broken, "claviger apps add github") {
		t.Errorf("the connection is %+v, %v; want it to say what it needs", hub, err)
	}
	_, err = k.App(t.Context(), "github", "")
	refused(t, err, 404, "app_not_found")
	k.quiet(made, changed, got, hub)
}

func TestAppSecretsChange(t *testing.T) {
	k := setup(t, nil)
	if _, err := k.CreateApp(t.Context(), githubApp()); err != nil {
		t.Fatal(err)
	}
	secrets := func() []string {
		t.Helper()
		one, err := k.vault.FindApp(t.Context(), "", "github", "")
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, s := range one.Client.Secrets {
			all = append(all, s.Reveal())
		}
		return all
	}
	for _, tt := range []struct {
		change client.AppChange
		want   []string
		code   string
	}{
		{client.AppChange{AddClientSecrets: []string{canaryPosted + "-3"}}, []string{canaryPosted + "-1", canaryExpanded, canaryPosted + "-3"}, ""},
		{client.AppChange{RemoveClientSecrets: []int{1, 2}}, []string{canaryPosted + "-3"}, ""},
		{client.AppChange{RemoveClientSecrets: []int{1}}, nil, "app_invalid"},
		{client.AppChange{RemoveClientSecrets: []int{2}}, nil, "oauth_client_invalid"},
		{client.AppChange{AddClientSecrets: []string{canaryPosted + "-3"}}, nil, "oauth_client_invalid"},
		{client.AppChange{AddClientSecrets: []string{""}}, nil, "field_invalid"},
		{client.AppChange{AddClientSecrets: []string{canaryPosted + "\n"}}, nil, "field_invalid"},
		{client.AppChange{AddEarlierClient: &client.NewOAuthClient{ClientSecrets: []string{canaryPosted}}}, nil, "field_invalid"},
		{client.AppChange{AddEarlierClient: &client.NewOAuthClient{ClientID: "a"}}, nil, "oauth_client_invalid"},
		{client.AppChange{ClientSecrets: []string{"{file./run/secret}"}}, []string{canaryExpanded}, ""},
	} {
		before := secrets()
		got, err := k.ChangeApp(t.Context(), "github", "", tt.change)
		if tt.code != "" {
			refused(t, err, 400, tt.code)
			tt.want = before
		} else if err != nil || got.ClientSecrets != len(tt.want) {
			t.Errorf("%+v: got %+v, %v", tt.change, got, err)
		}
		if after := secrets(); !slices.Equal(after, tt.want) {
			t.Errorf("%d secrets, want %d others", len(after), len(tt.want))
		}
		k.quiet(got, fmt.Sprint(err))
	}
}

func TestAppParams(t *testing.T) {
	k := setup(t, nil)
	_, err := k.CreateApp(t.Context(), client.NewApp{Connector: "demo", ClientID: "x", ClientSecrets: []string{"y"}, Params: map[string]string{"port": "9090"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.ChangeApp(t.Context(), "demo", "", client.AppChange{Params: map[string]string{"port": "9091"}})
	if err != nil || got.Params["port"] != "9091" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = k.ChangeApp(t.Context(), "demo", "", client.AppChange{Params: map[string]string{"port": ""}}); err != nil || len(got.Params) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = k.ChangeApp(t.Context(), "demo", "", client.AppChange{Params: map[string]string{"host": "x"}})
	refused(t, err, 400, "app_invalid")
}

func TestApps(t *testing.T) {
	v := vaulttest.New(t)
	k := setupAt(t, v, 9090, func(o *api.Options) {
		set, err := connection.NewSet(t.Context(), v, o.Catalog(), []vault.Connection{{Name: "notes", Connector: "notion"}}, vault.App{
			Connector: "notion", Client: vault.OAuthClient{ID: "n", Secrets: []vault.Secret{vault.NewSecret(canaryConfigured)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		o.Connections = set
	})
	for _, name := range []string{"slack", "github", "gmail"} {
		if _, err := k.CreateApp(t.Context(), client.NewApp{Connector: name, ClientID: name, ClientSecrets: []string{"s"}}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	q := client.PageQuery{Limit: 1}
	for pages := 0; ; pages++ {
		page, err := k.Apps(t.Context(), q)
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("got %+v, %v", page, err)
		}
		names = append(names, page.Items[0].Connector+" "+page.Items[0].Origin)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if got := strings.Join(names, ", "); got != "github api, gmail api, notion config, slack api" {
		t.Errorf("got %s", got)
	}
	_, err := k.Apps(t.Context(), client.PageQuery{After: "x"})
	refused(t, err, 400, "parameter_invalid")
	written, err := k.App(t.Context(), "notion", "")
	if err != nil || written.ID != "" || !slices.Equal(written.Connections, []string{"notes"}) {
		t.Errorf("got %+v, %v", written, err)
	}
	_, err = k.CreateApp(t.Context(), client.NewApp{Connector: "notion", ClientID: "x", ClientSecrets: []string{"s"}})
	refused(t, err, 409, "app_exists")
	_, err = k.ChangeApp(t.Context(), "notion", "", client.AppChange{AddClientSecrets: []string{"s"}})
	refused(t, err, 409, "app_read_only")
	refused(t, k.DeleteApp(t.Context(), "notion", "", true), 409, "app_read_only")
	_, err = k.CreateApp(t.Context(), client.NewApp{Connector: "nothing", ClientID: "x"})
	refused(t, err, 404, "connector_not_found")
	k.send("DELETE", "/claviger/apps/slack?force=yes", "").wants(t, 400, "parameter_invalid")
	k.send("DELETE", "/claviger/apps/slack?name=x", "").wants(t, 400, "parameter_unknown")
	k.send("PATCH", "/claviger/apps/slack", `{"remove_client_secrets":["1"]}`).wants(t, 400, "field_invalid")
	k.send("PATCH", "/claviger/apps/slack", `{"client_secret":"x"}`).wants(t, 400, "field_unknown")
	k.quiet(written)
}

// A connection's client is replaced; accounts that were connected with the one before go on with it until it
// is forgotten by force.
func TestConnectionClientChange(t *testing.T) {
	k := setup(t, nil)
	k.second("work")
	id := "next/client"
	got, err := k.ChangeConnection(t.Context(), "work", client.ConnectionChange{ClientID: &id, ClientSecrets: []string{canaryPosted + "-1", canaryPosted + "-2"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]client.OAuthClient{{ClientID: "claviger-demo", ClientSecrets: 1}}, got.EarlierClients); diff != "" || got.ClientID != id || got.ClientSecrets != 2 || got.ClientSecretInUse != 1 {
		t.Errorf("got %+v (-want +got):\n%s", got, diff)
	}
	k.account("work", "ada", func(_ *vault.ConnectedAccount, g *vault.Grant) { g.ClientID = "claviger-demo" })
	_, err = k.ForgetClient(t.Context(), "work", "claviger-demo", false)
	refused(t, err, 409, "oauth_client_in_use")
	if !strings.Contains(err.Error(), "1 accounts") {
		t.Errorf("got %v, want the number of accounts", err)
	}
	_, err = k.ForgetClient(t.Context(), "work", "none", true)
	refused(t, err, 404, "oauth_client_not_found")
	back := "claviger-demo"
	if got, err = k.ChangeConnection(t.Context(), "work", client.ConnectionChange{ClientID: &back}); err != nil || got.EarlierClients[0].ClientID != id {
		t.Errorf("the earlier client came back as %+v, %v", got, err)
	}
	if got, err = k.ForgetClient(t.Context(), "work", id, false); err != nil || len(got.EarlierClients) != 0 {
		t.Errorf("an ID with a slash: got %+v, %v", got, err)
	}
	none := ""
	_, err = k.ChangeConnection(t.Context(), "work", client.ConnectionChange{ClientID: &none})
	refused(t, err, 400, "connection_invalid")
	_, err = k.ChangeConnection(t.Context(), "mail", client.ConnectionChange{ClientID: &id})
	refused(t, err, 409, "connection_read_only")
	_, err = k.CreateConnection(t.Context(), client.NewConnection{Name: "two", Connector: "demo", ClientID: "x", ClientSecret: "y", ClientSecrets: []string{"z"}})
	refused(t, err, 400, "field_invalid")
	k.quiet(got)
}

// An import may bring accounts of any client that the connection knows, and brings its clients along.
func TestImportOfClients(t *testing.T) {
	k := setup(t, nil)
	in := client.Import{
		Connections: []client.NewConnection{{
			Name: "work", Connector: "demo", ClientID: "new", ClientSecrets: []string{canaryPosted + "-1", canaryPosted + "-2"},
			EarlierClients: []client.NewOAuthClient{{ClientID: "old", ClientSecrets: []string{canaryPosted + "-3"}}},
			Params:         map[string]string{"port": "9090"},
		}},
	}
	for _, id := range []string{"new", "old", "", "other"} {
		in.Accounts = append(in.Accounts, client.ImportAccount{
			Connection: "work", Identifier: "user-" + id, Grant: &client.ImportGrant{RefreshToken: "r", ClientID: id},
		})
	}
	for _, in.DryRun = range []bool{true, false} {
		got, err := k.Import(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var outcomes []string
		for _, a := range got.Accounts {
			outcomes = append(outcomes, a.Outcome)
		}
		if want := "created created created refused"; strings.Join(outcomes, " ") != want || got.Connections[0].Outcome != "created" {
			t.Errorf("dry: %v: got %v, want %s", in.DryRun, outcomes, want)
		}
	}
	c, err := k.vault.FindConnection(t.Context(), "", "work")
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"new": "new", "old": "old", "": "new"} {
		a, err := k.vault.FindAccount(t.Context(), c.ID, "user-"+id)
		if err != nil {
			t.Fatal(err)
		}
		if g, err := k.vault.Grant(t.Context(), a.ID); err != nil || g.ClientID != want {
			t.Errorf("the grant of %q is of %q, %v", id, g.ClientID, err)
		}
	}
	if _, err := k.vault.FindAccount(t.Context(), c.ID, "user-other"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("an account of a client that is not known was taken: %v", err)
	}
	k.quiet()
}
