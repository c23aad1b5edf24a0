package badgerstore_test

import (
	"path/filepath"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func open(t testing.TB, dir string) *badgerstore.Store {
	t.Helper()
	s, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openPlace(t testing.TB, place string) vault.Store { return open(t, filepath.Join(place, "vault")) }

func openDisk(t *testing.T) vault.Store { return openPlace(t, t.TempDir()) }

func openMemory(t *testing.T) vault.Store { return vaulttest.NewStore(t) }

func TestConformance(t *testing.T) {
	t.Run("memory", func(t *testing.T) { vaulttest.RunStoreTests(t, openMemory) })
	t.Run("disk", func(t *testing.T) { vaulttest.RunStoreTests(t, openDisk) })
}

func TestConcurrency(t *testing.T) {
	t.Run("memory", func(t *testing.T) { vaulttest.RunConcurrencyTests(t, openMemory) })
	t.Run("disk", func(t *testing.T) { vaulttest.RunConcurrencyTests(t, openDisk) })
}

func TestCrash(t *testing.T) { vaulttest.RunCrashTests(t, openPlace) }
