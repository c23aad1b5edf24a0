package consent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// Who connects again is asked for what there is, too, if the connector merges scopes.
func TestMergedScopes(t *testing.T) {
	for _, tt := range []struct {
		name, incremental  string
		status             vault.Status
		requested, granted []string
		asked              []string
		want, again        string // of a link for asked, and of one for what was asked before
	}{
		{"merged", "merge", vault.StatusActive, []string{"a", "b"}, []string{"a", "c"}, []string{"d"}, "d a c", "a b c"},
		{"the same", "merge", vault.StatusActive, []string{"a"}, []string{"a"}, []string{"a"}, "a", "a"},
		{"nothing new", "merge", vault.StatusActive, []string{"a"}, []string{"a"}, nil, "a", "a"},
		{"the provider has not said", "merge", vault.StatusActive, []string{"a", "b"}, nil, []string{"d"}, "d a b", "a b"},
		{"the provider has granted none", "merge", vault.StatusActive, []string{"a"}, []string{}, []string{"d"}, "d", "a"},
		{"expired", "merge", vault.StatusExpired, []string{"a"}, []string{"a"}, []string{"d"}, "d a", "a"},
		{"disconnected", "merge", vault.StatusDisconnected, []string{"a"}, []string{"a"}, []string{"d"}, "d", "a"},
		{"no scope", "merge", vault.StatusActive, nil, []string{"a", "b c", "", "x\x00"}, []string{"d"}, "d a", "a"},
		{"the provider adds them", "include_granted", vault.StatusActive, []string{"a"}, []string{"a", "c"}, []string{"d"}, "d", "a"},
		{"anew", "", vault.StatusActive, []string{"a"}, []string{"a", "c"}, []string{"d"}, "d", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, func(_ *desk, s *settings) {
				s.connector = func(c *connectors.Connector) { c.Authorize.Scope.Incremental = tt.incremental }
			})
			c, err := d.set.ByName("demo")
			if err != nil {
				t.Fatal(err)
			}
			a, err := d.vault.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
				ConnectionID: c.ID, Connector: "demo", Identifier: "user_1", RequestedScopes: tt.requested, GrantedScopes: tt.granted,
			}, vault.Grant{Access: vault.NewSecret("canary-access"), ObtainedAt: time.Now(), Scopes: tt.granted})
			if err != nil {
				t.Fatal(err)
			}
			if tt.status != vault.StatusActive {
				if a, err = d.vault.SetStatus(t.Context(), a.ID, a.Generation, tt.status, "test"); err != nil {
					t.Fatal(err)
				}
			}
			again, err := d.flow.Reissue(t.Context(), a)
			if err != nil || strings.Join(again.Link.Scopes, " ") != tt.again {
				t.Errorf("for what was asked before the link asks for %q, want %q: %v", again.Link.Scopes, tt.again, err)
			}
			issued, err := d.flow.Begin(t.Context(), consent.Request{Connection: "demo", Identifier: "user_1", Scopes: tt.asked})
			if err != nil || strings.Join(issued.Link.Scopes, " ") != tt.want {
				t.Errorf("the link asks for %q, want %q: %v", issued.Link.Scopes, tt.want, err)
			}
		})
	}
}

// A provider that has granted very many scopes does not make a link that nobody can use.
func TestMergedScopesAreBounded(t *testing.T) {
	d := open(t, func(_ *desk, s *settings) {
		s.connector = func(c *connectors.Connector) { c.Authorize.Scope.Incremental = connectors.IncrementalMerge }
	})
	c, err := d.set.ByName("demo")
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, 300)
	for i := range many {
		many[i] = strings.Repeat("s", i+1)
	}
	_, err = d.vault.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
		ConnectionID: c.ID, Connector: "demo", Identifier: "user_1", GrantedScopes: many,
	}, vault.Grant{Access: vault.NewSecret("canary-access"), ObtainedAt: time.Now(), Scopes: many})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := d.flow.Begin(t.Context(), consent.Request{Connection: "demo", Identifier: "user_1", Scopes: []string{"new"}})
	if err != nil || len(issued.Link.Scopes) != 100 || issued.Link.Scopes[0] != "new" {
		t.Errorf("the link asks for %d scopes: %v", len(issued.Link.Scopes), err)
	}
}
