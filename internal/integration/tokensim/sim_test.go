package tokensim

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// sim is one simulation.
type sim struct {
	t         *testing.T
	seed      uint64
	accounts  []*account
	byID      map[vault.AccountID]*account
	length    time.Duration
	idleAfter time.Duration
	mix       mix

	store     *vaulttest.Memory
	keys      vaulttest.Keys
	catalog   *connectors.Catalog
	providers []*provider
	byHost    map[string]*provider
	tally     *tally

	begin, end time.Time
	// plan has the accounts that do something in a second.
	plan map[int64][]*account

	mu    sync.Mutex
	procs [2]*process
	// trouble and herd are until when what goes wrong comes of our having been down, and for long.
	trouble, herd time.Time
	usual, rush   peak
	calls, faults int
	passed        *atomic.Int64 // of the time, for who waits
	users         sync.WaitGroup
}

func newSim(t *testing.T, seed uint64, m mix, length, idleAfter time.Duration) *sim {
	s := &sim{
		t: t, seed: seed, mix: m, length: length, idleAfter: idleAfter,
		store: vaulttest.NewMemory(), keys: vaulttest.NewKeys(t), catalog: catalog(t),
		byHost: map[string]*provider{}, byID: map[vault.AccountID]*account{}, tally: &tally{n: map[string]int{}}, plan: map[int64][]*account{},
	}
	s.begin = time.Now()
	s.end = s.begin.Add(length)
	for _, k := range kinds {
		p := &provider{kind: k, sim: s, outages: outages(s.dice("outages", k.name), s.begin, s.end)}
		s.providers = append(s.providers, p)
		s.byHost[k.name+".example"] = p
	}
	return s
}

// dice are random numbers that depend on the seed and on what they are for, and on nothing else.
func (s *sim) dice(what ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, what...)
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}

// wrong notes what must not be. Ten of these are enough to look into.
func (s *sim) wrong(format string, args ...any) {
	s.mu.Lock()
	s.faults++
	show := s.faults <= 10
	s.mu.Unlock()
	if show {
		s.t.Errorf("after %s: %s", time.Since(s.begin), fmt.Sprintf(format, args...))
	}
}

func (s *sim) connections() (all []vault.Connection) {
	for _, k := range kinds {
		all = append(all, vault.Connection{Name: k.name, Connector: k.name, ClientID: "client", ClientSecret: vault.NewSecret("secret")})
	}
	return all
}

// grantVersion is the version of an account's grant in the store, which grows with each new token.
func (s *sim) grantVersion(a *account) uint64 {
	return s.store.VersionOf(vault.Key{Kind: vault.KindGrant, ID: string(a.id)})
}

// one returns a process that is up, nil when none is.
func (s *sim) one(dice *rand.Rand) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var up []*process
	for _, p := range s.procs {
		if p != nil && !p.dead.Load() {
			up = append(up, p)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return up[dice.IntN(len(up))]
}

// run lets the time pass.
func (s *sim) run() {
	o := s.operator()
	for at := s.begin; at.Before(s.end); at = at.Add(time.Second) {
		time.Sleep(time.Until(at))
		o.look(at)
		s.passed.Store(int64(at.Sub(s.begin)))
		s.mu.Lock()
		now := s.plan[at.Unix()]
		delete(s.plan, at.Unix())
		s.mu.Unlock()
		for _, a := range now {
			s.users.Go(a.act)
		}
	}
	s.users.Wait()
	o.finish()
}

// after has the account do something then.
func (s *sim) after(a *account, d time.Duration) {
	at := max(time.Now().Add(d).Unix(), time.Now().Unix()+1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan[at] = append(s.plan[at], a)
}

// seedAccounts connects all accounts, those of idle users long ago.
func (s *sim) seedAccounts(n int) {
	s.t.Helper()
	clock := s.begin.Add(-40 * day)
	v, err := vault.OpenWith(context.Background(), s.store, s.keys, vault.Options{KeepEvents: -1, Now: func() time.Time { return clock }})
	if err != nil {
		s.t.Fatal(err)
	}
	ids := s.connectionIDs(v)
	for i := range n {
		a := &account{sim: s, dice: rand.New(rand.NewPCG(s.seed, uint64(i)))}
		a.provider, a.habit = s.providers[s.mix.kindOf(i, n)], s.mix.habit(a.dice)
		a.name = fmt.Sprintf("%s/user_%d", a.provider.name, i)
		ago := time.Duration(a.dice.Float64() * float64(min(a.provider.life, s.idleAfter)))
		if a.habit == rarely {
			ago = s.idleAfter + time.Duration(a.dice.Float64()*float64(28*day))
		}
		clock = s.begin.Add(-ago)
		if err := s.connect(v, ids[a.provider], a, clock); err != nil {
			s.t.Fatal(err)
		}
		if a.dice.IntN(50) == 0 {
			a.leaves = s.begin.Add(time.Duration(a.dice.Float64() * float64(s.length)))
		}
		s.accounts = append(s.accounts, a)
		s.byID[a.id] = a
		s.after(a, a.habit.first(a.dice))
	}
}

func (s *sim) connectionIDs(v *vault.Vault) map[*provider]vault.ConnectionID {
	s.t.Helper()
	ids := map[*provider]vault.ConnectionID{}
	for i, c := range s.connections() {
		c.Origin, c.Project, c.ClientSecret = vault.OriginConfig, vault.DefaultProject, vault.Secret{}
		if err := v.PutConnection(context.Background(), &c); err != nil {
			s.t.Fatal(err)
		}
		ids[s.providers[i]] = c.ID
	}
	return ids
}

// called counts a call of a token endpoint. The provider's lock is held.
func (s *sim) called(p *provider, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if now.Before(s.herd) {
		s.rush.count(now)
		p.herd.count(now)
	} else {
		s.usual.count(now)
		p.usual.count(now)
	}
}

// settle looks at every account when all is over.
func (s *sim) settle() {
	v, err := vault.OpenWith(context.Background(), s.store, s.keys, vault.Options{AsIs: true})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range s.accounts {
		stored, err := v.Account(context.Background(), a.id)
		if err != nil {
			s.t.Fatal(err)
		}
		s.tally.add("at the end "+string(stored.Status), 1)
		switch {
		case stored.Status == vault.StatusExpired:
			a.provider.lost(a, stored)
		case stored.Status == vault.StatusDisconnected:
			if a.grant.left.IsZero() && a.leaves.IsZero() {
				s.wrong("account %s is DISCONNECTED, and nobody has done that", a.name)
			}
		case a.left:
			s.wrong("account %s is %s after it was disconnected", a.name, stored.Status)
		default:
			g, err := v.Grant(context.Background(), a.id)
			if err != nil {
				s.t.Fatal(err)
			}
			a.provider.holds(a, g)
		}
	}
	for _, p := range s.providers {
		// A hundred in a second of each of two processes, and those that somebody waits for.
		if n, most := max(p.usual.max, p.herd.max), 200+len(s.accounts)/100; n > most {
			s.wrong("%s was called %d times in a second, want at most %d", p.name, n, most)
		}
	}
}
