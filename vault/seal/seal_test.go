package seal_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/claviger-proxy/claviger/vault/seal"
)

var bound = seal.Bound{Project: "default", Kind: "grant", ID: "ca_1", Field: "secrets", Version: 3, Clear: []byte(`{"a":1}`)}

func newSealer(t testing.TB) *seal.Sealer {
	t.Helper()
	s, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSeal(t testing.TB, s *seal.Sealer, b seal.Bound, plain string) []byte {
	t.Helper()
	sealed, err := s.Seal(context.Background(), b, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealOpens(t *testing.T) {
	s := newSealer(t)
	for _, plain := range []string{"", "x", string(bytes.Repeat([]byte("long"), 10000))} {
		got, err := s.Open(t.Context(), bound, mustSeal(t, s, bound, plain))
		if err != nil || string(got) != plain {
			t.Errorf("got %d bytes and error %v, want %d bytes", len(got), err, len(plain))
		}
	}
	if bytes.Equal(mustSeal(t, s, bound, "x"), mustSeal(t, s, bound, "x")) {
		t.Error("two seals of one value are equal")
	}
}

// A value that is moved anywhere else does not open, nor one whose bound is cut in another way.
func TestSealIsBound(t *testing.T) {
	s := newSealer(t)
	sealed := mustSeal(t, s, bound, "canary")
	tests := []struct {
		name string
		move func(*seal.Bound)
	}{
		{"project", func(b *seal.Bound) { b.Project = "other" }},
		{"kind", func(b *seal.Bound) { b.Kind = "link" }},
		{"ID", func(b *seal.Bound) { b.ID = "ca_2" }},
		{"field", func(b *seal.Bound) { b.Field = "other" }},
		{"version", func(b *seal.Bound) { b.Version++ }},
		{"clear part", func(b *seal.Bound) { b.Clear = []byte(`{"a":2}`) }},
		{"no clear part", func(b *seal.Bound) { b.Clear = nil }},
		{"border between fields", func(b *seal.Bound) { b.Project, b.Kind = "defaultg", "rant" }},
		{"nothing", func(b *seal.Bound) { *b = seal.Bound{} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := bound
			tt.move(&b)
			plain, err := s.Open(t.Context(), b, sealed)
			if !errors.Is(err, seal.ErrSealed) || plain != nil {
				t.Errorf("got %q and error %v, want ErrSealed", plain, err)
			}
		})
	}
}

// V-03: no bit of a sealed value can be changed.
func TestV03EveryBit(t *testing.T) {
	s := newSealer(t)
	sealed := mustSeal(t, s, bound, "canary")
	for i := range len(sealed) * 8 {
		altered := bytes.Clone(sealed)
		altered[i/8] ^= 1 << (i % 8)
		if plain, err := s.Open(t.Context(), bound, altered); !errors.Is(err, seal.ErrSealed) || plain != nil {
			t.Fatalf("bit %d: got %q and error %v, want ErrSealed", i, plain, err)
		}
	}
	for n := range sealed {
		if _, err := s.Open(t.Context(), bound, sealed[:n]); !errors.Is(err, seal.ErrSealed) {
			t.Fatalf("%d bytes: got error %v, want ErrSealed", n, err)
		}
	}
}

// V-11: another format version, key or algorithm is refused.
func TestV11Downgrade(t *testing.T) {
	s := newSealer(t)
	sealed := mustSeal(t, s, bound, "canary")
	for _, at := range []int{0, 1, 2} {
		for _, to := range []byte{0, 2, 255} {
			altered := bytes.Clone(sealed)
			if altered[at] == to {
				continue
			}
			altered[at] = to
			if _, err := s.Open(t.Context(), bound, altered); !errors.Is(err, seal.ErrSealed) {
				t.Errorf("byte %d set to %d: got error %v, want ErrSealed", at, to, err)
			}
		}
	}
	if _, err := newSealer(t).Open(t.Context(), bound, sealed); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("another keyset: got error %v, want ErrSealed", err)
	}
}

func TestRotate(t *testing.T) {
	old := newSealer(t)
	sealed := mustSeal(t, old, bound, "canary")
	if old.Stale(sealed) {
		t.Error("a fresh value is stale")
	}
	added, id, err := old.Add()
	if err != nil {
		t.Fatal(err)
	}
	if added.Stale(sealed) || added.Primary() != old.Primary() {
		t.Error("adding a key has changed the primary one")
	}
	s, err := added.Promote(id)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Keys(); !slices.Equal(got, []string{id, old.Primary()}) || s.Primary() != id {
		t.Errorf("got keys %v and primary %s, want %s first", got, s.Primary(), id)
	}
	if !s.Stale(sealed) {
		t.Error("a value of the earlier key is not stale")
	}
	if got, err := s.Open(t.Context(), bound, sealed); err != nil || string(got) != "canary" {
		t.Errorf("got %q and error %v", got, err)
	}
	fresh := mustSeal(t, s, bound, "canary")
	if s.Stale(fresh) {
		t.Error("a value of the new key is stale")
	}
	if _, err := old.Open(t.Context(), bound, fresh); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("got error %v, want ErrSealed", err)
	}
	for _, b := range [][]byte{nil, {1}, {9, 9, 9, 9, 9, 9, 9, 9}} {
		if !s.Stale(b) {
			t.Errorf("%v is not stale", b)
		}
	}
}

func TestRemove(t *testing.T) {
	old := newSealer(t)
	sealed := mustSeal(t, old, bound, "canary")
	if _, err := old.Remove(old.Primary()); err == nil {
		t.Error("the primary key was removed")
	}
	for _, id := range []string{"", "0", "00000000", "zzzzzzzz", "+1234567", old.Primary() + "0"} {
		if _, err := old.Promote(id); !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("promoting %q: got error %v, want ErrUnknownKey", id, err)
		}
	}
	added, id, err := old.Add()
	if err != nil {
		t.Fatal(err)
	}
	promoted, err := added.Promote(id)
	if err != nil {
		t.Fatal(err)
	}
	s, err := promoted.Remove(old.Primary())
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Keys(); !slices.Equal(got, []string{id}) {
		t.Errorf("got keys %v, want %s alone", got, id)
	}
	if _, err := s.Open(t.Context(), bound, sealed); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("got error %v, want ErrSealed", err)
	}
}

