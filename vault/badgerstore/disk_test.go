package badgerstore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

var secrets = []string{
	"canary-access-XKCD1", "canary-refresh-XKCD2", "canary-idtoken-XKCD3", "canary-captured-XKCD4",
	"canary-client-XKCD5", "canary-link-XKCD6", "canary-state-XKCD7", "canary-verifier-XKCD8",
	"canary-browser-XKCD9", "canary-appstate-XKCDA", "canary-return-XKCDB",
	"canary-slot-XKCDC", "canary-input-XKCDD", "canary-linkinput-XKCDE", "canary-param-XKCDF",
}

// fill writes every kind of secret into a vault.
func fill(t *testing.T, v *vault.Vault) {
	t.Helper()
	s := func(i int) vault.Secret { return vault.NewSecret(secrets[i]) }
	named := func(i int) vault.Secrets { return vault.Secrets{"name": s(i)} }
	c := vault.Connection{Name: "github", Connector: "github", ClientSecret: s(4), SecretParams: named(14)}
	if err := v.PutConnection(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	a := vaulttest.Account(t, v, c, "ada", vault.Grant{
		Access: s(0), Refresh: s(1), IDToken: s(2), Captured: map[string]string{"team": secrets[3]},
		Slots: named(11), Inputs: named(12),
	})
	for generation := range uint64(5) {
		g := vault.Grant{Generation: generation + 2, Access: s(0), Refresh: s(1), Slots: named(11), Inputs: named(12)}
		if _, err := v.ReplaceGrant(t.Context(), a.ID, g); err != nil {
			t.Fatal(err)
		}
	}
	l := vault.Link{
		ConnectionID: c.ID, AccountID: a.ID, Identifier: "ada", Token: s(5), Expires: time.Now().Add(time.Hour),
		State: s(6), Verifier: s(7), Browser: s(8), AppState: secrets[9], ReturnURL: "https://app.test/?x=" + secrets[10],
		Inputs: named(13),
	}
	if err := v.CreateLink(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
}

// forms are the ways in which a secret might stand in a file.
func forms(secret string) [][]byte {
	out := [][]byte{[]byte(secret), []byte(hex.EncodeToString([]byte(secret)))}
	for shift := range 3 { // what is common to base64 at every alignment
		enc := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
		out = append(out, []byte(enc[4:len(enc)-2]))
	}
	var le, be []byte
	for _, u := range utf16.Encode([]rune(secret)) {
		le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
	}
	return append(out, le, be)
}

func grep(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, s := range secrets {
			for _, form := range forms(s) {
				if bytes.Contains(b, form) {
					t.Errorf("%s has %s as %q", filepath.Base(path), s, form)
				}
			}
		}
		return nil
	})
	if err != nil || files < 4 {
		t.Fatalf("read %d files, error %v", files, err)
	}
}

// V-01: no secret is in any file, neither while the vault is open nor when it is closed.
func TestV01NoSecretOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	s := open(t, dir)
	fill(t, vaulttest.OpenAt(t, s, vaulttest.NewKeys(t), nil))
	grep(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	grep(t, dir)
}

// V-06: a key that is not usable leaves the directory as it was.
func TestV06NothingWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	s := open(t, dir)
	vaulttest.OpenAt(t, s, vaulttest.NewKeys(t), nil)
	before, err := s.Get(t.Context(), vault.Key{Kind: vault.KindMeta, ID: "keyset"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	for _, text := range []string{"", "hunter2", "claviger-key-1:AAAA"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := vault.Open(t.Context(), s, seal.FileKeys{Path: path})
		if !errors.Is(err, seal.ErrUnknownKey) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("got error %v, want ErrUnknownKey without the text", err)
		}
	}
	after, err := s.Get(t.Context(), before.Key)
	if err != nil || after.Version != before.Version {
		t.Errorf("keyset has version %d, want %d; error %v", after.Version, before.Version, err)
	}
}

func TestSecondOpener(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	s := open(t, dir)
	_, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	if !errors.Is(err, vault.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got error %v, want ErrInUse with the directory", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

// A second process that finds the directory in use ends with that error.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	open(t, filepath.Join(dir, "vault"))
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), vault.ErrInUse.Error()) {
		t.Errorf("got error %v and %q, want %q", err, out, vault.ErrInUse)
	}
}

func TestReopen(t *testing.T) {
	dir, keys := filepath.Join(t.TempDir(), "vault"), vaulttest.NewKeys(t)
	var a vault.ConnectedAccount
	for i := range 3 {
		s := open(t, dir)
		v := vaulttest.OpenAt(t, s, keys, nil)
		if i == 0 {
			a = vaulttest.Account(t, v, vaulttest.Connection(t, v, "github"), "ada", numbered(1))
		}
		if g, err := v.Grant(t.Context(), a.ID); err != nil || g.Generation != 1 {
			t.Fatalf("got generation %d and error %v, want 1", g.Generation, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBadDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []badgerstore.Options{{}, {Dir: file}, {Dir: file + "/below"}, {Dir: "x", InMemory: true}} {
		if s, err := badgerstore.Open(o); err == nil || s != nil {
			t.Errorf("%+v opens", o)
		}
	}
}

func TestLoggerIsQuiet(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	s, err := badgerstore.Open(badgerstore.Options{Dir: filepath.Join(t.TempDir(), "vault"), Logger: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, vaulttest.OpenAt(t, s, vaulttest.NewKeys(t), nil))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := logs.FilterLevelExact(zap.InfoLevel).Len() + logs.Len(); n != 0 {
		t.Errorf("got %d log lines of a run without trouble: %v", n, logs.All())
	}
}
