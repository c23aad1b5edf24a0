package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// entry is what the hot path needs of one account. It is immutable; a change makes a new one.
type entry struct {
	id         vault.AccountID
	name       nameKey
	status     vault.Status
	reason     string
	credential Credential
	// renewAt is when a request starts a refresh behind it, deadAt when the token may no longer
	// be used. Both are zero for a token that does not expire.
	renewAt, deadAt time.Time
}

// slot is the place of an account in the cache. A [Target] keeps it, so that the credential is one
// load away; a removed account leaves its slot empty.
type slot struct{ atomic.Pointer[entry] }

type nameKey struct {
	connection vault.ConnectionID
	identifier string
}

// entryOverhead is roughly what an entry costs beside its strings: two map slots and the structs.
const entryOverhead = 600

// size counts the token twice: as it is, and as it goes onto requests.
func (e *entry) size() int {
	return entryOverhead + len(e.id) + len(e.name.connection) + len(e.name.identifier) + 2*e.credential.Token.Len()
}

// cache holds opened credentials, bounded by bytes. When it is full, some entries leave at random:
// map order is as good as any where every account is as likely as the next, and a miss costs
// microseconds.
type cache struct {
	mu     sync.RWMutex
	byID   map[vault.AccountID]*slot
	byName map[nameKey]*slot
	bytes  int
	limit  int
	// epoch counts removals, so that what was read before one is not put back after it.
	epoch uint64
}

func newCache(limit int) *cache {
	return &cache{byID: map[vault.AccountID]*slot{}, byName: map[nameKey]*slot{}, limit: limit}
}

func (c *cache) get(id vault.AccountID) *slot {
	c.mu.RLock()
	s := c.byID[id]
	c.mu.RUnlock()
	return s
}

func (c *cache) find(name nameKey) *slot {
	c.mu.RLock()
	s := c.byName[name]
	c.mu.RUnlock()
	return s
}

func (c *cache) now() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.epoch
}

// put adds e unless something was removed since epoch, or a newer generation is there. It returns
// the slot of the entry that holds now, which is not in the cache in the first case; neither is an
// older generation then.
func (c *cache) put(e *entry, epoch uint64) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.byID[e.id]
	switch {
	case c.epoch != epoch:
		if s != nil && s.Load().credential.Generation < e.credential.Generation {
			c.epoch++
			c.drop(s)
		}
		s = new(slot)
		s.Store(e)
		return s
	case s == nil:
		s = new(slot)
		c.byID[e.id], c.byName[e.name] = s, s
	default:
		old := s.Load()
		if old.credential.Generation > e.credential.Generation {
			return s
		}
		c.bytes -= old.size()
	}
	s.Store(e)
	c.bytes += e.size()
	if c.bytes > c.limit {
		c.shrink(s)
	}
	return s
}

// shrink drops entries until a tenth of the limit is free; keep stays.
func (c *cache) shrink(keep *slot) {
	for _, s := range c.byID {
		if c.bytes <= c.limit-c.limit/10 {
			return
		}
		if s != keep {
			c.drop(s)
		}
	}
}

func (c *cache) drop(s *slot) {
	e := s.Swap(nil)
	delete(c.byID, e.id)
	delete(c.byName, e.name)
	c.bytes -= e.size()
}

// remove forgets an account, and whatever is being read of it now.
func (c *cache) remove(id vault.AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	if s := c.byID[id]; s != nil {
		c.drop(s)
	}
}
