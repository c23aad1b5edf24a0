//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// stepNames are the steps in their order.
var stepNames = []string{"fill", "settle", "open", "cold", "hot", "write", "backup", "restore", "verify", "forget", "reseal", "churn"}

var steps = map[string]func(*bench) error{
	"fill": fill, "settle": settle, "open": openIdle, "cold": cold, "hot": hot, "write": write,
	"backup": backup, "restore": restore, "verify": verify, "reseal": reseal, "churn": churn, "forget": forget,
}

// bench is one step in its process.
type bench struct {
	place    string
	accounts int
	out      figures
	store    *badgerstore.Store
	v        *vault.Vault
	conn     vault.ConnectionID
}

func runStep(name, place string) error {
	text, err := os.ReadFile(filepath.Join(place, "accounts"))
	if err != nil {
		return err
	}
	b := &bench{place: place, out: figures{}}
	if b.accounts, err = strconv.Atoi(string(text)); err != nil {
		return err
	}
	if err := steps[name](b); err != nil {
		return err
	}
	if b.store != nil {
		if err := b.store.Close(); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(b.out)
}

func (b *bench) keys() seal.KeyProvider { return seal.FileKeys{Path: filepath.Join(b.place, "key")} }

func (b *bench) open(dir string) (err error) {
	if b.store, err = badgerstore.Open(badgerstore.Options{Dir: filepath.Join(b.place, dir)}); err != nil {
		return err
	}
	b.v, err = vault.Open(context.Background(), b.store, b.keys())
	return err
}

// openFilled opens the vault that fill has made.
func (b *bench) openFilled() error {
	if err := b.open("vault"); err != nil {
		return err
	}
	c, err := b.v.FindConnection(context.Background(), "", "gmail")
	b.conn = c.ID
	return err
}

// identifier is the i-th user.
func identifier(i int) string { return fmt.Sprintf("user-%07d@example.com", i) }

// grant has about 1.5 KB to seal, as tokens that are JWTs have.
func grant(generation uint64) vault.Grant {
	now := time.Now()
	return vault.Grant{
		Generation: generation, Access: vault.NewSecret(text(1200)), Refresh: vault.NewSecret(text(200)),
		Scopes: []string{"mail.read", "calendar.read"}, ObtainedAt: now, Expires: now.Add(time.Hour), ClientID: "client",
	}
}

func text(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

// chunk is how many accounts fill makes at once.
const chunk = 20000

// fill makes the vault. The accounts are connected in memory, chunk by chunk, and loaded from there
// as a backup would be; every hundredth has expired.
func fill(b *bench) error {
	if err := b.open("vault"); err != nil {
		return err
	}
	c := vault.Connection{Name: "gmail", Connector: "gmail", Origin: vault.OriginAPI, ClientID: "client"}
	if err := b.v.PutConnection(context.Background(), &c); err != nil {
		return err
	}
	for from := 0; from < b.accounts; from += chunk {
		if err := b.fillChunk(c.ID, from, min(from+chunk, b.accounts)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) fillChunk(conn vault.ConnectionID, from, to int) error {
	ctx := context.Background()
	memory, err := badgerstore.Open(badgerstore.Options{InMemory: true})
	if err != nil {
		return err
	}
	defer memory.Close()
	keyset, err := b.store.Get(ctx, vault.Key{Kind: vault.KindMeta, ID: "keyset"})
	if err != nil {
		return err
	}
	if err := memory.Load(ctx, func(yield func(vault.Record, error) bool) { yield(keyset, nil) }); err != nil {
		return err
	}
	v, err := vault.Open(ctx, memory, b.keys())
	if err != nil {
		return err
	}
	if err := connect(v, conn, from, to, 4); err != nil {
		return err
	}
	return b.store.Load(ctx, func(yield func(vault.Record, error) bool) {
		for r, err := range memory.Walk(ctx, vault.Key{}) {
			if (err != nil || r.Kind != vault.KindMeta) && !yield(r, err) {
				return
			}
		}
	})
}

// connect connects users, some at once.
func connect(v *vault.Vault, conn vault.ConnectionID, from, to, atOnce int) error {
	ctx := context.Background()
	next := atomic.Int64{}
	next.Store(int64(from))
	errs := make(chan error, atOnce)
	for range atOnce {
		go func() {
			for i := int(next.Add(1)) - 1; i < to; i = int(next.Add(1)) - 1 {
				a, err := v.Connect(ctx, vault.Link{}, vault.ConnectedAccount{
					ConnectionID: conn, Connector: "gmail", Identifier: identifier(i),
					Identity: vault.Identity{ID: strconv.Itoa(i), Name: "User " + strconv.Itoa(i), Email: identifier(i)},
				}, grant(1))
				if err == nil && i%100 == 0 {
					_, err = v.SetStatus(ctx, a.ID, 0, vault.StatusExpired, "invalid_grant")
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var err error
	for range atOnce {
		err = errors.Join(err, <-errs)
	}
	return err
}

// settle waits until the database has merged what fill has left to merge.
func settle(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	for before := int64(-1); ; time.Sleep(3 * time.Second) {
		now, err := b.store.Measure(context.Background())
		if err != nil || now.Bytes == before {
			return err
		}
		before = now.Bytes
	}
}

// openIdle opens the vault, with its files in the page cache, and looks at the memory when nothing
// has happened for a second.
func openIdle(b *bench) error {
	start := time.Now()
	if err := b.openFilled(); err != nil {
		return err
	}
	b.out["open ms"] = ms(time.Since(start))
	time.Sleep(2 * time.Second)
	runtime.GC()
	rss, anon, err := resident()
	if err != nil {
		return err
	}
	b.out["idle RSS MB"], b.out["of it not of files MB"] = rss, anon
	size, err := b.store.Measure(context.Background())
	b.out["disk MB"] = float64(size.Bytes) / 1e6
	return err
}

// each calls f for n random users and returns the times that it took, sorted.
func (b *bench) each(n, among int, f func(identifier string) error) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		id := identifier(rand.IntN(among))
		start := time.Now()
		if err := f(id); err != nil {
			return nil, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took, nil
}

// read finds an account by its name and opens its grant, as the first request of a user does.
func (b *bench) read(identifier string) error {
	a, err := b.v.FindAccount(context.Background(), b.conn, identifier)
	if err != nil {
		return err
	}
	_, err = b.v.Grant(context.Background(), a.ID)
	return err
}

func (b *bench) find(identifier string) error {
	_, err := b.v.FindAccount(context.Background(), b.conn, identifier)
	return err
}

func cold(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	if err := evict(filepath.Join(b.place, "vault")); err != nil {
		return err
	}
	took, err := b.each(500, b.accounts, b.read)
	if err != nil {
		return err
	}
	b.out["read cold µs"], b.out["read cold p99 µs"] = us(median(took)), us(took[len(took)*99/100])
	return nil
}

func hot(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	if _, err := b.each(2000, 1000, b.read); err != nil {
		return err
	}
	took, err := b.each(20000, 1000, b.read)
	if err != nil {
		return err
	}
	b.out["read hot µs"] = us(median(took))
	if took, err = b.each(20000, b.accounts, b.read); err != nil {
		return err
	}
	b.out["read any µs"] = us(median(took))
	if took, err = b.each(20000, b.accounts, b.find); err != nil {
		return err
	}
	b.out["lookup µs"] = us(median(took))
	if took, err = b.each(200, b.accounts, b.page(vault.AccountQuery{ConnectionID: b.conn, Status: vault.StatusExpired})); err != nil {
		return err
	}
	b.out["filtered page ms"] = ms(median(took))
	return nil
}

// page reads a page of 50 from a random place.
func (b *bench) page(q vault.AccountQuery) func(string) error {
	return func(string) error {
		page, err := b.v.Accounts(context.Background(), q)
		if err != nil {
			return err
		}
		q.After = page.Next
		return nil
	}
}

func write(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	ctx := context.Background()
	took := make([]time.Duration, 5000)
	for i := range took {
		a, err := b.v.FindAccount(ctx, b.conn, identifier(rand.IntN(b.accounts)))
		if err != nil {
			return err
		}
		g := grant(a.Generation + 1)
		start := time.Now()
		if _, err := b.v.ReplaceGrant(ctx, a.ID, g); err != nil {
			return err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	b.out["durable write µs"], b.out["durable write p99 µs"] = us(median(took)), us(took[len(took)*99/100])
	const more = 5000
	start := time.Now()
	err := connect(b.v, b.conn, b.accounts, b.accounts+more, 64)
	b.out["connects, 64 at once /s"] = more / time.Since(start).Seconds()
	return err
}

func backup(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(b.place, "backup"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return b.bulk("backup", func() error {
		_, err := b.v.Backup(context.Background(), f, func(vault.Fault) {})
		return errors.Join(err, f.Close())
	})
}

func restore(b *bench) (err error) {
	if b.store, err = badgerstore.Open(badgerstore.Options{Dir: filepath.Join(b.place, "restored")}); err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(b.place, "backup"))
	if err != nil {
		return err
	}
	defer f.Close()
	return b.bulk("restore", func() error {
		_, err := vault.Restore(context.Background(), f, b.store, b.keys(), func(vault.Fault) {})
		return err
	})
}

func verify(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	return b.bulk("verify", func() error {
		var last vault.Fault
		seen, err := b.v.Verify(context.Background(), func(f vault.Fault) { last = f })
		if err == nil && seen.Faults > 0 {
			err = fmt.Errorf("%d faults, the last at %s %s: %s", seen.Faults, last.Kind, last.ID, last.Problem)
		}
		return err
	})
}

// forget erases users of whom somebody has asked it; other writes wait.
func forget(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	took := make([]time.Duration, 20)
	for i := range took {
		start := time.Now()
		f, err := b.v.Forget(context.Background(), "", identifier(i))
		if err == nil && (len(f.Accounts) != 1 || !f.Erased) {
			err = fmt.Errorf("forgot %+v", f)
		}
		if err != nil {
			return err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	b.out["forget ms"] = ms(median(took))
	return nil
}

func reseal(b *bench) error {
	if err := b.openFilled(); err != nil {
		return err
	}
	ctx := context.Background()
	id, err := b.v.AddKey(ctx)
	if err == nil {
		err = b.v.PromoteKey(ctx, id)
	}
	if err != nil {
		return err
	}
	return b.bulk("re-seal", func() error { return b.v.Reseal(ctx) })
}

// bulk notes the speed and the memory of something that reads everything.
func (b *bench) bulk(what string, do func() error) error {
	most := watch()
	start := time.Now()
	if err := do(); err != nil {
		return err
	}
	b.out[what+" accounts/s"] = float64(b.accounts) / time.Since(start).Seconds()
	b.out[what+" peak MB, not of files"] = most()
	return nil
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func us(d time.Duration) float64 { return float64(d) / 1e3 }
