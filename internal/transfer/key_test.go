package transfer_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/claviger-proxy/claviger/internal/transfer"
)

// sshKey returns a fresh key pair as ssh-keygen writes it (the private one with -m PKCS8).
func sshKey(t *testing.T) (public, private string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var wire []byte // RFC 8709, section 4
	for _, part := range [][]byte{[]byte("ssh-ed25519"), pub} {
		wire = append(binary.BigEndian.AppendUint32(wire, uint32(len(part))), part...)
	}
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(wire) + " ada@example.com\n",
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func hybridKey(t *testing.T) (public, private string) {
	t.Helper()
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return key.Recipient().String(), key.String()
}

func TestRecipients(t *testing.T) {
	sshPublic, sshPrivate := sshKey(t)
	hybridPublic, hybridPrivate := hybridKey(t)
	list := filepath.Join(t.TempDir(), "recipients.txt")
	if err := os.WriteFile(list, []byte("# ours\n"+testRecipient+"\n\n"+sshPublic), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, to string
		keys     []string
	}{
		{"age", testRecipient, []string{testIdentity, "# created: today\n# public key: age1\n" + testIdentity + "\r\n"}},
		{"post-quantum", hybridPublic, []string{hybridPrivate}},
		{"ssh", sshPublic, []string{sshPrivate}},
		{"file", "@" + list, []string{testIdentity, sshPrivate}},
	} {
		t.Run(c.name, func(t *testing.T) {
			to, err := transfer.ParseRecipient(c.to)
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			w, err := transfer.NewWriter(&file, transfer.WriteOptions{Header: testHeader}, to...)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(write(w, sample()), w.Close()); err != nil {
				t.Fatal(err)
			}
			for _, key := range c.keys {
				_, items, err := read(bytes.NewReader(file.Bytes()), identity(t, key))
				if err != nil {
					t.Fatal(err)
				}
				same(t, items, sample())
			}
		})
	}
}

func TestRecipientRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	bad := filepath.Join(t.TempDir(), "bad")
	for path, text := range map[string]string{empty: "# nobody\n", bad: testRecipient + "\n" + testIdentity + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "not a recipient"},
		{"cut", testRecipient[:40], "not a recipient"},
		{"plugin", "age1yubikey1qfictional", "plugins are not supported"},
		{"ssh", "ssh-ed25519 AAAA", "not a recipient"},
		{"secret", testIdentity, "age-keygen -y"},
		{"secret ssh", "-----BEGIN OPENSSH PRIVATE KEY-----", "secret key"},
		{"no file", "@" + empty + ".missing", "opening the recipients"},
		{"empty file", "@" + empty, "no recipient in the file"},
		{"bad file", "@" + bad, "bad:2: this is a secret key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, err := transfer.ParseRecipient(c.text)
			if list != nil || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), testIdentity) {
				t.Errorf("got %d recipients, %v, want an error with %q", len(list), err, c.want)
			}
		})
	}
}

func TestIdentitiesRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "# nothing\n", "no key"},
		{"cut", "# mine\n" + testIdentity[:50], "line 2 of the key file"},
		{"changed", strings.Replace(testIdentity, "RZ", "RQ", 1), "line 1 of the key file"},
		{"public", testRecipient, "line 1 of the key file"},
		{"encrypted", "age-encryption.org/v1\n-> scrypt", "age -d"},
		{"ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "SSH key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, err := transfer.ParseIdentities(strings.NewReader(c.text))
			if list != nil || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), testIdentity[20:50]) {
				t.Errorf("got %d identities, %v, want an error with %q", len(list), err, c.want)
			}
		})
	}
}

func TestPassphrase(t *testing.T) {
	to, err := transfer.PassphraseRecipient("fictional words")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := transfer.NewWriter(&file, transfer.WriteOptions{Header: testHeader}, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cancelled := errors.New("cancelled")
	for _, c := range []struct {
		name, answer string
		fail, want   error
	}{
		{"right", "fictional words", nil, nil},
		{"wrong", "other words", nil, transfer.ErrWrongKey},
		{"cancelled", "", cancelled, cancelled},
	} {
		ask := transfer.PassphraseIdentity(func() (string, error) { return c.answer, c.fail })
		if _, _, err := read(bytes.NewReader(file.Bytes()), identity(t, testIdentity), ask); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if _, _, err := read(bytes.NewReader(file.Bytes()), identity(t, testIdentity)); !errors.Is(err, transfer.ErrWrongKey) || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("with a key: %v", err)
	}
	never := transfer.PassphraseIdentity(func() (string, error) {
		t.Error("asked for a passphrase that no recipient has")
		return "", cancelled
	})
	if _, _, err := read(bytes.NewReader(golden(t, "export-v4.age")), never, identity(t, testIdentity)); err != nil {
		t.Error(err)
	}
	hungry := "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 30\n" + strings.Repeat("A", 43) + "\n--- " + strings.Repeat("A", 43) + "\n"
	ask := transfer.PassphraseIdentity(func() (string, error) { return "x", nil })
	if _, _, err := read(strings.NewReader(hungry), ask); err == nil || !strings.Contains(err.Error(), "1 GiB") {
		t.Errorf("2^30: %v", err)
	}
}

func TestWrongKey(t *testing.T) {
	_, other := hybridKey(t)
	for _, ids := range [][]transfer.Identity{{identity(t, other)}, {identity(t, other), {}}} {
		r, err := transfer.NewReader(bytes.NewReader(golden(t, "export-v4.age")), ids...)
		if r != nil || !errors.Is(err, transfer.ErrWrongKey) || !strings.Contains(err.Error(), "secret key of one of them") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := transfer.NewReader(bytes.NewReader(golden(t, "export-v4.age"))); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("without a key: %v", err)
	}
}

func TestRecipientsTogether(t *testing.T) {
	pass, err := transfer.PassphraseRecipient("fictional words")
	if err != nil {
		t.Fatal(err)
	}
	public, _ := hybridKey(t)
	hybrid, err := transfer.ParseRecipient(public)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.PassphraseRecipient(""); err == nil {
		t.Error("an empty passphrase is taken")
	}
	for _, c := range []struct {
		name, want string
		to         []transfer.Recipient
	}{
		{"none", "always encrypted", nil},
		{"zero", "ParseRecipient", []transfer.Recipient{{}}},
		{"passphrase and key", "one or the other", []transfer.Recipient{pass, recipient(t)}},
		{"key and passphrase", "one or the other", []transfer.Recipient{recipient(t), pass}},
		{"two passphrases", "one or the other", []transfer.Recipient{pass, pass}},
		{"old and new", "age1pq1", []transfer.Recipient{recipient(t), hybrid[0]}},
	} {
		w, err := transfer.NewWriter(&bytes.Buffer{}, transfer.WriteOptions{Header: testHeader}, c.to...)
		if w != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.name, err, c.want)
		}
	}
}
