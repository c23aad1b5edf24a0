package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// withKey is the sidecar's Caddyfile with another key.
func (s *sidecar) withKey(key string) string {
	s.t.Helper()
	old := "key file " + s.dir + "/key"
	text := strings.Replace(s.caddyfile(), old, key, 1)
	if text == s.caddyfile() {
		s.t.Fatalf("the Caddyfile has no %q", old)
	}
	return text
}

// The same key opens the vault from a variable, a command and a file.
func TestKeyProviders(t *testing.T) {
	s := prepare(t, options{})
	key := seal.NewKeyText()
	t.Setenv("CLAVIGER_TEST_KEY", key)
	t.Setenv("CLAVIGER_TEST_OLD", seal.NewKeyText())
	path := s.write("other", key)
	for _, k := range []string{
		"key env CLAVIGER_TEST_KEY",
		"key env {\nactive CLAVIGER_TEST_OLD\nretired CLAVIGER_TEST_KEY\n}",
		"key exec cat " + path,
		"key exec {\nactive printenv CLAVIGER_TEST_OLD\nretired false\nretired cat " + path + "\ntimeout 20s\n}",
		"key file " + path,
	} {
		s.load(s.withKey(k))
		if err := caddy.Stop(); err != nil { // so that the next one opens the vault
			t.Fatal(err)
		}
	}
}

// What is wrong with a key's options is said, and neither keys nor tokens are shown.
func TestKeyErrors(t *testing.T) {
	s := prepare(t, options{})
	key := strings.TrimSpace(seal.NewKeyText())
	t.Setenv("CLAVIGER_TEST_KEY", key)
	t.Setenv("CLAVIGER_TEST_EMPTY", "")
	s.write("junk", "do-not-print")
	const good = "key transit {\naddress http://127.0.0.1:1\nkey claviger\n"
	for _, c := range []struct{ name, key, says string }{
		{"no variable", "key env", "key env <variable>"},
		{"placeholder", "key env {env.CLAVIGER_TEST_KEY}", "name of an environment variable"},
		{"the key itself", "key env " + key, "name of an environment variable"},
		{"variable not set", "key env CLAVIGER_TEST_NONE", "CLAVIGER_TEST_NONE: there is no key"},
		{"variable empty", "key env CLAVIGER_TEST_EMPTY", "CLAVIGER_TEST_EMPTY: key is not usable: it is empty"},
		{"no command", "key exec", "key exec <program>"},
		{"command fails", "key exec false do-not-print", "key command false: key is out of reach: it ended with exit status 1"},
		{"command prints junk", "key exec cat " + filepath.Join(s.dir, "junk"), "key command cat: key is not usable"},
		{"no such command", "key exec claviger-no-such-program do-not-print", "there is no such program"},
		{"no address", "key transit {\nkey claviger\n}", "needs an address and a key"},
		{"no token", good + "}", "either token_file or token"},
		{"two tokens", good + "token {env.CLAVIGER_TEST_KEY}\ntoken_file /x\n}", "either token_file or token"},
		{"literal token", good + "token do-not-print\n}", "use token_file, or a placeholder"},
		{"half a literal", good + "token {env.CLAVIGER_TEST_KEY}do-not-print\n}", "use token_file, or a placeholder"},
		{"filled in by Caddy", good + "token {$CLAVIGER_TEST_KEY}\n}", "use token_file, or a placeholder"},
		{"empty token", good + "token {env.CLAVIGER_TEST_EMPTY}\n}", "{env.CLAVIGER_TEST_EMPTY} gives nothing"},
		{"no token file", good + "token_file " + s.dir + "/none\n}", "reading token file " + s.dir + "/none"},
		{"http", "key transit {\naddress http://vault.example.com\nkey claviger\ntoken_file /x\n}", "https://"},
		{"nobody there", good + "token {env.CLAVIGER_TEST_KEY}\n}", "transit key transit/claviger: key is out of reach: the server cannot be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := load(s.withKey(c.key))
			wantError(t, err, c.says)
			for _, secret := range []string{key, strings.TrimPrefix(key, "claviger-key-1:"), "do-not-print"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}
