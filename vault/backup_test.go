package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func backup(t testing.TB, v *vault.Vault) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := v.Backup(t.Context(), &b, func(f vault.Fault) { t.Errorf("got fault %v", f) }); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func restore(t testing.TB, b []byte, store vault.Store, keys seal.KeyProvider) error {
	t.Helper()
	facts, err := vault.Restore(t.Context(), bytes.NewReader(b), store, keys, func(vault.Fault) {})
	if err != nil && facts.Records != nil {
		t.Error("there are facts beside an error")
	}
	return err
}

func TestBackupAndRestore(t *testing.T) {
	for _, clear := range []bool{false, true} {
		t.Run(fmt.Sprint("clear ", clear), func(t *testing.T) {
			from, to, keys := vaulttest.NewStore(t), vaulttest.NewStore(t), vaulttest.NewKeys(t)
			v, err := vault.OpenWith(t.Context(), from, keys, vault.Options{ClearIdentifiers: clear})
			wantNil(t, err)
			conn, accounts, links := users(t, v, 20)
			promoteNew(t, v) // half of the records under one key, half under another
			g := vaulttest.Grant("new", epoch)
			g.Generation = 2
			_, err = v.ReplaceGrant(t.Context(), accounts[3].ID, g)
			wantNil(t, err)
			b := backup(t, v)
			facts, err := vault.VerifyBackup(t.Context(), bytes.NewReader(b), keys, func(f vault.Fault) { t.Errorf("got fault %v", f) })
			wantNil(t, err)
			want := map[vault.Kind]int{vault.KindConnection: 1, vault.KindAccount: 20, vault.KindGrant: 20, vault.KindLink: 20, vault.KindEvent: 40}
			if d := cmp.Diff(want, facts.Records); d != "" || facts.Created.IsZero() {
				t.Errorf("facts of %s (-want +got):\n%s", facts.Created, d)
			}
			wantNil(t, restore(t, b, to, keys))
			if d := cmp.Diff(records(t, from), records(t, to)); d != "" {
				t.Errorf("records (-backup +restored):\n%s", d)
			}
			if d := cmp.Diff(storedKeyset(t, from), storedKeyset(t, to)); d != "" {
				t.Errorf("keyset (-backup +restored):\n%s", d)
			}
			restored, err := vault.OpenWith(t.Context(), to, keys, vault.Options{ClearIdentifiers: clear})
			wantNil(t, err)
			for i, a := range accounts {
				wantFound(t, restored, conn, a, links[i])
			}
			wantNil(t, restored.Reseal(t.Context()))
			var found faults
			_, err = restored.Verify(t.Context(), found.add)
			wantNil(t, err)
			if len(found) > 0 {
				t.Errorf("got faults %v", found)
			}
			if err := restore(t, b, to, keys); err == nil || !strings.Contains(err.Error(), "empty") {
				t.Errorf("a restore over a vault: got error %v", err)
			}
		})
	}
}

