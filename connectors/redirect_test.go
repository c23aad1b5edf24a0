package connectors_test

import (
	"strings"
	"testing"
)

func TestRefusesRedirect(t *testing.T) {
	uris := map[string]bool{
		"https://accounts.example.com/oauth/callback/{connection}": false,
		"https://accounts.example.com:8443/oauth/callback/work":    false,
		"http://accounts.example.com/oauth/callback/work":          true,
		"http://localhost:8091/oauth/callback/work":                true,
		"https://LOCALHOST:8091/oauth/callback/work":               true,
		"https://127.0.0.1/oauth/callback/work":                    true,
		"https://[::1]:8091/oauth/callback/work":                   true,
		"":                                                         false,
	}
	for _, tt := range []struct {
		name, text string
		refuses    bool
	}{
		{"nothing is known", minimal, false},
		{"any is taken", minimal + "callback: {local: true}\n", false},
		{"public ones only", minimal + "callback: {local: false}\n", true},
	} {
		c := decode(t, tt.text)
		if c.WantsPublicRedirect() != tt.refuses {
			t.Errorf("%s: WantsPublicRedirect is %t", tt.name, !tt.refuses)
		}
		for uri, local := range uris {
			if got := c.RefusesRedirect(uri); got != (tt.refuses && local) {
				t.Errorf("%s: %s is refused: %t", tt.name, uri, got)
			}
		}
	}
	// A sandbox may take more than the product that it is a variant of.
	first := decode(t, minimal+"callback: {local: false, capture: {realm: realmId}}\n")
	again := decode(t, strings.Replace(minimal, "minimal", "again", 1)+"callback: {local: true}\n")
	if again.RefusesRedirect("http://localhost/x") || !first.RefusesRedirect("http://localhost/x") {
		t.Error("what a variant says does not count")
	}
}
