package vault_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// The files of testdata/vector are read here by what docs/reference/vault-format.md says and the
// standard library alone, as a second implementation would.

// xaes opens XAES-256-GCM (C2SP): 24 bytes nonce, ciphertext, tag.
func xaes(t *testing.T, key, sealed, bound []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	wantNil(t, err)
	k1 := make([]byte, 16)
	block.Encrypt(k1, k1)
	carry := k1[0] >> 7
	for i := range 15 {
		k1[i] = k1[i]<<1 | k1[i+1]>>7
	}
	k1[15] = k1[15]<<1 ^ carry*0x87
	var derived []byte
	for n := byte(1); n <= 2; n++ {
		m := append([]byte{0, n, 'X', 0}, sealed[:12]...)
		for i := range m {
			m[i] ^= k1[i]
		}
		block.Encrypt(m, m)
		derived = append(derived, m...)
	}
	inner, err := aes.NewCipher(derived)
	wantNil(t, err)
	gcm, err := cipher.NewGCM(inner)
	wantNil(t, err)
	plain, err := gcm.Open(nil, sealed[12:24], sealed[24:], bound)
	wantNil(t, err)
	return plain
}

// field returns the first field of that number in a Protocol Buffers message: its bytes, or its
// number.
func field(t *testing.T, message []byte, number uint64) ([]byte, uint64) {
	t.Helper()
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		message = message[n:]
		v, n := binary.Uvarint(message)
		message = message[n:]
		var b []byte
		if tag&7 == 2 {
			b, message = message[:v], message[v:]
		}
		if tag>>3 == number {
			return b, v
		}
	}
	t.Fatalf("no field %d", number)
	return nil, 0
}

// key opens one of Tink's keysets and returns its only key.
func key(t *testing.T, kek, encrypted []byte, purpose string, meta []byte) (id uint32, raw []byte) {
	t.Helper()
	sealed, _ := field(t, encrypted, 2)
	keyset := xaes(t, kek, sealed, append([]byte(purpose+"\x00"), meta...))
	k, _ := field(t, keyset, 2)
	_, n := field(t, k, 3)
	data, _ := field(t, k, 1)
	value, _ := field(t, data, 2)
	raw, _ = field(t, value, 3)
	return uint32(n), raw
}

// reader takes a backup apart.
type reader struct {
	t    *testing.T
	b    []byte
	read int
}

func (r *reader) take(n int) []byte { r.read += n; return r.b[r.read-n : r.read] }

func (r *reader) varint() int {
	v, n := binary.Uvarint(r.b[r.read:])
	r.read += n
	return int(v)
}

func (r *reader) part() []byte { return r.take(r.varint()) }

// rawRecord is a record as it is stored.
type rawRecord struct {
	kind, id, entries string
	version           uint64
	meta, sealed      []byte
}

func (r *reader) record() rawRecord {
	out := rawRecord{kind: string(r.part()), id: string(r.part())}
	if r.take(1)[0] != 1 {
		r.t.Fatal("record of another format")
	}
	out.version = binary.BigEndian.Uint64(r.take(8))
	r.take(8)
	for range r.varint() {
		r.take(1)
		out.entries += string(r.part()) + "=" + string(r.part()) + "\n"
	}
	out.meta, out.sealed = r.part(), r.part()
	return out
}

func lengthFirst(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return b
}

// open opens a sealed value under the key with that ID.
func (r rawRecord) open(t *testing.T, id uint32, raw []byte, project string) string {
	t.Helper()
	if r.sealed[0] != 1 || r.sealed[1] != 1 || binary.BigEndian.Uint32(r.sealed[2:]) != id {
		t.Fatalf("%s begins with % x", r.kind, r.sealed[:6])
	}
	bound := lengthFirst("claviger/record/1", project, r.kind, r.id, "secrets")
	bound = binary.BigEndian.AppendUint64(bound, r.version)
	bound = append(bound, lengthFirst(string(r.meta))...)
	return string(xaes(t, raw, r.sealed[6:], bound))
}