// A backup that is made while everything changes is what was at one moment.
func TestBackupWhileWriting(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	conn := vaulttest.Connection(t, v, "github")
	var wg sync.WaitGroup
	var stop atomic.Bool
	for i := range 4 {
		w := newWriter(t, v, conn, i)
		wg.Go(func() {
			for !stop.Load() {
				if err := w.write(t); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var backups [][]byte
	for range 3 {
		backups = append(backups, backup(t, v))
	}
	stop.Store(true)
	wg.Wait()
	for _, b := range backups {
		to := vaulttest.NewStore(t)
		wantNil(t, restore(t, b, to, keys))
		var found faults
		_, err := vaulttest.OpenAt(t, to, keys, nil).Verify(t.Context(), found.add)
		wantNil(t, err)
		if len(found) > 0 {
			t.Errorf("got faults %v", found)
		}
	}
}

// A reader of the backup that stalls holds up nothing, and what changes meanwhile is not in it.
func TestBackupToASlowReader(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	users(t, v, 60) // more than is written at once
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := v.Backup(t.Context(), w, func(vault.Fault) {})
		w.CloseWithError(err)
		done <- err
	}()
	head := make([]byte, 10)
	_, err := io.ReadFull(r, head)
	wantNil(t, err)
	changed := make(chan string)
	go func() { changed <- promoteNew(t, v) }()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("the keys cannot be changed")
	}
	wantNil(t, v.Reseal(t.Context()))
	rest, err := io.ReadAll(r)
	wantNil(t, err)
	wantNil(t, <-done)
	to := vaulttest.NewStore(t)
	wantNil(t, restore(t, append(head, rest...), to, keys))
	if k := vaulttest.OpenAt(t, to, keys, nil).Keyring(); len(k.Keys) != 1 {
		t.Errorf("got %d keys, want the one of the beginning", len(k.Keys))
	}
}

// A process that does not know yet that the keys were changed makes a backup that can be used.
func TestBackupInAFleet(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	a, b := vaulttest.OpenAt(t, store, keys, nil), vaulttest.OpenAt(t, store, keys, nil)
	users(t, a, 2)
	first := a.Keyring().Keys[0].ID
	promoteNew(t, a)
	wantNil(t, a.Reseal(t.Context()))
	wantNil(t, a.RetireKey(t.Context(), first))
	wantNil(t, restore(t, backup(t, b), vaulttest.NewStore(t), keys))
}

func TestBackupLeavesOutWhatCannotBeRead(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	_, accounts, _ := users(t, v, 3)
	bad := vault.Key{Kind: vault.KindAccount, ID: string(accounts[1].ID)}
	v = vaulttest.OpenAt(t, lossy{store, bad}, keys, nil)
	var b bytes.Buffer
	var found faults
	facts, err := v.Backup(t.Context(), &b, found.add)
	wantNil(t, err)
	if facts.Records[vault.KindAccount] != 2 || len(found) != 1 || len(found.of(bad)) != 1 {
		t.Errorf("got %v and faults %v, want one about %v", facts.Records, found, bad)
	}
	wantNil(t, restore(t, b.Bytes(), vaulttest.NewStore(t), keys))
}

// lossy is a store that cannot read one of its records.
type lossy struct {
	vault.Store
	bad vault.Key
}

func (s lossy) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		for r, err := range s.Store.Walk(ctx, after) {
			if r.Key == s.bad {
				r, err = vault.Record{Key: r.Key}, vault.ErrDamaged
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// A record that was damaged before the backup is told of, and as good as it was.
func TestRestoreReportsDamagedRecords(t *testing.T) {
	from, to, keys := vaulttest.NewStore(t), vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, from, keys, nil)
	_, accounts, _ := users(t, v, 3)
	bad := vault.Key{Kind: vault.KindGrant, ID: string(accounts[1].ID)}
	r, err := from.Get(t.Context(), bad)
	wantNil(t, err)
	r.Sealed[50] ^= 1
	wantNil(t, from.Apply(t.Context(), vault.Change{Record: r, Same: true}))
	var found faults
	_, err = vault.Restore(t.Context(), bytes.NewReader(backup(t, v)), to, keys, found.add)
	wantNil(t, err)
	if len(found) != 1 || len(found.of(bad)) != 1 {
		t.Errorf("got faults %v, want one about %v", found, bad)
	}
	if d := cmp.Diff(records(t, from), records(t, to)); d != "" {
		t.Errorf("records (-backup +restored):\n%s", d)
	}
}

// V-16: a backup under a retired key says which key it needs.
func TestV16RestoreNamesTheKey(t *testing.T) {
	old, fresh := vaulttest.NewKeys(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, vaulttest.NewStore(t), old, nil)
	users(t, v, 1)
	b := backup(t, v)
	to := vaulttest.NewStore(t)
	err := restore(t, b, to, fresh)
	wantErr(t, err, seal.ErrUnknownKey)
	if !strings.Contains(err.Error(), old[0].ID) {
		t.Errorf("error %q does not name key %s", err, old[0].ID)
	}
	if len(records(t, to)) > 0 {
		t.Error("something was restored")
	}
	wantNil(t, restore(t, b, to, vaulttest.Keys{fresh[0], old[0]}))
}

// piecemeal is a store that keeps what it was given before the sequence broke off.
type piecemeal struct{ vault.Store }

func (s piecemeal) Load(ctx context.Context, seq iter.Seq2[vault.Record, error]) error {
	for r, err := range seq {
		if err == nil {
			err = s.Store.Load(ctx, func(yield func(vault.Record, error) bool) { yield(r, nil) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// What a restore that was cut short has left is not taken for a vault.
func TestRestoreCutShort(t *testing.T) {
	keys, to := vaulttest.NewKeys(t), vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, vaulttest.NewStore(t), keys, nil)
	users(t, v, 3)
	b := backup(t, v)
	wantErr(t, restore(t, b[:len(b)-1], piecemeal{to}, keys), vault.ErrBackup)
	if len(records(t, to)) == 0 {
		t.Fatal("nothing is left")
	}
	_, err := vault.Open(t.Context(), to, keys)
	wantErr(t, err, vault.ErrDamaged)
	if err := restore(t, b, to, keys); err == nil {
		t.Error("a second restore is not refused")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = vault.VerifyBackup(ctx, bytes.NewReader(b), keys, func(vault.Fault) {})
	wantErr(t, err, context.Canceled)
}

// many is a store with as many records as a test wants, which are all the same.
type many struct {
	vault.Store
	n      int
	record vault.Record
	each   func()
}

func (s *many) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		for range s.n {
			s.each()
			if !yield(s.record, nil) {
				return
			}
		}
	}
}

// A backup of any size is written and read in little memory.
func TestBackupMemory(t *testing.T) {
	store := &many{Store: vaulttest.NewStore(t)}
	keys := vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	_, accounts, _ := users(t, v, 1)
	var err error
	store.record, err = store.Get(t.Context(), vault.Key{Kind: vault.KindGrant, ID: string(accounts[0].ID)})
	wantNil(t, err)
	store.n = 40_000
	n, most, before := 0, uint64(0), heap()
	store.each = func() {
		if n++; n%4000 == 0 {
			most = max(most, heap())
		}
	}
	r, w := io.Pipe()
	go func() {
		_, err := v.Backup(t.Context(), w, func(vault.Fault) {})
		w.CloseWithError(err)
	}()
	facts, err := vault.VerifyBackup(t.Context(), r, keys, func(f vault.Fault) { t.Errorf("got fault %v", f) })
	wantNil(t, err)
	if facts.Records[vault.KindGrant] != store.n {
		t.Errorf("got %v, want %d grants", facts.Records, store.n)
	}
	if most > before+8<<20 {
		t.Errorf("got %d MiB more memory in use, want less than 8", (most-before)>>20)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// Whatever byte of a backup was altered behind its keyset, it is the backup that is not usable, whether the record
// there cannot be read or the end does not fit.
func TestAlteredBackup(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	newTyped(t, v)
	b := backup(t, v)
	for at := len(b) / 4; at < len(b); at += 3 {
		altered := bytes.Clone(b)
		altered[at] ^= 1
		if _, err := vault.VerifyBackup(t.Context(), bytes.NewReader(altered), keys, func(vault.Fault) {}); !errors.Is(err, vault.ErrBackup) {
			t.Errorf("byte %d of %d: got %v", at, len(b), err)
		}
	}
}
