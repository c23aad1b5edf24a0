package consent

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
)

// What a link holds of a grant is all that it is.
func TestHeldGrantIsWhole(t *testing.T) {
	s, at := vault.NewSecret, time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	g := vault.Grant{
		Access: s("a"), Refresh: s("r"), IDToken: s("i"), Scopes: []string{"x"}, ObtainedAt: at, Expires: at.Add(1), RefreshExpires: at.Add(2),
		ClientID: "c", RedirectURI: "u", Captured: map[string]string{"k": "v"}, Slots: vault.Secrets{"s": s("t")}, Inputs: vault.Secrets{"n": s("m")},
	}
	for i := range reflect.TypeFor[vault.Grant]().NumField() {
		switch name := reflect.TypeFor[vault.Grant]().Field(i).Name; name {
		case "AccountID", "Generation", "Learned": // it has none before it is stored
		default:
			if reflect.ValueOf(g).Field(i).IsZero() {
				t.Errorf("the test knows nothing of %s", name)
			}
		}
	}
	for _, scopes := range [][]string{{"x"}, {}, nil} {
		g.Scopes = scopes
		secret, err := held{Choice: &heldChoice{Grant: holdGrant(g)}}.secret()
		if err != nil {
			t.Fatal(err)
		}
		h, err := heldBy(vault.Link{Held: secret})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(g, h.Choice.Grant.grant(g.Inputs)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
