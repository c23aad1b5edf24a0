package integration

import (
	"strings"
	"testing"
)

// The main job: a tagged request goes out with the account's token, by all three ways to name it.
func TestTaggedRequest(t *testing.T) {
	s := start(t, options{})
	a := s.connect("alice", "user_123")
	for _, way := range []struct {
		name, path string
		headers    []string
	}{
		{"header with the ID", "/api/me", []string{"Connected-Account: " + a.ID}},
		{"header with connection and identifier", "/api/me", []string{"Connected-Account: demo/user_123"}},
		{"path with the ID", "/@" + a.ID + "/api/me", nil},
		{"path with connection and identifier", "/@demo/user_123/api/me", nil},
		{"both, the same account", "/@demo/user_123/api/me", []string{"Connected-Account: " + a.ID}},
	} {
		t.Run(way.name, func(t *testing.T) {
			got := s.get(way.path, way.headers...)
			if got.StatusCode != 200 || !strings.Contains(got.body, `"alice"`) {
				t.Errorf("got %d: %s", got.StatusCode, got.body)
			}
		})
	}
}
