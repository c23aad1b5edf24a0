package caddymodule

import (
	"encoding/json"
	"testing"
)

// Caddy logs who handles an event, which must not print a secret of the configuration.
func TestHandlerPrintsNothing(t *testing.T) {
	h := []any{started{&App{Connections: map[string]*ConnectionConfig{"demo": {ClientSecret: "canary"}}}}}
	if got, err := json.Marshal(h); err != nil || string(got) != "[{}]" {
		t.Errorf("got %s, %v, want [{}]", got, err)
	}
}
