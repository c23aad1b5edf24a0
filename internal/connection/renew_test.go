package connection_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// registers adds a connection whose client is registered.
func (r *registry) registers(name string) {
	r.t.Helper()
	if _, err := r.with.Add(r.t.Context(), bare(name, "social")); err != nil {
		r.t.Fatal(err)
	}
	r.seen = nil
}

// Another redirect URI is told to the provider, and the client stays the same.
func TestRenewManaged(t *testing.T) {
	r := newRegistry(t)
	r.registers("one")
	r.with.Callback = func(name string) string { return "https://other.example.com/" + name }
	_, another, err := r.with.Renew(t.Context(), "one", false)
	if err != nil || another {
		t.Fatalf("got %t, %v", another, err)
	}
	r.wantSeen("PUT /register/c1 Bearer canary-secret-token-1 c1https://other.example.com/one")
	c := r.stored("one")
	got, _ := c.Registration("c1")
	if got.RedirectURI != "https://other.example.com/one" || !got.Token.Equal(secret("token-2")) || len(c.Registrations) != 1 || len(c.Earlier) != 0 {
		t.Errorf("got %+v", c)
	}
	wantClient(t, r.set, "one", client("c1", "2"), false) // the provider has changed the secret
	r.quiet()
}

// Where nothing can be changed another client is registered, and accounts go on with the one they have.
func TestRenewAnother(t *testing.T) {
	for name, unmanaged := range map[string]bool{"unmanaged": true, "wanted": false} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.unmanaged = unmanaged
			r.registers("one")
			live, another, err := r.with.Renew(t.Context(), "one", !unmanaged)
			if err != nil || !another {
				t.Fatalf("got %t, %v", another, err)
			}
			r.wantSeen("POST /register  " + callbackOfOne)
			wantClient(t, r.set, "one", client("c2", "2"), false)
			if diff := cmp.Diff([]string{"c2", "c1"}, live.Clients()); diff != "" {
				t.Errorf("clients (-want +got):\n%s", diff)
			}
			own, err := live.ForGrant(vault.Grant{ClientID: "c1"})
			if err != nil || own.App.ClientID != "c1" || !own.App.ClientSecret.Equal(secret("1")) {
				t.Errorf("an account of c1 has %s, %v", own.App.ClientID, err)
			}
			if c := r.stored("one"); len(c.Registrations) != 2 || c.Registrations[0].ClientID != "c2" {
				t.Errorf("got %+v", c.Registrations)
			}
		})
	}
}

// A connection that was given its client can have one registered, too.
func TestRenewGiven(t *testing.T) {
	r := newRegistry(t)
	if _, err := r.with.Add(t.Context(), configured("one", "social")); err != nil {
		t.Fatal(err)
	}
	if _, another, err := r.with.Renew(t.Context(), "one", false); err != nil || !another {
		t.Fatalf("got %t, %v", another, err)
	}
	if c := r.stored("one"); c.ClientID != "c1" || len(c.Earlier) != 1 || c.Earlier[0].ID != "id" {
		t.Errorf("got %+v", c)
	}
}

