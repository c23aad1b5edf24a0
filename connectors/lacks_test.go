package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestLacks(t *testing.T) {
	c := decode(t, minimal+`
account:
  - {name: kind, enum: [key, password]}
  - {name: key, secret: true, visible_when: {input: kind, equals: key}}
  - {name: user, pattern: "[a-z]+", normalize: [trim], visible_when: {input: kind, equals: password}}
  - {name: zone, enum: [eu, us], default: eu}
  - {name: note, pattern: "[a-z]+", optional: true}
`)
	for _, tt := range []struct {
		name  string
		given map[string]string
		want  string
	}{
		{"nothing is given", nil, "kind"},
		{"what depends on it", map[string]string{"kind": "key"}, "key"},
		{"of the other kind", map[string]string{"kind": "password", "key": "x"}, "user"},
		{"blank", map[string]string{"kind": "password", "user": " "}, "user"},
		{"all", map[string]string{"kind": "password", "user": "ada"}, ""},
		{"what it depends on is not good", map[string]string{"kind": "x"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(connectors.Lacks(c.Account, tt.given), " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
