package integration

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// resealed waits until the background has nothing more to seal anew.
func (s *sidecar) resealed() client.Vault {
	s.t.Helper()
	var v client.Vault
	await(s.t, "everything is sealed anew", func() bool {
		var err error
		if v, err = s.api().Vault(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		return !v.Resealing.Needed
	})
	return v
}

// inVault tells which of the words are in a file of the vault.
func (s *sidecar) inVault(words ...string) (found []string) {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, "vault"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, w := range words {
			if strings.Contains(string(data), w) {
				found = append(found, w+" in "+d.Name())
			}
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// Identifiers are unreadable in the files unless the configuration says otherwise, and a reload
// changes that in the background, beside requests that name accounts by them.
func TestSealIdentifiersByReload(t *testing.T) {
	s := start(t, options{claviger: "seal_identifiers off"})
	const identifier = "grace-hopper@navy.example"
	a := s.connect("alice", identifier)
	words := []string{identifier, a.Identity.Email}
	if found := s.inVault(words...); len(found) < 2 {
		t.Errorf("found %v in the files, want both words in clear", found)
	}
	end := s.trafficOf("demo/"+identifier, 1)
	s.load(strings.Replace(s.caddyfile(), "seal_identifiers off", "", 1))
	if v := s.resealed(); !v.SealedIdentifiers {
		t.Error("the identifiers are not sealed")
	}
	if found := s.inVault(words...); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if n := end(); n == 0 {
		t.Error("there were no requests meanwhile")
	}
	if got := s.account("demo", identifier); got.ID != a.ID {
		t.Errorf("got account %s, want %s", got.ID, a.ID)
	}
	s.load(s.caddyfile())
	if v := s.resealed(); v.SealedIdentifiers {
		t.Error("the identifiers are sealed")
	}
	s.get("/api/me", "Connected-Account: demo/"+identifier).wantOK(t)
}

// A new key for the vault's values, then a new key-encryption key, both beside requests.
func TestKeyLifeByReload(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	end := s.traffic(2)
	v, err := s.api().RotateKey(t.Context())
	if err != nil || len(v.Keys) != 2 {
		t.Fatalf("got %+v, %v, want two keys", v, err)
	}
	old := v.Keys[1].ID
	s.resealed()
	if v, err = s.api().RetireKey(t.Context(), old); err != nil || len(v.Keys) != 1 {
		t.Fatalf("got %+v, %v, want one key", v, err)
	}
	s.resealed()

	next := s.write("next-key", seal.NewKeyText())
	s.load(s.withKey("key file {\nactive " + next + "\nretired " + s.dir + "/key\n}"))
	r, err := s.api().Rekey(t.Context())
	if err != nil || !r.Changed || r.KeyEncryptionKey == v.KeyEncryptionKey {
		t.Fatalf("got %+v, %v, want another key", r, err)
	}
	s.resealed()
	if n := end(); n == 0 {
		t.Error("there were no requests meanwhile")
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := load(s.caddyfile()); err == nil || !strings.Contains(err.Error(), r.KeyEncryptionKey) {
		t.Errorf("with the earlier key alone: got %v, want an error that names %s", err, r.KeyEncryptionKey)
	}
	s.load(s.withKey("key file " + next))
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// V-09, V-15: with a vault that cannot be written, tokens that have not expired are used, readiness
// is false and says why, and all is well again when the fault is gone.
func TestFaultyVault(t *testing.T) {
	for name, fault := range map[string]error{"full": errDiskFull, "read-only": errReadOnly, "no answer": errNoAnswer} {
		t.Run(name, func(t *testing.T) {
			s := start(t, options{vault: "vault faulty"})
			s.connect("alice", "user_1")
			breakStore(fault)
			t.Cleanup(func() { breakStore(nil) })
			s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
			ready, err := s.api().Ready(t.Context())
			if err != nil || ready.Status == "ok" || !strings.Contains(ready.Checks[0].Detail, fault.Error()) {
				t.Errorf("got %+v, %v, want the fault", ready, err)
			}
			if _, err := s.api().CreateLink(t.Context(), client.NewLink{Connection: "demo", Identifier: "user_2"}); err == nil {
				t.Error("a link was made that is not stored")
			}
			s.provider.ExpireAccess("alice")
			before := s.refreshes()
			a := s.get("/api/me", "Connected-Account: demo/user_1")
			if n := s.refreshes() - before; n != 0 || a.StatusCode < 400 {
				t.Errorf("got status %d and %d refreshes, whose tokens could not be stored", a.StatusCode, n)
			}
			breakStore(nil)
			await(t, "it is ready again", func() bool {
				ready, err := s.api().Ready(t.Context())
				return err == nil && ready.Status == "ok"
			})
			await(t, "the token is renewed", func() bool {
				return s.get("/api/me", "Connected-Account: demo/user_1").StatusCode == http.StatusOK
			})
		})
	}
}

// A site's readiness says that the vault is out of order, and keeps the details for the admin
// endpoint.
func TestReadinessOfASite(t *testing.T) {
	s := start(t, options{vault: "vault faulty"})
	breakStore(errDiskFull)
	t.Cleanup(func() { breakStore(nil) })
	req, err := http.NewRequestWithContext(t.Context(), "GET", strings.TrimSuffix(s.callback(), "/oauth/callback")+"/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := send(noRedirects, req)
	if err != nil || a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.body, "/secret/path") || !strings.Contains(a.body, "doctor") {
		t.Errorf("got %v, %+v", err, a)
	}
}

// The vault's metrics, which name no account and no user.
func TestVaultMetrics(t *testing.T) {
	s := start(t, options{})
	a := s.connect("alice", "user_1")
	v := s.resealed()
	scrape := func() string {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.admin()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := send(noRedirects, req)
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("got %v, %+v", err, a)
		}
		return a.body
	}
	for range 2 { // a reload has a registry of its own
		text := scrape()
		for _, want := range []string{
			`caddy_claviger_vault_accounts{status="ACTIVE"} 1`, `caddy_claviger_vault_records{kind="grant"} 1`,
			`caddy_claviger_vault_key_info{key="` + v.Keys[0].ID + `",role="primary"} 1`,
			`caddy_claviger_vault_key_info{key="` + v.KeyEncryptionKey + `",role="key_encryption"} 1`,
			"caddy_claviger_vault_resealing 0", "caddy_claviger_vault_bytes ", "caddy_claviger_vault_stale_bytes ", "caddy_claviger_vault_open_seconds ",
			`caddy_claviger_vault_operation_seconds_count{operation="put",result="ok"}`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the metrics do not have %s", want)
			}
		}
		for _, private := range []string{a.ID, "user_1", s.dir} {
			if strings.Contains(text, private) {
				t.Errorf("the metrics have %s", private)
			}
		}
		s.load(s.caddyfile() + "\n")
	}
}

// A reload, and the end of the process, come in the middle of re-sealing.
func TestResealSurvivesReload(t *testing.T) {
	s := start(t, options{})
	for _, u := range []string{"user_1", "user_2", "user_3"} {
		s.connect("alice", u)
	}
	for range 3 {
		v, err := s.api().RotateKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.load(s.caddyfile() + strings.Repeat("\n", len(v.Keys)))
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		s.load(s.caddyfile())
	}
	v := s.resealed()
	for _, k := range v.Keys[1:] {
		if _, err := s.api().RetireKey(t.Context(), k.ID); err != nil {
			t.Error(err)
		}
		s.resealed()
	}
	for _, u := range []string{"user_1", "user_2", "user_3"} {
		s.get("/api/me", "Connected-Account: demo/"+u).wantOK(t)
	}
}

// A configuration that cannot start leaves nothing of its own behind: the vault goes on with the key
// and the settings of the one that runs.
func TestFailedReload(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	site := fmt.Sprintf("\nhttp://:%d {\nbind 127.0.0.1\nrespond ok\n}\n", taken.Addr().(*net.TCPAddr).Port)
	for name, config := range map[string]string{
		"another key":       s.withKey("key file " + s.write("other-key", seal.NewKeyText())),
		"clear identifiers": s.withKey("key file @dir@/key\nseal_identifiers off"),
	} {
		for range 8 { // apps start in any order, so that ours may not come to it
			if err := load(s.fill(config) + site); err == nil {
				t.Fatalf("%s: it was loaded", name)
			}
		}
		if ready, err := s.api().Ready(t.Context()); err != nil || ready.Status != "ok" {
			t.Errorf("%s: %+v, %v", name, ready, err)
		}
		if v := s.resealed(); !v.SealedIdentifiers {
			t.Errorf("%s: the identifiers are not sealed", name)
		}
		if got, err := s.api().Rekey(t.Context()); err != nil || got.Changed {
			t.Errorf("%s: rekey: %+v, %v, want nothing to change", name, got, err)
		}
	}
	s.provider.ExpireAccess("alice")
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// V-07: a key that is lost while the server runs makes readiness false, and refreshes go on: an open
// vault needs no key.
func TestV07LostKeyStopsNoRefresh(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	if err := os.Remove(filepath.Join(s.dir, "key")); err != nil {
		t.Fatal(err)
	}
	if ready, err := s.api().Ready(t.Context()); err != nil || ready.Status == "ok" {
		t.Errorf("got %+v, %v, want the key to be missing", ready, err)
	}
	s.provider.ExpireAccess("alice")
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}
