package connection_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func client(id string, secrets ...string) vault.OAuthClient {
	c := vault.OAuthClient{ID: id}
	for _, s := range secrets {
		c.Secrets = append(c.Secrets, vault.NewSecret("canary-secret-"+s))
	}
	return c
}

func appOf(connector string, c vault.OAuthClient) vault.App {
	return vault.App{Connector: connector, Client: c}
}

// bare is a connection that brings no OAuth client.
func bare(name, connector string) vault.Connection {
	return vault.Connection{Name: name, Connector: connector}
}

func newSet(t *testing.T, v *vault.Vault, configured []vault.Connection, apps ...vault.App) *connection.Set {
	t.Helper()
	set, err := connection.NewSet(t.Context(), v, catalog(t), configured, apps...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// wantClient checks which client a connection uses, and its secrets.
func wantClient(t *testing.T, set *connection.Set, name string, want vault.OAuthClient, byDefault bool) *connection.Connection {
	t.Helper()
	c, err := set.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	got := vault.OAuthClient{ID: c.App.ClientID}
	if !c.App.ClientSecret.IsZero() {
		got.Secrets = append([]vault.Secret{c.App.ClientSecret}, c.App.FurtherSecrets...)
	}
	if !got.Equal(want) || c.DefaultApp != byDefault {
		t.Errorf("connection %s has client %s with %d secrets, from the default app: %v; want %s with %d, %v",
			name, got.ID, len(got.Secrets), c.DefaultApp, want.ID, len(want.Secrets), byDefault)
	}
	return c
}

// Connections that bring no client use the app, of the configuration or of the vault, and a change takes
// effect at once.
func TestDefaultApp(t *testing.T) {
	v := vaulttest.New(t)
	set := newSet(t, v, []vault.Connection{bare("one", "github"), configured("own", "github"), bare("mail", "gmail")},
		appOf("gmail", client("of-config", "1")))
	wantClient(t, set, "mail", client("of-config", "1"), true)
	wantClient(t, set, "own", vault.OAuthClient{ID: "id", Secrets: []vault.Secret{vault.NewSecret("canary-secret")}}, false)
	_, err := set.ByName("one")
	wantCode(t, err, connection.CodeInvalidConnection)
	if !connection.LacksClient(err) || !strings.Contains(err.Error(), "claviger apps add github") {
		t.Errorf("got %v, want to be told what to do", err)
	}
	if set.Broken()["one"] == nil {
		t.Error("the connection is not known as broken")
	}
	if _, err := set.Add(t.Context(), bare("two", "github")); !connection.LacksClient(err) {
		t.Errorf("got %v, want it refused", err)
	}

	if _, err := set.AddApp(t.Context(), appOf("github", client("a", "1", "2"))); err != nil {
		t.Fatal(err)
	}
	one := wantClient(t, set, "one", client("a", "1", "2"), true)
	if byID, err := set.ByID(one.ID); err != nil || byID != one || set.Broken()["one"] != nil {
		t.Errorf("got %v, %v; want it ready in every way", byID, err)
	}
	if _, err := set.Add(t.Context(), bare("two", "github")); err != nil {
		t.Fatal(err)
	}
	wantClient(t, set, "two", client("a", "1", "2"), true)
	if users := set.AppUsers("github", ""); !slices.Equal(users, []string{"one", "two"}) {
		t.Errorf("got users %v", users)
	}

	_, err = set.ChangeApp(t.Context(), "github", "", func(a *vault.App) (err error) {
		next := "b"
		a.Client, a.Earlier, err = connection.ClientChange{ID: &next, Secrets: client("", "3").Secrets}.Apply(a.Client, a.Earlier)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		c := wantClient(t, set, name, client("b", "3"), true)
		if ids := c.Clients(); !slices.Equal(ids, []string{"b", "a"}) {
			t.Errorf("connection %s knows %v", name, ids)
		}
	}
	// Another process, or the next configuration, sees the same.
	again := newSet(t, v, []vault.Connection{bare("one", "github")})
	wantClient(t, again, "one", client("b", "3"), true)
	wantClient(t, again, "two", client("b", "3"), true)
}

func TestAppOfTheConfigurationIsInForce(t *testing.T) {
	v := vaulttest.New(t)
	set := newSet(t, v, []vault.Connection{bare("one", "github")})
	if _, err := set.AddApp(t.Context(), appOf("github", client("stored", "1"))); err != nil {
		t.Fatal(err)
	}
	both := newSet(t, v, []vault.Connection{bare("one", "github")}, appOf("github", client("written", "2")))
	c := wantClient(t, both, "one", client("written", "2"), true)
	if old := c.WithClient("stored"); !old.ClientKnown() || !old.App.ClientSecret.Equal(client("", "1").Secret()) {
		t.Error("the client of the vault is not known to accounts that were connected with it")
	}
	if list := both.Apps(); len(list) != 1 || list[0].Origin != vault.OriginConfig {
		t.Errorf("got %+v", list)
	}
	_, err := both.AddApp(t.Context(), appOf("github", client("x", "1")))
	wantCode(t, err, connection.CodeAppExists)
	_, err = both.ChangeApp(t.Context(), "github", "", func(*vault.App) error { return nil })
	wantCode(t, err, connection.CodeAppReadOnly)
	wantCode(t, both.RemoveApp(t.Context(), "github", "", true), connection.CodeAppReadOnly)
	_, err = connection.NewSet(t.Context(), v, catalog(t), nil, appOf("github", client("a", "1")), appOf("github", client("b", "1")))
	wantCode(t, err, connection.CodeInvalidApp)
}

func TestParamsOfAnApp(t *testing.T) {
	v := vaulttest.New(t)
	app := appOf("demo", client("id", "1"))
	app.Params = map[string]string{"port": "8001"}
	own := bare("own", "demo")
	own.Params = map[string]string{"port": "8002"}
	set := newSet(t, v, []vault.Connection{bare("plain", "demo"), own}, app)
	for name, port := range map[string]string{"plain": "8001", "own": "8002"} {
		if c, err := set.ByName(name); err != nil || c.App.Values["app.port"] != port {
			t.Errorf("%s: %v, want port %s", name, err, port)
		}
	}
	delete(app.Params, "port")
	if _, err := connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{bare("plain", "demo")}, app); err == nil {
		t.Error("a param that is nowhere is not missed")
	}
}

const branched = `
schema: 1
name: branched
title: Branched
app:
  - {name: plan, enum: [free, team], default: free}
  - {name: seat, pattern: "[0-9]+", visible_when: {input: plan, equals: team}}
authorize: {url: "https://branched.example.com/authorize"}
token: {url: "https://branched.example.com/token", client_auth: post, headers: {X-Seat: "{app.seat}"}}
api: {base_url: "https://branched.example.com/api"}
`

// What a connection says itself decides which of the app's params there are.
func TestParamsThatAreNotAskedFor(t *testing.T) {
	k, err := connectors.Decode("branched.yaml", []byte(branched))
	if err != nil {
		t.Fatal(err)
	}
	known := catalog(t).With(k)
	app := appOf("branched", client("id", "1"))
	app.Params = map[string]string{"plan": "team", "seat": "7"}
	for _, tt := range []struct {
		name string
		own  map[string]string
		want connectors.Values
	}{
		{"the app's", nil, connectors.Values{"app.plan": "team", "app.seat": "7"}},
		{"own seat", map[string]string{"seat": "8"}, connectors.Values{"app.plan": "team", "app.seat": "8"}},
		{"own plan without seats", map[string]string{"plan": "free"}, connectors.Values{"app.plan": "free"}},
		{"seat without a plan for it", map[string]string{"plan": "free", "seat": "8"}, nil},
	} {
		c := bare("own", "branched")
		c.Params = tt.own
		made, err := connection.New(c, known, app)
		switch {
		case tt.want == nil:
			wantCode(t, err, connection.CodeInvalidConnection)
			if !strings.Contains(err.Error(), "seat: must be left out") {
				t.Errorf("%s: %v", tt.name, err)
			}
		case err != nil || !maps.Equal(made.App.Values, tt.want):
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if err := connection.CheckApp(app, known); err != nil {
		t.Error(err)
	}
	app.Params = map[string]string{"seat": "7"} // a connection may say plan: team
	if err := connection.CheckApp(app, known); err != nil {
		t.Error(err)
	}
	app.Params["plan"] = "free"
	wantCode(t, connection.CheckApp(app, known), connection.CodeInvalidApp)
}

func TestRefusedApps(t *testing.T) {
	for _, tt := range []struct {
		name string
		app  vault.App
		code string
	}{
		{"unknown connector", appOf("githib", client("id", "1")), connection.CodeUnknownConnector},
		{"unknown way", vault.App{Connector: "github", Way: "none", Client: client("id", "1")}, connection.CodeInvalidConnection},
		{"no client ID", appOf("github", client("", "1")), connection.CodeInvalidApp},
		{"no secret", appOf("github", client("id")), connection.CodeInvalidApp},
		{"six secrets", appOf("github", client("id", "1", "2", "3", "4", "5", "6")), connection.CodeInvalidApp},
		{"a secret twice", appOf("github", client("id", "1", "1")), connection.CodeInvalidApp},
		{"a param that there is not", vault.App{Connector: "demo", Client: client("id", "1"), Params: map[string]string{"host": "x"}}, connection.CodeInvalidApp},
		{"a param out of its pattern", vault.App{Connector: "demo", Client: client("id", "1"), Params: map[string]string{"port": "x"}}, connection.CodeInvalidApp},
		{"earlier client twice", vault.App{Connector: "github", Client: client("id", "1"), Earlier: []vault.OAuthClient{client("id", "2")}}, connection.CodeInvalidApp},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, connection.CheckApp(tt.app, catalog(t)), tt.code)
		})
	}
	wantCode(t, connection.CheckApp(appOf("keyed", client("id")), withKeyed(t)), connection.CodeInvalidApp)
}

// A grant goes on with the client that it was made with, as long as that is known.
func TestForGrant(t *testing.T) {
	v := vaulttest.New(t)
	c := configured("mail", "gmail")
	c.Earlier = []vault.OAuthClient{client("old", "1")}
	set := newSet(t, v, []vault.Connection{c}, appOf("gmail", client("app", "2", "3")))
	live, err := set.ByName("mail")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		id, secret string
		further    int
		known      bool
	}{
		{"", "canary-secret", 0, true},
		{"id", "canary-secret", 0, true},
		{"old", "canary-secret-1", 0, true},
		{"app", "canary-secret-2", 1, true},
		{"gone", "", 0, false},
	} {
		own, err := live.ForGrant(vault.Grant{ClientID: tt.id})
		want := tt.id
		if want == "" {
			want = "id"
		}
		if err != nil || own.App.ClientID != want || own.ClientKnown() != tt.known || own.All() != live ||
			!own.App.ClientSecret.Equal(vault.NewSecret(tt.secret)) || len(own.App.FurtherSecrets) != tt.further {
			t.Errorf("grant of %q: got client %q, known: %v, %v", tt.id, own.App.ClientID, own.ClientKnown(), err)
		}
		if again := own.WithClient("id"); again != live {
			t.Errorf("grant of %q: the way back leads elsewhere", tt.id)
		}
	}
	keys, err := connection.New(configuredKeyed(""), withKeyed(t))
	if err != nil {
		t.Fatal(err)
	}
	if own := keys.WithClient("whatever"); own != keys {
		t.Error("a connector without clients has got one")
	}
}

