package consent_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// A journey ends with the OAuth client that it was begun with, although the connection has got another one
// meanwhile; one that is begun anew has the new one.
func TestClientIsReplacedOnTheWay(t *testing.T) {
	d := open(t)
	issued, later := d.begin(consent.Request{}), d.begin(consent.Request{Identifier: "user_2"})
	tr, callback := d.travel(issued.URL, "alice", true)
	d.again(tr, later.URL, "alice", true)

	set, err := connection.NewSet(t.Context(), d.vault, d.set.Catalog(), []vault.Connection{{
		Name: "demo", Connector: "demo", ClientID: "next", ClientSecret: vault.NewSecret("secret_of_the_next_client"),
		Earlier: []vault.OAuthClient{{ID: d.provider.ClientID(), Secrets: []vault.Secret{vault.NewSecret(d.provider.ClientSecret())}}},
		Params:  map[string]string{"port": strconv.Itoa(d.provider.Port())},
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.options.Connections = set
	if d.flow, err = consent.New(d.options); err != nil {
		t.Fatal(err)
	}
	d.do(http.MethodGet, callback, tr.Browser)
	a, ok := d.account("user_1")
	if !ok || a.Status != vault.StatusActive {
		t.Fatalf("the account is %+v", a)
	}
	if g, err := d.vault.Grant(t.Context(), a.ID); err != nil || g.ClientID != d.provider.ClientID() {
		t.Errorf("the grant is of %q, %v; want of the client that the journey began with", g.ClientID, err)
	}
	_, token, _ := strings.Cut(later.URL, "/link/")
	start, err := d.flow.Redirect(t.Context(), vault.NewSecret(token))
	if err != nil || !strings.Contains(start.Location, "client_id=next&") {
		t.Errorf("the second start does not lead to the new client: %v", err)
	}
}
