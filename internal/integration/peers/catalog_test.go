//go:build peers

package peers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const local = "http://127.0.0.1:{app.port}"

const portInput = `app:
  - name: port
    pattern: ^[0-9]{4,5}$

authorize:`

// moved is what changes in a built-in connector when its provider is an emulator on loopback; all
// else is tested as it is released.
var moved = map[string][]string{
	"gmail":          append([]string{"https://gmail.googleapis.com", local}, google...),
	"googlecalendar": append([]string{"https://www.googleapis.com\n", local + "\n"}, google...),
	"slack": {
		"https://slack.com/", local + "/",
		"base_url: https://slack.com", "base_url: " + local,
	},
	"github": {
		"https://github.com/", local + "/",
		"https://api.github.com", local,
	},
}

var google = []string{
	"https://accounts.google.com/", local + "/",
	"issuer: https://accounts.google.com", "issuer: " + local,
	"https://oauth2.googleapis.com/", local + "/oauth2/",
	"https://openidconnect.googleapis.com", local,
	"path: /v1/userinfo", "path: /oauth2/v2/userinfo",
}

// writeConnectors fills a folder with the connectors of the tests.
func writeConnectors(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("connectors")); err != nil {
		t.Fatal(err)
	}
	for name, pairs := range moved {
		data, err := os.ReadFile(filepath.Join("../../../connectors/catalog", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Fatalf("connector %s does not say %q any more", name, pairs[i])
			}
			text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
		}
		text = strings.Replace(text, "authorize:", portInput, 1)
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
