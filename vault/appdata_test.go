package vault_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestAppData(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	want := vault.AppData{
		Labels:   map[string]string{"team": "Größe", "plan.example.com/tier": ""},
		Metadata: json.RawMessage(`{"crm":{"id":17}}`),
	}
	set := func(vault.AppData) vault.AppData { return want }

	_, err := v.SetAppData(t.Context(), a.ID, a.Version+1, set)
	wantErr(t, err, vault.ErrConflict)
	got, err := v.SetAppData(t.Context(), a.ID, a.Version, set)
	wantNil(t, err)
	if d := cmp.Diff(want, got.AppData); d != "" || got.Version != a.Version+1 {
		t.Errorf("version %d, app data (-want +got):\n%s", got.Version, d)
	}
	stored, err := v.Account(t.Context(), a.ID)
	wantNil(t, err)
	if d := cmp.Diff(want, stored.AppData); d != "" {
		t.Errorf("stored (-want +got):\n%s", d)
	}
	same, err := v.SetAppData(t.Context(), a.ID, 0, func(d vault.AppData) vault.AppData {
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("shown (-want +got):\n%s", diff)
		}
		return d
	})
	wantNil(t, err)
	if same.Version != got.Version {
		t.Errorf("nothing changed, and version %d became %d", got.Version, same.Version)
	}
	_, err = v.SetAppData(t.Context(), vault.NewAccountID(), 0, set)
	wantErr(t, err, vault.ErrNotFound)
}

// What an app keeps outlives a new consent, and the end of the old one.
func TestAppDataStays(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	want := vault.AppData{Labels: map[string]string{"team": "red"}}
	_, err := v.SetAppData(t.Context(), a.ID, 0, func(vault.AppData) vault.AppData { return want })
	wantNil(t, err)
	_, err = v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "x")
	wantNil(t, err)
	again := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("2", epoch))
	if d := cmp.Diff(want, again.AppData); d != "" || again.ID != a.ID {
		t.Errorf("after another consent (-want +got):\n%s", d)
	}
}

// Whether identifiers are sealed or not, what the app keeps is.
func TestAppDataIsSealed(t *testing.T) {
	for _, clear := range []bool{false, true} {
		store := vaulttest.NewStore(t)
		v, err := vault.OpenWith(t.Context(), store, vaulttest.NewKeys(t), vault.Options{ClearIdentifiers: clear})
		wantNil(t, err)
		conn := vaulttest.Connection(t, v, "github")
		a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
		want := vault.AppData{Labels: map[string]string{"l": "canary-label"}, Metadata: json.RawMessage(`{"m":"canary-metadata"}`)}
		_, err = v.SetAppData(t.Context(), a.ID, 0, func(vault.AppData) vault.AppData { return want })
		wantNil(t, err)
		got, err := v.Account(t.Context(), a.ID)
		wantNil(t, err)
		if d := cmp.Diff(want, got.AppData); d != "" || got.Identifier != "ada" {
			t.Errorf("clear %t: %q, app data (-want +got):\n%s", clear, got.Identifier, d)
		}
		for r, err := range store.Walk(t.Context(), vault.Key{}) {
			wantNil(t, err)
			if text := string(r.Meta) + string(r.Sealed); strings.Contains(text, "canary-") {
				t.Errorf("clear %t: in the open: %s", clear, text)
			}
		}
	}
}

