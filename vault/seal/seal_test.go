package seal_test

import (
	"bytes"
	"context"
	"errors"
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
	s, err := old.Rotate()
	if err != nil {
		t.Fatal(err)
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

func TestKeyset(t *testing.T) {
	s := newSealer(t)
	k, other := newKey(t), newKey(t)
	encrypted, err := s.EncryptKeyset(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	again, err := seal.DecryptKeyset(t.Context(), k, encrypted)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(t.Context(), bound, mustSeal(t, s, bound, "canary")); err != nil || string(got) != "canary" {
		t.Errorf("got %q and error %v", got, err)
	}
	if _, err := seal.DecryptKeyset(t.Context(), other, encrypted); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("wrong key: got error %v, want ErrSealed", err)
	}
	for n := range encrypted {
		if s, err := seal.DecryptKeyset(t.Context(), k, encrypted[:n]); err == nil || s != nil {
			t.Fatalf("%d of %d bytes decrypt", n, len(encrypted))
		}
	}
	// The key-encryption key opens keysets only.
	c, err := k.AEAD.Encrypt(t.Context(), []byte("x"), []byte("something else"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.DecryptKeyset(t.Context(), k, c); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("got error %v, want ErrSealed", err)
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
