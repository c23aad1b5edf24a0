package vault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestConnectionLife(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	conn := vault.Connection{
		Name: "github", Connector: "github", Origin: vault.OriginAPI, ClientID: "id", ClientSecret: vault.NewSecret("s"),
		Scopes: []string{"repo"}, Params: map[string]string{"subdomain": "acme"},
	}
	wantNil(t, v.PutConnection(t.Context(), &conn))
	if conn.Version != 1 || conn.Project != "default" || !conn.CreatedAt.Equal(epoch) || !vault.IsConnectionID(string(conn.ID)) {
		t.Errorf("got %+v", conn)
	}
	got, err := v.FindConnection(t.Context(), "", "github")
	wantNil(t, err)
	if d := cmp.Diff(conn, got); d != "" {
		t.Errorf("found (-put +found):\n%s", d)
	}
	twin := vault.Connection{Name: "github", Connector: "github"}
	wantErr(t, v.PutConnection(t.Context(), &twin), vault.ErrExists)
	if twin.ID != "" || twin.Version != 0 {
		t.Errorf("refused connection was changed: %+v", twin)
	}
	twin.Project = "other"
	wantNil(t, v.PutConnection(t.Context(), &twin))

	stale := conn
	c.add(time.Hour)
	conn.Name = "hub"
	wantNil(t, v.PutConnection(t.Context(), &conn))
	wantErr(t, v.PutConnection(t.Context(), &stale), vault.ErrConflict)
	_, err = v.FindConnection(t.Context(), "", "github")
	wantErr(t, err, vault.ErrNotFound)
	got, err = v.Connection(t.Context(), conn.ID)
	wantNil(t, err)
	if got.Name != "hub" || !got.CreatedAt.Equal(epoch) || !got.UpdatedAt.Equal(c.now()) {
		t.Errorf("got %+v", got)
	}

	a := vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("1", epoch))
	wantErr(t, v.DeleteConnection(t.Context(), conn.ID), vault.ErrHasAccounts)
	wantNil(t, v.DeleteAccount(t.Context(), a.ID))
	wantNil(t, v.DeleteConnection(t.Context(), conn.ID))
	wantErr(t, v.DeleteConnection(t.Context(), conn.ID), vault.ErrNotFound)
	_, err = v.Connection(t.Context(), conn.ID)
	wantErr(t, err, vault.ErrNotFound)
}

func TestConnectionsInOrder(t *testing.T) {
	v := vaulttest.New(t)
	for _, name := range []string{"c", "a", "b-2", "b", "b_1"} {
		vaulttest.Connection(t, v, name)
	}
	other := vault.Connection{Name: "z", Project: "default2", Connector: "z"}
	wantNil(t, v.PutConnection(t.Context(), &other))
	var names []string
	q := vault.PageQuery{Limit: 2}
	for {
		page, err := v.Connections(t.Context(), "", q)
		wantNil(t, err)
		for _, c := range page.Items {
			names = append(names, c.Name)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "a b b-2 b_1 c" {
		t.Errorf("got %q", got)
	}
}

func TestValidNames(t *testing.T) {
	tests := []struct {
		s                string
		name, identifier bool
	}{
		{"a", true, true},
		{"gmail-2_b", true, true},
		{"0", true, true},
		{"", false, false},
		{"-a", false, false},
		{"_a", false, false},
		{"A", false, true},
		{"ada@example.com", false, true},
		{"a.b+c=d:e|f~g-h_i", false, true},
		{"@ada", false, false},
		{"a/b", false, false},
		{"a b", false, false},
		{"a%20", false, false},
		{"а", false, false}, // Cyrillic
		{"a\x00", false, false},
		{"a\n", false, false},
		{strings.Repeat("a", 63), true, true},
		{strings.Repeat("a", 64), false, true},
		{strings.Repeat("a", 200), false, true},
		{strings.Repeat("a", 201), false, false},
	}
	v := vaulttest.New(t)
	for _, tt := range tests {
		if got := vault.ValidName(tt.s); got != tt.name {
			t.Errorf("ValidName(%q) = %v", tt.s, got)
		}
		if got := vault.ValidIdentifier(tt.s); got != tt.identifier {
			t.Errorf("ValidIdentifier(%q) = %v", tt.s, got)
		}
		if !tt.name {
			c := vault.Connection{Name: tt.s, Connector: "x"}
			wantErr(t, v.PutConnection(t.Context(), &c), vault.ErrInvalid)
		}
	}
}

func TestClosedVault(t *testing.T) {
	v := vaulttest.New(t)
	wantNil(t, v.Check(t.Context()))
	wantNil(t, v.Close())
	wantNil(t, v.Close())
	wantErr(t, v.Check(t.Context()), vault.ErrClosed)
	_, err := v.Account(t.Context(), vault.NewAccountID())
	wantErr(t, err, vault.ErrClosed)
}
