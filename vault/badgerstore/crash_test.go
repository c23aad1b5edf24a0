package badgerstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// crashDir tells the test binary that it is another process that opens the vault, and where.
const crashDir = "CLAVIGER_CRASH_DIR"

// roles are what the test binary does instead of tests, by the variable that has its directory.
var roles = map[string]func(dir string) error{
	crashDir:  openAndEnd,
	damageDir: openDamaged,
}

func TestMain(m *testing.M) {
	for name, role := range roles {
		if dir := os.Getenv(name); dir != "" {
			if err := role(dir); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func openAndEnd(dir string) error {
	s, err := badgerstore.Open(badgerstore.Options{Dir: filepath.Join(dir, "vault")})
	if err != nil {
		return err
	}
	return s.Close()
}

// numbered is a grant whose tokens tell its generation.
func numbered(generation uint64) vault.Grant {
	g := vaulttest.Grant(strconv.FormatUint(generation, 10), time.Now())
	g.Generation = generation
	return g
}
