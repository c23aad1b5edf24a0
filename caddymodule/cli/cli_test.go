package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// The same commands stand in a plugin below `caddy claviger`.
func TestPlugin(t *testing.T) {
	root := &cobra.Command{Use: "caddy"}
	root.AddCommand(build(Plugin()))
	for _, path := range []string{"connect", "accounts list", "connections add", "connectors show", "vault backup", "vault keys rotate", "curl", "status", "health", "doctor"} {
		got, _, err := root.Find(append([]string{"claviger"}, strings.Fields(path)...))
		if err != nil || got.CommandPath() != "caddy claviger "+path {
			t.Errorf("%s: got %v, %v", path, got.CommandPath(), err)
		}
		if got.Short == "" {
			t.Errorf("%s has no description", path)
		}
	}
}
