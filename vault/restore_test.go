package vault_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"runtime"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// sink is an empty store that counts what is loaded.
type sink struct {
	vault.Store
	loaded int
	vault  bool // it has a keyset
}

func (s *sink) Walk(context.Context, vault.Key) iter.Seq2[vault.Record, error] {
	return func(func(vault.Record, error) bool) {}
}

func (s *sink) Load(_ context.Context, seq iter.Seq2[vault.Record, error]) error {
	for r, err := range seq {
		if err != nil {
			return err
		}
		s.loaded++
		s.vault = s.vault || r.Key == keysetKey
	}
	return nil
}

// wantRefused fails when a backup that is not whole becomes a vault.
func wantRefused(t *testing.T, b []byte, keys seal.KeyProvider, what string, at int) {
	t.Helper()
	to := &sink{}
	if err := restore(t, b, to, keys); err == nil || to.vault {
		t.Fatalf("%s at byte %d: got error %v and a vault %v", what, at, err, to.vault)
	}
}

// small is a small backup.
func small(t testing.TB) ([]byte, seal.KeyProvider) {
	t.Helper()
	keys := vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, vaulttest.NewStore(t), keys, nil)
	vaulttest.Account(t, v, vaulttest.Connection(t, v, "github"), "ada", vaulttest.Grant("1", epoch))
	return backup(t, v), keys
}

// V-03: a backup that was cut anywhere, or changed in any bit, is none.
func TestV03EveryByteOfABackup(t *testing.T) {
	whole, keys := small(t)
	to := &sink{}
	wantNil(t, restore(t, whole, to, keys))
	if to.loaded != 5 || !to.vault {
		t.Errorf("got %d records and a vault %v, want 5 with the keyset", to.loaded, to.vault)
	}
	for at := range whole {
		wantRefused(t, whole[:at], keys, "cut", at)
		b := bytes.Clone(whole)
		b[at] ^= 1 << (at % 8)
		wantRefused(t, b, keys, "changed bit", at)
	}
	wantRefused(t, append(bytes.Clone(whole), 0), keys, "something", len(whole))
	wantRefused(t, append(bytes.Clone(whole), whole...), keys, "another backup", len(whole))
}

// frames takes a backup apart, without its first line.
func frames(t testing.TB, b []byte) (head []byte, parts [][]byte) {
	t.Helper()
	i := bytes.IndexByte(b, '\n') + 1
	head, b = b[:i], b[i:]
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		parts = append(parts, b[:size+int(n)])
		b = b[size+int(n):]
	}
	return head, parts
}

// V-02: records cannot be left out of a backup, swapped, doubled, or taken from another one.
func TestV02BackupPutTogether(t *testing.T) {
	whole, keys := small(t)
	v := vaulttest.OpenAt(t, vaulttest.NewStore(t), keys, nil)
	vaulttest.Connection(t, v, "other")
	head, parts := frames(t, whole)
	_, foreign := frames(t, backup(t, v))
	end := len(parts) - 1
	tests := map[string][][]byte{
		"one left out":              append(append([][]byte{}, parts[:1]...), parts[2:]...),
		"two swapped":               append([][]byte{parts[0], parts[2], parts[1]}, parts[3:]...),
		"one twice":                 append([][]byte{parts[0], parts[1], parts[1]}, parts[2:]...),
		"one of another":            append([][]byte{parts[0], foreign[1]}, parts[1:]...),
		"no keyset":                 parts[1:],
		"another keyset":            append([][]byte{foreign[0]}, parts[1:]...),
		"end of another":            append(append([][]byte{}, parts[:end]...), foreign[len(foreign)-1]),
		"ended before":              {parts[0], parts[end-1], parts[end]},
		"keyset twice":              append([][]byte{parts[0], parts[0]}, parts[1:]...),
		"a length too far":          {parts[0], {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		"a length that is too long": {parts[0], {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}},
	}
	for name, parts := range tests {
		t.Run(name, func(t *testing.T) {
			b := append(bytes.Clone(head), bytes.Join(parts, nil)...)
			to := &sink{}
			err := restore(t, b, to, keys)
			if !errors.Is(err, vault.ErrBackup) || to.vault {
				t.Errorf("got error %v and a vault %v", err, to.vault)
			}
		})
	}
}

// withKeyset is the beginning of a backup whose keyset has that clear part.
func withKeyset(head []byte, meta string) []byte {
	p := []byte("\x04meta\x06keyset")
	p = vault.AppendRecord(p, vault.Record{Version: 1, Meta: []byte(meta)})
	return append(binary.AppendUvarint(bytes.Clone(head), uint64(len(p))), p...)
}

func FuzzRestore(f *testing.F) {
	whole, keys := small(f)
	head, parts := frames(f, whole)
	f.Add(whole)
	f.Add(head)
	f.Add(append(bytes.Clone(head), parts[0]...))
	f.Add(append(bytes.Clone(head), 0xff, 0xff, 0xff, 0xff, 0x7f))
	f.Add(append(append(bytes.Clone(head), parts[0]...), 0x80, 0x80, 0x40)) // a record of 1 MiB
	f.Add(withKeyset(head, `{"format":2,"key":"`+strings.Repeat("k", 10_000)+`"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		to := &sink{}
		_, err := vault.Restore(t.Context(), bytes.NewReader(b), to, keys, func(vault.Fault) {})
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 8<<20+100*uint64(len(b)) {
			t.Fatalf("%d bytes take %d of memory", len(b), after.TotalAlloc-before.TotalAlloc)
		}
		if err == nil && !bytes.Equal(b, whole) || err != nil && to.vault {
			t.Fatalf("got error %v and a vault %v", err, to.vault)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Fatalf("the error has %d bytes", len(err.Error()))
		}
	})
}
