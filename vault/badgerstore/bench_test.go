package badgerstore_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// benchGrant has tokens of the usual size.
func benchGrant(generation uint64) vault.Grant {
	g := numbered(generation)
	g.Access = vault.NewSecret(strings.Repeat("a", 1000))
	g.Refresh = vault.NewSecret(strings.Repeat("r", 400))
	return g
}

// BenchmarkReplaceGrant compares the durable write of a refreshed grant with a bare synced put of
// the same size. The target is a ratio of 2.
func BenchmarkReplaceGrant(b *testing.B) {
	v := vaulttest.OpenAt(b, open(b, filepath.Join(b.TempDir(), "vault")), vaulttest.NewKeys(b), nil)
	a := vaulttest.Account(b, v, vaulttest.Connection(b, v, "github"), "ada", benchGrant(1))
	bare, err := badger.Open(badger.DefaultOptions(b.TempDir()).WithSyncWrites(true).WithLogger(nil).
		WithCompression(options.None).WithBlockCacheSize(0).WithMemTableSize(8 << 20).WithNumMemtables(2).
		WithValueLogFileSize(1 << 20).WithMetricsEnabled(false))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	value := make([]byte, 2000)
	var put, replace time.Duration
	for b.Loop() {
		start := time.Now()
		err := bare.Update(func(txn *badger.Txn) error { return txn.Set([]byte("key"), value) })
		if err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		a, err = v.ReplaceGrant(b.Context(), a.ID, benchGrant(a.Generation+1))
		if err != nil {
			b.Fatal(err)
		}
		put, replace = put+middle.Sub(start), replace+time.Since(middle)
	}
	b.ReportMetric(float64(put.Microseconds())/float64(b.N), "put-µs")
	b.ReportMetric(float64(replace.Microseconds())/float64(b.N), "replace-µs")
	b.ReportMetric(float64(replace)/float64(put), "ratio")
}

// many fills a vault in dir with accounts and returns the IDs.
func many(b *testing.B, dir string, keys vaulttest.Keys, n int) []vault.AccountID {
	b.Helper()
	s := open(b, dir)
	v := vaulttest.OpenAt(b, s, keys, nil)
	c := vaulttest.Connection(b, v, "github")
	ids := make([]vault.AccountID, n)
	const writers = 64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < n; i += writers {
				a, err := v.Connect(b.Context(), vault.Link{}, vault.ConnectedAccount{
					ConnectionID: c.ID, Connector: c.Connector, Identifier: fmt.Sprintf("user-%d", i),
				}, benchGrant(1))
				if err != nil {
					b.Error(err)
				}
				ids[i] = a.ID
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return ids
}

const accounts = 10_000

// BenchmarkOpen opens a vault with 10,000 accounts and reads one. The target is 60 ms.
func BenchmarkOpen(b *testing.B) {
	dir, keys := filepath.Join(b.TempDir(), "vault"), vaulttest.NewKeys(b)
	ids := many(b, dir, keys, accounts)
	for b.Loop() {
		s, err := badgerstore.Open(badgerstore.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		v := vaulttest.OpenAt(b, s, keys, nil)
		if _, err := v.Grant(b.Context(), ids[0]); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkRead reads what a cache miss and a list need, among 10,000 accounts.
func BenchmarkRead(b *testing.B) {
	dir, keys := filepath.Join(b.TempDir(), "vault"), vaulttest.NewKeys(b)
	ids := many(b, dir, keys, accounts)
	v := vaulttest.OpenAt(b, open(b, dir), keys, nil)
	i := 0
	next := func() vault.AccountID { i++; return ids[i*7919%len(ids)] }
	must := func(b *testing.B, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("account", func(b *testing.B) {
		for b.Loop() {
			_, err := v.Account(b.Context(), next())
			must(b, err)
		}
	})
	b.Run("grant", func(b *testing.B) {
		for b.Loop() {
			_, err := v.Grant(b.Context(), next())
			must(b, err)
		}
	})
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			_, err := v.Accounts(b.Context(), vault.AccountQuery{Status: vault.StatusActive})
			must(b, err)
		}
	})
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			_, err := v.CountAccounts(b.Context())
			must(b, err)
		}
	})
}