func TestAppDataRefused(t *testing.T) {
	many := map[string]string{}
	for i := range 33 {
		many["l"+strings.Repeat("x", i)] = ""
	}
	tests := map[string]vault.AppData{
		"too many labels":  {Labels: many},
		"empty label":      {Labels: map[string]string{"": "x"}},
		"upper case":       {Labels: map[string]string{"Team": "x"}},
		"long label":       {Labels: map[string]string{strings.Repeat("x", 64): "x"}},
		"line break":       {Labels: map[string]string{"l": "a\nb"}},
		"no UTF-8":         {Labels: map[string]string{"l": "\xff"}},
		"long value":       {Labels: map[string]string{"l": strings.Repeat("x", 201)}},
		"metadata, a list": {Metadata: json.RawMessage(`[]`)},
		"metadata, broken": {Metadata: json.RawMessage(`{"a":}`)},
		"metadata, two":    {Metadata: json.RawMessage(`{}{}`)},
		"metadata, binary": {Metadata: json.RawMessage("{\"a\":\"\xff\"}")},
		"metadata, large":  {Metadata: json.RawMessage(`{"a":"` + strings.Repeat("x", 8<<10) + `"}`)},
	}
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	for name, d := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := v.SetAppData(t.Context(), a.ID, 0, func(vault.AppData) vault.AppData { return d })
			wantErr(t, err, vault.ErrInvalid)
			err = v.CreateAccount(t.Context(), &vault.ConnectedAccount{
				ConnectionID: conn.ID, Connector: "github", Identifier: "bob", AppData: d,
			})
			wantErr(t, err, vault.ErrInvalid)
		})
	}
}

func TestAccountsByLabelAndExpiry(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	for name, labels := range map[string]map[string]string{
		"ada": {"team": "red", "plan": "pro"}, "bob": {"team": "red"}, "eve": {"team": "blue"}, "zoe": nil,
	} {
		g := vaulttest.Grant(name, epoch)
		if name < "c" {
			g.RefreshExpires = epoch.Add(24 * time.Hour)
		}
		a := vaulttest.Account(t, v, conn, name, g)
		_, err := v.SetAppData(t.Context(), a.ID, 0, func(vault.AppData) vault.AppData { return vault.AppData{Labels: labels} })
		wantNil(t, err)
	}
	tests := []struct {
		name string
		q    vault.AccountQuery
		want []string
	}{
		{"one label", vault.AccountQuery{Labels: map[string]string{"team": "red"}}, []string{"ada", "bob"}},
		{"two", vault.AccountQuery{Labels: map[string]string{"team": "red", "plan": "pro"}}, []string{"ada"}},
		{"an empty value is a value", vault.AccountQuery{Labels: map[string]string{"plan": ""}}, nil},
		{"ends soon", vault.AccountQuery{ExpiresBefore: epoch.Add(25 * time.Hour)}, []string{"ada", "bob"}},
		{"ends later", vault.AccountQuery{ExpiresBefore: epoch.Add(24 * time.Hour)}, nil},
	}
	for _, tt := range tests {
		page, err := v.Accounts(t.Context(), tt.q)
		wantNil(t, err)
		got := map[string]bool{}
		for _, a := range page.Items {
			got[a.Identifier] = true
		}
		want := map[string]bool{}
		for _, w := range tt.want {
			want[w] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, want)
		}
	}
}

// What is long because of how it is written is not long because of what it says, and stays as it is.
func TestMetadataStays(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	long := `{"a":"` + strings.Repeat("<", 8<<10-len(`{"a":""}`)) + `"}`
	a := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: "ada", AppData: vault.AppData{Metadata: json.RawMessage("\n" + long + "  ")}}
	wantNil(t, v.CreateAccount(t.Context(), &a))
	same, err := v.SetAppData(t.Context(), a.ID, 0, func(d vault.AppData) vault.AppData {
		d.Metadata = json.RawMessage(strings.Replace(long, ":", " : ", 1))
		return d
	})
	wantNil(t, err)
	if string(same.Metadata) != long || same.Version != a.Version {
		t.Errorf("%d bytes in version %d, want %d bytes in version %d", len(same.Metadata), same.Version, len(long), a.Version)
	}
	again := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	if string(again.Metadata) != long || again.Status != vault.StatusActive {
		t.Errorf("connected: %s with %d bytes", again.Status, len(again.Metadata))
	}
	_, err = v.SetAppData(t.Context(), a.ID, 0, func(d vault.AppData) vault.AppData {
		d.Metadata = nil
		return d
	})
	wantNil(t, err)
}