func TestVectorBySecondImplementation(t *testing.T) {
	text, err := os.ReadFile("testdata/vector/key")
	wantNil(t, err)
	kek, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(string(text), "claviger-key-1:")))
	wantNil(t, err)
	file, err := os.ReadFile("testdata/vector/vault.backup")
	wantNil(t, err)

	r := &reader{t: t, b: file}
	if got := string(r.take(18)); got != "claviger backup 1\n" {
		t.Fatalf("begins with %q", got)
	}
	r.varint()
	keyset := r.record()
	var meta struct{ Key string }
	wantNil(t, json.Unmarshal(keyset.meta, &meta))
	if sum := sha256.Sum256(append([]byte("claviger key id\x00"), kek...)); meta.Key != hex.EncodeToString(sum[:8]) {
		t.Errorf("the key has the ID %x, the keyset names %s", sum[:8], meta.Key)
	}
	n := 4 + binary.BigEndian.Uint32(keyset.sealed)
	id, forValues := key(t, kek, keyset.sealed[4:n], "claviger/keyset/1", keyset.meta)
	sameID, forNames := key(t, kek, keyset.sealed[n:], "claviger/names/1", keyset.meta)
	if id != sameID {
		t.Errorf("the keys have the IDs %08x and %08x", id, sameID)
	}

	opened := map[string]string{}
	for r.varint() > 0 {
		rec := r.record()
		opened[rec.kind] = rec.open(t, id, forValues, "default")
		if rec.kind == "account" {
			mac := hmac.New(sha256.New, forNames)
			mac.Write(append(lengthFirst("identifier"), "ada"...))
			if form := "~" + hex.EncodeToString(mac.Sum(nil)[:16]); !strings.Contains(rec.entries, "account.user="+form+"/\n") {
				t.Errorf("the index does not have %s:\n%s", form, rec.entries)
			}
		}
	}
	for kind, want := range map[string]string{
		"connection": `{"client_secret":"github-client-secret"}`,
		"account":    `{"identifier":"ada","identity":{"id":"42","name":"Ada","email":"ada@example.com"}}`,
		"grant":      `{"access":"access-vector","refresh":"refresh-vector"}`,
	} {
		if opened[kind] != want {
			t.Errorf("%s has %s, want %s", kind, opened[kind], want)
		}
	}

	sum := sha256.Sum256(file[:r.read])
	bound := append(lengthFirst("claviger/record/1", "", "backup", hex.EncodeToString(sum[:]), "end"), 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
	end := xaes(t, forValues, r.part()[6:], bound)
	if want := `{"created":"2026-11-02T08:00:00Z","records":{"account":1,"connection":1,"grant":1}}`; string(end) != want {
		t.Errorf("the end is %s, want %s", end, want)
	}
	if r.read != len(file) {
		t.Errorf("%d bytes follow", len(file)-r.read)
	}
}

// The same file by this program.
func TestVector(t *testing.T) {
	text, err := os.ReadFile("testdata/vector/key")
	wantNil(t, err)
	k, err := seal.ParseKey(string(text))
	wantNil(t, err)
	file, err := os.ReadFile("testdata/vector/vault.backup")
	wantNil(t, err)
	store, keys := vaulttest.NewStore(t), vaulttest.Keys{k}
	_, err = vault.Restore(t.Context(), bytes.NewReader(file), store, keys, func(f vault.Fault) { t.Errorf("%+v", f) })
	wantNil(t, err)
	v := vaulttest.OpenAt(t, store, keys, nil)
	c, err := v.FindConnection(t.Context(), "", "github")
	wantNil(t, err)
	a, err := v.FindAccount(t.Context(), c.ID, "ada")
	wantNil(t, err)
	g, err := v.Grant(t.Context(), a.ID)
	wantNil(t, err)
	if g.Refresh.Reveal() != "refresh-vector" || a.Identity.Email != "ada@example.com" {
		t.Errorf("got %s and %s", g.Refresh.Reveal(), a.Identity.Email)
	}
}
