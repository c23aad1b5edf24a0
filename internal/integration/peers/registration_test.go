//go:build peers

package peers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

const initialToken = "initial-token-of-the-peer-suite"

// ended counts the registrations that the provider has ended.
func (p *provider) ended() int {
	p.t.Helper()
	return p.count(func(e event) bool {
		return e.Type == "request" && e.Method == http.MethodDelete && strings.HasPrefix(e.Path, "/reg/") && e.Status == http.StatusNoContent
	})
}

// A client that nobody has set up is registered, connects users and refreshes their tokens. Another one takes its
// place for new users, and both go with the connection.
func TestRegistration(t *testing.T) {
	t.Parallel()
	addSecrets(initialToken)
	p, c := startOIDCWith(t, []string{"ACCESS_TTL=2", "INITIAL_TOKEN=" + initialToken}, lazily,
		connection{name: "oidc", connector: "oidc", id: "proxy-basic", secret: "proxy-basic-secret"})
	n := client.NewConnection{
		Name: "own", Connector: "oidc-register", Params: map[string]string{"port": strconv.Itoa(p.port), "initial_token": "not-the-initial-token"},
	}
	_, err := c.api.CreateConnection(t.Context(), n)
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != "client_registration_failed" || !strings.Contains(refused.Detail, "invalid_token") {
		t.Fatalf("with another initial token: %v", err)
	}
	n.Params["initial_token"] = initialToken
	made, err := c.api.CreateConnection(t.Context(), n)
	if err != nil || made.ClientID == "" || !made.HasClientSecret || made.Registration == nil || !made.Registration.Managed {
		t.Fatalf("got %+v, %v", made, err)
	}
	if made.Registration.RedirectURI != callbackOf(c.callbackPort, "own") || !made.Registration.ClientSecretExpiresAt.IsZero() {
		t.Errorf("got registration %+v", made.Registration)
	}
	c.connect("own", "u-alice", "alice")
	for range 2 { // the second time with the token that the first one has given
		got, err := c.api.RegisterClient(t.Context(), "own", false)
		if err != nil || got.NewClient || got.ClientID != made.ClientID {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	time.Sleep(2100 * time.Millisecond)
	if err := c.wantMe("own/u-alice", "alice"); err != nil {
		t.Error(err)
	}

	other, err := c.api.RegisterClient(t.Context(), "own", true)
	if err != nil || !other.NewClient || other.ClientID == made.ClientID || len(other.EarlierClients) != 1 {
		t.Fatalf("got %+v, %v", other, err)
	}
	c.connect("own", "u-bob", "bob")
	time.Sleep(2100 * time.Millisecond)
	for _, user := range []string{"alice", "bob"} {
		if err := c.wantMe("own/u-"+user, user); err != nil {
			t.Error(err)
		}
		if p.refreshes(user) == 0 {
			t.Errorf("nothing was refreshed for %s", user)
		}
	}
	p.wantNoRefusal()
	for user, id := range map[string]string{"alice": made.ClientID, "bob": other.ClientID} {
		c.disconnect(t, "own", "u-"+user, true)
		p.wantProof(t, id, "Basic")
	}

	gone, err := c.api.RemoveConnection(t.Context(), "own", false)
	if err != nil || len(gone.Clients) != 2 || !gone.Clients[0].Deleted || !gone.Clients[1].Deleted || p.ended() != 2 {
		t.Errorf("got %+v, %v, and %d registrations have ended", gone, err, p.ended())
	}
}
