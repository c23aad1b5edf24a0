package badgerstore_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// damageAll says how many of the wounds are tried: all of them, or by default some.
const damageAll = "CLAVIGER_DAMAGE"

// V-03: whatever bit of whatever file is flipped, and wherever a file is cut, the vault refuses to
// open with an error that says so, or everything in it is right. Never is a value wrong or a
// record silently gone, and the process does not end.
func TestV03DamagedFiles(t *testing.T) {
	tests := []struct {
		name  string
		build func(*testing.T, sick) census
	}{
		{"closed", buildClosed},
		{"two levels", buildLevels},
		{"killed", buildKilled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := sick{dir: t.TempDir()}
			k.Census = tt.build(t, k)
			b, err := json.Marshal(k.Census)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(k.dir, "census"), b, 0o600); err != nil {
				t.Fatal(err)
			}
			im, err := readImage(k.pristine())
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			wounds := im.wounds(t, os.Getenv(damageAll) == "all")
			report(t, im, k.run(t, wounds), time.Since(start))
		})
	}
}

// wounds are the flips of every byte and the cuts of every file. The long runs of zeros in files
// that the database makes larger than it needs are flipped at every 16,381st byte only. If not all
// are wanted, it is a few hundred of them, chosen by chance.
func (im image) wounds(t *testing.T, all bool) []wound {
	t.Helper()
	const beyond, stride, some = 64, 16_381, 300
	var flips, cuts []wound
	for name, f := range im {
		for at := int64(0); at < f.size; at++ {
			flips = append(flips, wound{File: name, At: at})
			if at >= int64(len(f.data))+beyond {
				at += stride - 1
			}
		}
		for at := int64(1); at < f.size-1; at *= 2 {
			cuts = append(cuts, wound{File: name, Cut: true, At: at})
		}
		cuts = append(cuts, wound{File: name, Cut: true, At: max(f.size-1, 0)})
	}
	if !all {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d; %s=all tries everything", seed, damageAll)
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(flips), func(i, j int) { flips[i], flips[j] = flips[j], flips[i] })
		flips = flips[:min(len(flips), some)]
	}
	return append(cuts, flips...)
}

// report prints one line, and what is wrong.
func report(t *testing.T, im image, all []outcome, took time.Duration) {
	t.Helper()
	var size, used int64
	for _, f := range im {
		size, used = size+f.size, used+int64(len(f.data))
	}
	var n [died + 1]int
	flips := 0
	worst := map[string][]outcome{}
	for _, o := range all {
		n[o.Verdict]++
		if !o.Wound.Cut {
			flips++
		}
		if o.Verdict > named {
			kind := fmt.Sprint(o.Verdict, filepath.Ext(o.Wound.File), o.Wound.File)
			worst[kind] = append(worst[kind], o)
		}
		if o.Verdict == refused && !strings.Contains(o.Detail, "opening vault") {
			t.Errorf("%s: the refusal says %q", o.Wound, o.Detail)
		}
	}
	t.Logf("%d files, %d bytes (%d but for zeros at their ends), %d flips, %d cuts: %d refused, %d named, %d harmless, %d missing, %d wrong, %d died, %d hung; %.1f s",
		len(im), size, used, flips, len(all)-flips, n[refused], n[named], n[harmless], n[missing], n[wrong], n[died], n[hung], took.Seconds())
	for _, os := range worst {
		slices.SortFunc(os, func(a, b outcome) int { return int(a.Wound.At - b.Wound.At) })
		for i, o := range os {
			if i == 8 {
				t.Errorf("... and %d more like these", len(os)-i)
				break
			}
			t.Errorf("%s: %s %s", o.Wound, o.Verdict, o.Detail)
		}
	}
}

func (v verdict) String() string {
	return [...]string{"harmless", "refused", "named", "missing", "wrong", "hung", "died"}[v]
}

func (k sick) open(t *testing.T) (*badgerstore.Store, *vault.Vault) {
	t.Helper()
	s := open(t, k.pristine())
	return s, vaulttest.OpenAt(t, s, seal.FileKeys{Path: k.key()}, nil)
}

func closed(t *testing.T, s *badgerstore.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// populate puts a few records of each kind into a vault.
func populate(t *testing.T, v *vault.Vault) census {
	t.Helper()
	conn := vaulttest.Connection(t, v, "github")
	c := census{Names: []string{conn.Name}, Tokens: []string{"link-token"}}
	for _, who := range []string{"ada", "bob"} {
		c.Accounts = append(c.Accounts, vaulttest.Account(t, v, conn, who, numbered(1)))
	}
	l := vault.Link{
		ConnectionID: conn.ID, AccountID: c.Accounts[0].ID, Identifier: "ada", Token: vault.NewSecret(c.Tokens[0]),
		State: vault.NewSecret("link-state"), Expires: time.Now().Add(100 * time.Hour),
	}
	if err := v.CreateLink(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	return c
}

// rotate gives each account its next grant.
func rotate(t *testing.T, v *vault.Vault, c census) {
	t.Helper()
	for i, a := range c.Accounts {
		a, err := v.ReplaceGrant(t.Context(), a.ID, numbered(a.Generation+1))
		if err != nil {
			t.Fatal(err)
		}
		c.Accounts[i] = a
	}
}

func buildClosed(t *testing.T, k sick) census {
	s, v := k.open(t)
	c := populate(t, v)
	closed(t, s)
	return c
}

// buildLevels makes a table at the lowest level, one with newer versions above it, and records
// that are only in the one or the other.
func buildLevels(t *testing.T, k sick) census {
	s, v := k.open(t)
	c := populate(t, v)
	closed(t, s)
	s, v = k.open(t)
	rotate(t, v, c)
	closed(t, s)
	s, v = k.open(t) // two tables at level 0 are one too many
	deadline := time.Now().Add(30 * time.Second)
	for tables(t, k) != 1 {
		if time.Now().After(deadline) {
			t.Fatal("the tables are not compacted")
		}
		time.Sleep(20 * time.Millisecond)
	}
	rotate(t, v, c)
	closed(t, s)
	return c
}

func tables(t *testing.T, k sick) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.pristine(), "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// buildKilled makes what a killed process leaves: one table, and writes in the log only.
func buildKilled(t *testing.T, k sick) census {
	s, v := k.open(t)
	c := populate(t, v)
	closed(t, s)
	s, v = k.open(t)
	rotate(t, v, c)
	im, err := readImage(k.pristine())
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	if err := im.write(k.pristine()); err != nil {
		t.Fatal(err)
	}
	return c
}
