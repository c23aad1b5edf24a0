package examples

import (
	"strings"
	"testing"
)

// The client in Go needs nothing but Go; the others are in clients_peers_test.go.
func TestGo(t *testing.T) {
	s := start(t)
	s.unread("go", "go", "run", "main.go")

	// One that cannot be served says why, and what to do.
	out, err := s.run("gmail/somebody_else", "go", "go", "run", "main.go")
	if err == nil || !strings.Contains(out, "account_not_found") || !strings.Contains(out, "claviger connect gmail somebody_else") {
		t.Errorf("for an unknown account the client ends with %v and says\n%s", err, out)
	}
}
