package badgerstore_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// crashDir tells the test binary that it is the process to kill, and where its vault is.
const crashDir = "CLAVIGER_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, rotateForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// rotateForever replaces the grant of the one account and prints each generation when it is stored.
func rotateForever(dir string) error {
	ctx := context.Background()
	s, err := badgerstore.Open(badgerstore.Options{Dir: filepath.Join(dir, "vault")})
	if err != nil {
		return err
	}
	v, err := vault.Open(ctx, s, seal.FileKeys{Path: filepath.Join(dir, "key")})
	if err != nil {
		return err
	}
	page, err := v.Accounts(ctx, vault.AccountQuery{})
	if err != nil {
		return err
	}
	if len(page.Items) != 1 {
		return fmt.Errorf("got %d accounts, want 1", len(page.Items))
	}
	a := page.Items[0]
	for {
		a, err = v.ReplaceGrant(ctx, a.ID, numbered(a.Generation+1))
		if err != nil {
			return err
		}
		fmt.Println(a.Generation)
	}
}

// numbered is a grant whose tokens tell its generation.
func numbered(generation uint64) vault.Grant {
	g := vaulttest.Grant(strconv.FormatUint(generation, 10), time.Now())
	g.Generation = generation
	return g
}

// a refreshed grant that was acknowledged survives kill -9, whenever it comes.
func TestR05KillWhileRotating(t *testing.T) {
	const kills = 25
	dir := t.TempDir()
	keys := seal.FileKeys{Path: filepath.Join(dir, "key")}
	s := open(t, filepath.Join(dir, "vault"))
	v := vaulttest.OpenAt(t, s, keys, nil)
	id := vaulttest.Account(t, v, vaulttest.Connection(t, v, "github"), "ada", numbered(1)).ID
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var last uint64
	for range kills {
		acknowledged := rotateAndKill(t, dir, time.Duration(1+rand.IntN(40))*time.Millisecond)
		s, err := badgerstore.Open(badgerstore.Options{Dir: filepath.Join(dir, "vault")})
		if err != nil {
			t.Fatal(err)
		}
		v := vaulttest.OpenAt(t, s, keys, nil)
		g, err := v.Grant(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if g.Generation < acknowledged || g.Generation > acknowledged+1 {
			t.Fatalf("got generation %d, acknowledged was %d", g.Generation, acknowledged)
		}
		if want := fmt.Sprint("refresh-", g.Generation); g.Generation > 1 && g.Refresh.Reveal() != want {
			t.Fatalf("generation %d has the token of another", g.Generation)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		last = g.Generation
	}
	t.Logf("%d kills, %d generations", kills, last)
}

// rotateAndKill lets another process rotate, kills it some time after its first write, and
// returns the last generation that it acknowledged.
func rotateAndKill(t *testing.T, dir string, after time.Duration) uint64 {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last uint64
	killed := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		last, err = strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			t.Error(err)
		}
		if !killed {
			killed = true
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); !killed {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return last
}