func TestClientChange(t *testing.T) {
	id := func(s string) *string { return &s }
	secrets := func(s ...string) []vault.Secret { return client("", s...).Secrets }
	earlier := []vault.OAuthClient{client("e1", "7"), client("e2", "8")}
	full := []vault.OAuthClient{client("1"), client("2"), client("3"), client("4"), client("5")}
	for _, tt := range []struct {
		name    string
		change  connection.ClientChange
		current vault.OAuthClient
		before  []vault.OAuthClient
		want    vault.OAuthClient
		earlier []string
		code    string
	}{
		{"nothing", connection.ClientChange{}, client("a", "1"), earlier, client("a", "1"), []string{"e1", "e2"}, ""},
		{"another client", connection.ClientChange{ID: id("b"), Secrets: secrets("2")}, client("a", "1"), earlier, client("b", "2"), []string{"a", "e1", "e2"}, ""},
		{"the same client", connection.ClientChange{ID: id("a"), Secrets: secrets("2")}, client("a", "1"), nil, client("a", "2"), nil, ""},
		{"an earlier one comes back", connection.ClientChange{ID: id("e2")}, client("a", "1"), earlier, client("e2", "8"), []string{"a", "e1"}, ""},
		{"an earlier one with another secret", connection.ClientChange{ID: id("e2"), Secrets: secrets("9")}, client("a", "1"), earlier, client("e2", "9"), []string{"a", "e1"}, ""},
		{"no client any more", connection.ClientChange{ID: id("")}, client("a", "1"), nil, client(""), []string{"a"}, ""},
		{"a first client", connection.ClientChange{ID: id("a"), Secrets: secrets("1")}, client(""), nil, client("a", "1"), nil, ""},
		{"a further secret", connection.ClientChange{Add: secrets("2")}, client("a", "1"), nil, client("a", "1", "2"), nil, ""},
		{"a secret less", connection.ClientChange{Remove: []int{1}}, client("a", "1", "2"), nil, client("a", "2"), nil, ""},
		{"one for another", connection.ClientChange{Remove: []int{1}, Add: secrets("3")}, client("a", "1", "2"), nil, client("a", "2", "3"), nil, ""},
		{"an earlier client", connection.ClientChange{Earlier: &vault.OAuthClient{ID: "x"}}, client("a", "1"), earlier, client("a", "1"), []string{"x", "e1", "e2"}, ""},
		{"an earlier client again", connection.ClientChange{Earlier: &vault.OAuthClient{ID: "e2"}}, client("a", "1"), earlier, client("a", "1"), []string{"e2", "e1"}, ""},
		{"no such secret", connection.ClientChange{Remove: []int{2}}, client("a", "1"), nil, client(""), nil, connection.CodeInvalidClient},
		{"secret zero", connection.ClientChange{Remove: []int{0}}, client("a", "1"), nil, client(""), nil, connection.CodeInvalidClient},
		{"a secret that is there", connection.ClientChange{Add: secrets("1")}, client("a", "1"), nil, client(""), nil, connection.CodeInvalidClient},
		{"six secrets", connection.ClientChange{Add: secrets("6")}, client("a", "1", "2", "3", "4", "5"), nil, client(""), nil, connection.CodeInvalidClient},
		{"an empty secret", connection.ClientChange{Secrets: []vault.Secret{{}}}, client("a", "1"), nil, client(""), nil, connection.CodeInvalidClient},
		{"six earlier clients", connection.ClientChange{ID: id("b"), Secrets: secrets("2")}, client("a", "1"), full, client(""), nil, connection.CodeClientsFull},
		{"the client itself as an earlier one", connection.ClientChange{Earlier: &vault.OAuthClient{ID: "a"}}, client("a", "1"), nil, client(""), nil, connection.CodeInvalidClient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kept := slices.Clone(tt.before)
			got, after, err := tt.change.Apply(tt.current, tt.before)
			if tt.code != "" {
				wantCode(t, err, tt.code)
			} else if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, c := range after {
				ids = append(ids, c.ID)
			}
			if !got.Equal(tt.want) || !slices.Equal(ids, tt.earlier) {
				t.Errorf("got %s with %d secrets and earlier %v, want %s with %d and %v", got.ID, len(got.Secrets), ids, tt.want.ID, len(tt.want.Secrets), tt.earlier)
			}
			if !slices.EqualFunc(kept, tt.before, vault.OAuthClient.Equal) {
				t.Error("what was given has changed")
			}
		})
	}
}

