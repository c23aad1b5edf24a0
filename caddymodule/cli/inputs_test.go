package cli

import (
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// A question is asked only if the answers before it lead to it.
func TestIsAsked(t *testing.T) {
	when := &client.VisibleWhen{Input: "kind", In: []string{"key", "both"}}
	key := client.Input{Name: "key", Required: true, VisibleWhen: when}
	for _, tt := range []struct {
		kind  client.Input
		given string
		want  bool
	}{
		{client.Input{Name: "kind", Enum: []string{"key", "password", "both"}}, "", false},
		{client.Input{Name: "kind", Enum: []string{"key", "password", "both"}}, "both", true},
		{client.Input{Name: "kind", Enum: []string{"key", "password", "both"}}, "password", false},
		{client.Input{Name: "kind", Enum: []string{"key", "password", "both"}, Default: "key"}, "", true},
		{client.Input{Name: "kind", Enum: []string{"key", "password", "both"}, Default: "key"}, "password", false},
		{client.Input{Name: "kind", Enum: []string{"key"}, Normalize: []string{"lower", "trim"}}, " KEY", true},
		{client.Input{Name: "kind", Enum: []string{"key"}}, "other", false},
	} {
		values := map[string]string{}
		if tt.given != "" {
			values["kind"] = tt.given
		}
		if got := isAsked(key, []client.Input{tt.kind, key}, values); got != tt.want {
			t.Errorf("with %q for %+v it is asked: %t", tt.given, tt.kind, got)
		}
	}
	if !isAsked(client.Input{Name: "key"}, nil, nil) {
		t.Error("what depends on nothing is not asked")
	}
}
