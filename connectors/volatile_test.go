package connectors_test

import (
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestVolatile(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                     false,
		"now(":                                 false,
		"{token}":                              false,
		`{b64(account.user, ":now()", token)}`: false,
		`{jwt_claim(token, "sub")}`:            false,
		"{uuid()}":                             true,
		`at {now("unix")}`:                     true,
		`{random("8")}`:                        true,
		`{hex(hmac256(account.key, account.user, now("unix")))}`: true,
	} {
		tmpl, err := connectors.ParseTemplate(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := tmpl.Volatile(); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}