func TestRenewRefused(t *testing.T) {
	r := newRegistry(t)
	_, _, err := r.with.Renew(t.Context(), "one", false)
	wantCode(t, err, connection.CodeNotFound)
	if _, err := r.set.Add(t.Context(), configured("hub", "github")); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.with.Renew(t.Context(), "hub", false)
	wantCode(t, err, connection.CodeUnregistrable)
	r.registers("one")
	r.answer, r.status = `{"error":"invalid_token"}`, http.StatusUnauthorized
	before := r.stored("one")
	_, _, err = r.with.Renew(t.Context(), "one", false)
	wantCode(t, err, connection.CodeRegistration)
	if !strings.Contains(err.Error(), "register one --new") {
		t.Errorf("got %v, want to be told what to do", err)
	}
	if diff := cmp.Diff(before, r.stored("one")); diff != "" {
		t.Errorf("the connection is another one:\n%s", diff)
	}
	r.answer, r.status, r.seen = "", 0, nil
	full := configured("full", "social")
	full.Earlier = many(vault.MaxEarlierClients)
	if _, err := r.with.Add(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.with.Renew(t.Context(), "full", false)
	wantCode(t, err, connection.CodeClientsFull)
	r.wantSeen()
}

// A client that comes while another one is registered is not replaced.
func TestRenewMeanwhile(t *testing.T) {
	r := newRegistry(t)
	r.registers("one")
	r.meanwhile = func() {
		r.meanwhile = nil
		_, err := r.set.Change(t.Context(), "one", func(c *vault.Connection) error {
			c.SetClient(client("new", "n"))
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if _, _, err := r.with.Renew(t.Context(), "one", true); err == nil || !strings.Contains(err.Error(), "has been deleted again") {
		t.Errorf("got %v", err)
	}
	r.wantSeen("POST /register  "+callbackOfOne, "DELETE /register/c2 Bearer canary-secret-token-2")
	wantClient(t, r.set, "one", client("new", "n"), false)
}

func many(n int) (clients []vault.OAuthClient) {
	for i := range n {
		clients = append(clients, client("old-"+string(rune('a'+i))))
	}
	return clients
}

// With a connection go the clients that were registered for it, the earlier ones too.
func TestRemoveRegistered(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		keep   bool
		want   []connection.Gone
	}{
		{"deleted", 0, false, []connection.Gone{{ClientID: "c2", Deleted: true}, {ClientID: "c1", Deleted: true}}},
		{"refused", 403, false, []connection.Gone{{ClientID: "c2", Reason: "provider_status_403"}, {ClientID: "c1", Reason: "provider_status_403"}}},
		{"kept", 0, true, []connection.Gone{{ClientID: "c2"}, {ClientID: "c1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t)
			r.registers("one")
			if _, _, err := r.with.Renew(t.Context(), "one", true); err != nil {
				t.Fatal(err)
			}
			a := vaulttest.Account(t, r.v, r.stored("one"), "user_1", vaulttest.Grant("a", r.stored("one").CreatedAt))
			r.seen = nil
			_, err := r.with.Remove(t.Context(), "one", tt.keep)
			wantCode(t, err, connection.CodeHasAccounts)
			r.wantSeen()
			if err := r.v.DeleteAccount(t.Context(), a.ID); err != nil {
				t.Fatal(err)
			}
			r.status = tt.status
			gone, err := r.with.Remove(t.Context(), "one", tt.keep)
			if diff := cmp.Diff(tt.want, gone); err != nil || diff != "" {
				t.Errorf("gone (-want +got), %v:\n%s", err, diff)
			}
			if !tt.keep {
				r.wantSeen("DELETE /register/c2 Bearer canary-secret-token-2", "DELETE /register/c1 Bearer canary-secret-token-1")
			} else {
				r.wantSeen()
			}
			r.quiet()
		})
	}
	t.Run("unmanaged", func(t *testing.T) {
		r := newRegistry(t)
		r.unmanaged = true
		r.registers("one")
		gone, err := r.with.Remove(t.Context(), "one", false)
		if diff := cmp.Diff([]connection.Gone{{ClientID: "c1", Reason: "registration_management_absent"}}, gone); err != nil || diff != "" {
			t.Errorf("gone (-want +got), %v:\n%s", err, diff)
		}
		r.wantSeen()
	})
}

// An earlier client that is forgotten is deleted, unless accounts may still have it.
func TestForgetRegistered(t *testing.T) {
	for name, tt := range map[string]struct {
		force  bool
		status int
		seen   []string
		left   int
	}{
		"not needed": {false, 0, []string{"DELETE /register/c1 Bearer canary-secret-token-1"}, 1},
		"forced":     {true, 0, nil, 2},
		"in trouble": {false, 500, []string{"DELETE /register/c1 Bearer canary-secret-token-1"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.registers("one")
			if _, _, err := r.with.Renew(t.Context(), "one", true); err != nil {
				t.Fatal(err)
			}
			r.seen, r.status = nil, tt.status
			live, err := r.with.ForgetClient(t.Context(), "one", "c1", tt.force)
			if err != nil {
				t.Fatal(err)
			}
			r.wantSeen(tt.seen...)
			if len(live.Earlier) != 0 || len(r.stored("one").Registrations) != tt.left {
				t.Errorf("got %d earlier clients and registrations %+v", len(live.Earlier), r.stored("one").Registrations)
			}
		})
	}
}

// Registrations of clients that nobody knows any more make room for others.
func TestRegistrationsMakeRoom(t *testing.T) {
	r := newRegistry(t)
	r.registers("one")
	for range vault.MaxRegistrations + 3 {
		if _, _, err := r.with.Renew(t.Context(), "one", true); err != nil {
			t.Fatal(err)
		}
		if c := r.stored("one"); len(c.Earlier) == vault.MaxEarlierClients {
			if _, err := r.with.ForgetClient(t.Context(), "one", c.Earlier[len(c.Earlier)-2].ID, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := r.stored("one")
	if c.Earlier[len(c.Earlier)-1].ID != "c1" || len(c.Registrations) != vault.MaxRegistrations {
		t.Errorf("%d registrations are kept", len(c.Registrations))
	}
	for _, id := range append([]vault.OAuthClient{c.Client()}, c.Earlier...) {
		if _, ok := c.Registration(id.ID); !ok {
			t.Errorf("the registration of %s is lost", id.ID)
		}
	}
}