// What accounts need is not taken away, but by force.
func TestClientsInUseStay(t *testing.T) {
	v := vaulttest.New(t)
	app := appOf("github", client("new", "1"))
	app.Earlier = []vault.OAuthClient{client("old", "2"), client("idle", "3")}
	set := newSet(t, v, []vault.Connection{bare("one", "github")})
	if _, err := set.AddApp(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	one := wantClient(t, set, "one", client("new", "1"), true)
	for i := range 3 {
		g := vaulttest.Grant(fmt.Sprint(i), one.CreatedAt)
		g.ClientID = "old"
		vaulttest.Account(t, v, one.Connection, fmt.Sprint("user-", i), g)
	}
	forget := func(id string, force bool) error {
		_, err := set.ForgetAppClient(t.Context(), "github", "", id, force)
		return err
	}
	wantCode(t, forget("none", false), connection.CodeClientNotFound)
	err := forget("old", false)
	wantCode(t, err, connection.CodeClientInUse)
	if !strings.HasPrefix(err.Error(), "3 accounts") {
		t.Errorf("got %v, want the number", err)
	}
	if err := forget("idle", false); err != nil {
		t.Error(err)
	}
	err = set.RemoveApp(t.Context(), "github", "", false)
	wantCode(t, err, connection.CodeAppInUse)
	if !strings.Contains(err.Error(), "one") {
		t.Errorf("got %v, want to be told by whom", err)
	}
	// Not even when the connection has got a client of its own.
	own := newSet(t, v, []vault.Connection{configured("one", "github")})
	wantCode(t, own.RemoveApp(t.Context(), "github", "", false), connection.CodeClientInUse)

	if err := forget("old", true); err != nil {
		t.Error(err)
	}
	if one, _ = set.ByName("one"); one.WithClient("old").ClientKnown() {
		t.Error("the client is still known")
	}
	if err := set.RemoveApp(t.Context(), "github", "", true); err != nil {
		t.Fatal(err)
	}
	_, err = set.ByName("one")
	if !connection.LacksClient(err) {
		t.Errorf("got %v, want the connection to lack a client", err)
	}
	_, err = set.ByID(one.ID)
	if !connection.LacksClient(err) {
		t.Errorf("by its ID: got %v", err)
	}
	wantCode(t, set.RemoveApp(t.Context(), "github", "", true), connection.CodeAppNotFound)
	wantCode(t, set.Remove(t.Context(), "one"), connection.CodeReadOnly)
}

func TestChangeOfAConnection(t *testing.T) {
	v := vaulttest.New(t)
	set := newSet(t, v, []vault.Connection{configured("mail", "gmail")})
	if _, err := set.Add(t.Context(), configured("stored", "github")); err != nil {
		t.Fatal(err)
	}
	to := func(ch connection.ClientChange) func(*vault.Connection) error {
		return func(c *vault.Connection) error {
			next, earlier, err := ch.Apply(c.Client(), c.Earlier)
			if err == nil {
				c.SetClient(next)
				c.Earlier = earlier
			}
			return err
		}
	}
	id := "second"
	c, err := set.Change(t.Context(), "stored", to(connection.ClientChange{ID: &id, Secrets: client("", "1", "2").Secrets}))
	if err != nil {
		t.Fatal(err)
	}
	if live := wantClient(t, set, "stored", client("second", "1", "2"), false); live != c {
		t.Error("what is returned is not what is used")
	}
	if old := c.WithClient("id"); !old.App.ClientSecret.Equal(vault.NewSecret("canary-secret")) {
		t.Error("the client before is forgotten")
	}
	again := newSet(t, v, nil)
	wantClient(t, again, "stored", client("second", "1", "2"), false)

	none := ""
	_, err = set.Change(t.Context(), "stored", to(connection.ClientChange{ID: &none}))
	if !connection.LacksClient(err) {
		t.Errorf("got %v, want it refused", err)
	}
	wantClient(t, set, "stored", client("second", "1", "2"), false)
	_, err = set.Change(t.Context(), "mail", to(connection.ClientChange{ID: &id}))
	wantCode(t, err, connection.CodeReadOnly)
	_, err = set.Change(t.Context(), "none", to(connection.ClientChange{ID: &id}))
	wantCode(t, err, connection.CodeNotFound)
	_, err = again.Change(t.Context(), "mail", to(connection.ClientChange{ID: &id})) // it has left the configuration
	wantCode(t, err, connection.CodeNotFound)

	g := vaulttest.Grant("1", c.CreatedAt)
	g.ClientID = "id"
	vaulttest.Account(t, v, c.Connection, "user", g)
	_, err = set.ForgetClient(t.Context(), "stored", "id", false)
	wantCode(t, err, connection.CodeClientInUse)
	if c, err = set.ForgetClient(t.Context(), "stored", "id", true); err != nil || c.WithClient("id").ClientKnown() {
		t.Errorf("got %v, want it forgotten", err)
	}
	_, err = set.ForgetClient(t.Context(), "stored", "id", true)
	wantCode(t, err, connection.CodeClientNotFound)
}

// A change that would break connections is refused as a whole.
func TestChangeThatBreaks(t *testing.T) {
	v := vaulttest.New(t)
	set := newSet(t, v, nil)
	app := appOf("demo", client("id", "1"))
	app.Params = map[string]string{"port": "8001"}
	if _, err := set.AddApp(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	if _, err := set.Add(t.Context(), bare("one", "demo")); err != nil {
		t.Fatal(err)
	}
	_, err := set.ChangeApp(t.Context(), "demo", "", func(a *vault.App) error { a.Params = nil; return nil })
	wantCode(t, err, connection.CodeInvalidApp)
	wantClient(t, set, "one", client("id", "1"), true)
	if stored, err := v.FindApp(t.Context(), "", "demo", ""); err != nil || stored.Version != 1 {
		t.Errorf("got version %d, %v; want it unchanged", stored.Version, err)
	}
}

// Changes, readers and new connections at one time end with what the vault has.
func TestAppsAtOneTime(t *testing.T) {
	v := vaulttest.New(t)
	set := newSet(t, v, []vault.Connection{bare("one", "github")})
	if _, err := set.AddApp(t.Context(), appOf("github", client("id", "0"))); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for i := range 4 {
		running.Go(func() {
			for n := range 5 {
				_, err := set.ChangeApp(t.Context(), "github", "", func(a *vault.App) error {
					a.Client = client("id", fmt.Sprint(i, n))
					return nil
				})
				if err != nil && !errors.Is(err, vault.ErrConflict) {
					t.Error(err)
				}
				if _, err := set.ByName("one"); err != nil {
					t.Error(err)
				}
			}
		})
		running.Go(func() {
			if _, err := set.Add(t.Context(), bare(fmt.Sprint("more-", i), "github")); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	stored, err := v.FindApp(t.Context(), "", "github", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"one"}, "more-0", "more-1", "more-2", "more-3") {
		wantClient(t, set, name, stored.Client, true)
	}
}