func TestKeysetIsFull(t *testing.T) {
	s, err := newSealer(t), error(nil)
	for range 100 {
		next, _, e := s.Add()
		if err = e; err != nil {
			break
		}
		s = next
	}
	if !errors.Is(err, seal.ErrKeysetFull) || len(s.Keys()) != 64 {
		t.Errorf("got %d keys and error %v, want 64 and ErrKeysetFull", len(s.Keys()), err)
	}
}

// Names can be looked up, by every key of the keyset, and say nothing.
func TestNames(t *testing.T) {
	old := newSealer(t)
	name := func(s *seal.Sealer, purpose, name string) string {
		t.Helper()
		got, err := s.Name(purpose, name)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := name(old, "user", "ada")
	if len(first) != 32 || name(old, "user", "ada") != first {
		t.Errorf("got %q, then another", first)
	}
	for _, other := range []string{name(old, "user", "ada "), name(old, "usera", "da"), name(old, "x", "ada"), name(newSealer(t), "user", "ada")} {
		if other == first {
			t.Error("two names are one")
		}
	}
	added, id, err := old.Add()
	if err != nil {
		t.Fatal(err)
	}
	s, err := added.Promote(id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Names("user", "ada"); err != nil || !slices.Equal(got, []string{name(s, "user", "ada"), first}) {
		t.Errorf("got %v and error %v, want the new name and %s", got, err, first)
	}
}

var clear = []byte(`{"format":2}`)

func TestKeyset(t *testing.T) {
	s := newSealer(t)
	k, other := newKey(t), newKey(t)
	encrypted, err := s.EncryptKeyset(t.Context(), k, clear)
	if err != nil {
		t.Fatal(err)
	}
	again, err := seal.DecryptKeyset(t.Context(), k, clear, encrypted)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(t.Context(), bound, mustSeal(t, s, bound, "canary")); err != nil || string(got) != "canary" {
		t.Errorf("got %q and error %v", got, err)
	}
	if a, err := again.Name("user", "ada"); err != nil || a == "" {
		t.Errorf("got %q and error %v", a, err)
	} else if b, _ := s.Name("user", "ada"); a != b {
		t.Error("the keyset has other keys for names")
	}
	for _, wrong := range []struct {
		name  string
		key   seal.Key
		clear []byte
	}{{"another key", other, clear}, {"another clear part", k, []byte(`{"format":3}`)}, {"no clear part", k, nil}} {
		if _, err := seal.DecryptKeyset(t.Context(), wrong.key, wrong.clear, encrypted); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%s: got error %v, want ErrSealed", wrong.name, err)
		}
	}
	for n := range encrypted {
		if s, err := seal.DecryptKeyset(t.Context(), k, clear, encrypted[:n]); !errors.Is(err, seal.ErrSealed) || s != nil {
			t.Fatalf("%d of %d bytes: got error %v, want ErrSealed", n, len(encrypted), err)
		}
	}
	for i := range len(encrypted) * 8 {
		altered := bytes.Clone(encrypted)
		altered[i/8] ^= 1 << (i % 8)
		s, err := seal.DecryptKeyset(t.Context(), k, clear, altered)
		// Tink's key info beside the encrypted keyset is for people; it may be altered.
		if err == nil && !slices.Equal(s.Keys(), again.Keys()) || err != nil && !errors.Is(err, seal.ErrSealed) {
			t.Fatalf("bit %d: got error %v, want ErrSealed", i, err)
		}
	}
	// The key-encryption key opens keysets only.
	c, err := k.AEAD.Encrypt(t.Context(), []byte("x"), []byte("something else"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.DecryptKeyset(t.Context(), k, clear, c); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("got error %v, want ErrSealed", err)
	}
}

// V-12: a million values have a million nonces.
func TestV12Nonces(t *testing.T) {
	s := newSealer(t)
	seen := make(map[[24]byte]bool, 1_000_000)
	for range 1_000_000 {
		sealed := mustSeal(t, s, bound, "")
		nonce := [24]byte(sealed[6:30])
		if seen[nonce] {
			t.Fatal("a nonce was used twice")
		}
		seen[nonce] = true
	}
}

func FuzzOpen(f *testing.F) {
	s := newSealer(f)
	sealed := mustSeal(f, s, bound, "canary")
	f.Add(sealed)
	f.Add([]byte{})
	f.Add(sealed[:30])
	f.Add(append(bytes.Clone(sealed), 0))
	f.Add([]byte{1, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := s.Open(t.Context(), bound, b)
		if bytes.Equal(b, sealed) {
			if err != nil || string(plain) != "canary" {
				t.Fatalf("got %q and error %v", plain, err)
			}
			return
		}
		if err == nil || plain != nil {
			t.Fatalf("altered value opens to %q", plain)
		}
		s.Stale(b)
	})
}
