package seal_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault/seal"
)

func newKey(t testing.TB) seal.Key {
	t.Helper()
	k, err := seal.ParseKey(seal.NewKeyText())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func text(raw []byte) string {
	return "claviger-key-1:" + base64.StdEncoding.EncodeToString(raw)
}

func random(n int) []byte {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(i*37 + 129)
	}
	return raw
}

// V-06: keys that are not keys.
func TestV06BadKeys(t *testing.T) {
	tests := []struct {
		name, text, says string
	}{
		{"empty", "", "empty"},
		{"white space", " \r\n", "empty"},
		{"31 bytes", text(random(31)), "31 bytes"},
		{"33 bytes", text(random(33)), "33 bytes"},
		{"no bytes", "claviger-key-1:", "0 bytes"},
		{"no prefix", base64.StdEncoding.EncodeToString(random(32)), "begin with"},
		{"another version", strings.Replace(text(random(32)), "-1:", "-2:", 1), "begin with"},
		{"pass-phrase", "correct horse battery staple", "begin with"},
		{"encoded pass-phrase", text([]byte("correct horse battery staple 123")), "not random"},
		{"zeros", text(make([]byte, 32)), "not random"},
		{"not base64", "claviger-key-1:" + strings.Repeat("!", 44), "not base64"},
		{"two lines", text(random(32)) + "\n" + text(random(32)), "base64"},
		{"space inside", strings.Replace(text(random(32)), ":", ": ", 1), "base64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			k, err := seal.FileKeys{Path: path}.Active(t.Context())
			if !errors.Is(err, seal.ErrBadKey) || k != (seal.Key{}) {
				t.Fatalf("got key %q and error %v, want ErrBadKey", k.ID, err)
			}
			if !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q names neither %q nor the file", err, tt.says)
			}
			if secret := strings.TrimPrefix(strings.TrimSpace(tt.text), "claviger-key-1:"); secret != "" && strings.Contains(err.Error(), secret) {
				t.Errorf("error %q shows the key", err)
			}
		})
	}
}

func TestKeyTextTolerance(t *testing.T) {
	line := strings.TrimSpace(seal.NewKeyText())
	want, err := seal.ParseKey(line)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{line + "\n", line + "\r\n", " " + line + "\n\n"} {
		if k, err := seal.ParseKey(s); err != nil || k.ID != want.ID {
			t.Errorf("%q: got key %s and error %v, want %s", s[len(line):], k.ID, err, want.ID)
		}
	}
	if other := newKey(t); other.ID == want.ID {
		t.Error("two keys have one ID")
	}
}

func TestFileKeys(t *testing.T) {
	dir := t.TempDir()
	f := seal.FileKeys{Path: filepath.Join(dir, "new", "key")}
	if _, err := f.Active(t.Context()); !errors.Is(err, seal.ErrNoKey) {
		t.Fatalf("got error %v, want ErrNoKey", err)
	}
	if err := f.CreateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("got mode %04o, want 0600", fi.Mode().Perm())
	}
	k, err := f.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.CreateKey(t.Context()); err == nil {
		t.Fatal("a key was created over another")
	}
	if again, err := f.Active(t.Context()); err != nil || again.ID != k.ID {
		t.Fatalf("got key %s and error %v, want %s", again.ID, err, k.ID)
	}

	link := filepath.Join(dir, "link")
	if err := os.Symlink(f.Path, link); err != nil {
		t.Fatal(err)
	}
	next := seal.FileKeys{Path: filepath.Join(dir, "next"), Retired: []string{filepath.Join(dir, "gone"), link}}
	if err := next.CreateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := next.Find(t.Context(), k.ID); err != nil || found.ID != k.ID {
		t.Errorf("got key %s and error %v, want the retired one", found.ID, err)
	}
	_, err = next.Find(t.Context(), "0123456789abcdef")
	if !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), "0123456789abcdef") {
		t.Errorf("got error %v, want ErrUnknownKey with the ID", err)
	}
}

func TestEnvKeys(t *testing.T) {
	e := seal.EnvKeys{Var: "CLAVIGER_TEST_KEY", Retired: []string{"CLAVIGER_TEST_OLD"}}
	if _, err := e.Active(t.Context()); !errors.Is(err, seal.ErrNoKey) {
		t.Fatalf("got error %v, want ErrNoKey", err)
	}
	t.Setenv("CLAVIGER_TEST_KEY", seal.NewKeyText())
	t.Setenv("CLAVIGER_TEST_OLD", seal.NewKeyText())
	active, err := e.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if k, err := e.Find(t.Context(), active.ID); err != nil || k.ID != active.ID {
		t.Errorf("got key %s and error %v, want %s", k.ID, err, active.ID)
	}
	t.Setenv("CLAVIGER_TEST_KEY", "secret")
	if _, err := e.Active(t.Context()); !errors.Is(err, seal.ErrBadKey) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got error %v, want ErrBadKey without the value", err)
	}
}

// A checker says what Find says.
func TestKeyChecker(t *testing.T) {
	text := seal.NewKeyText()
	want, err := seal.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLAVIGER_TEST_KEY", text)
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []seal.KeyChecker{seal.EnvKeys{Var: "CLAVIGER_TEST_KEY"}, seal.FileKeys{Path: path}} {
		if err := c.CheckKey(t.Context(), want.ID); err != nil {
			t.Error(err)
		}
		if err := c.CheckKey(t.Context(), "0123456789abcdef"); !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("got error %v, want ErrUnknownKey", err)
		}
	}
	if _, ok := any(&seal.ExecKeys{}).(seal.KeyChecker); ok {
		t.Error("a command is run for a check")
	}
}

func TestEnvKeysRefuse(t *testing.T) {
	t.Setenv("CLAVIGER_TEST_EMPTY", "")
	t.Setenv("CLAVIGER_TEST_SPACE", " \n")
	for name, want := range map[string]error{
		"": seal.ErrNoKey, "CLAVIGER_TEST_UNSET": seal.ErrNoKey, "CLAVIGER_TEST_EMPTY": seal.ErrBadKey, "CLAVIGER_TEST_SPACE": seal.ErrBadKey,
	} {
		k, err := seal.EnvKeys{Var: name}.Active(t.Context())
		if !errors.Is(err, want) || k != (seal.Key{}) || !strings.Contains(err.Error(), "environment variable "+name) {
			t.Errorf("%s: got key %q and error %v, want %v", name, k.ID, err, want)
		}
	}
}
