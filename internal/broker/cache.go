package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/vault"
)

// entry is what the hot path needs of one account. A change makes a new one. It is one object in
// memory as far as possible: with many accounts, each further one is a miss of the processor's
// caches at every request.
type entry struct {
	id         vault.AccountID
	name       nameKey
	status     vault.Status
	reason     string
	credential Credential
	prepared   inject.Prepared // what credential points to
	// own is what the account's own inputs and further tokens take in memory.
	own int
	// unfit is why the connection cannot be used with the account's inputs.
	unfit error
	// renewAt is when a request starts a refresh behind it, deadAt when the token may no longer
	// be used. Both are zero for a token that does not expire.
	renewAt, deadAt time.Time
	// usedAt is when it was last noted that the credential is in use, in seconds since 1970.
	usedAt atomic.Int64
	// gone tells those who found the entry before that it is not the account's any more.
	gone atomic.Bool
}

type nameKey struct {
	connection vault.ConnectionID
	identifier string
}

// entryOverhead is roughly what an entry costs beside its strings: two map slots and the struct.
const entryOverhead = 600

// Likewise for one value of a map, and for a connection that is the account's own.
const (
	mapOverhead        = 100
	connectionOverhead = 2000
)

// size counts the token twice: as it is, and as it goes onto requests.
func (e *entry) size() int {
	return entryOverhead + e.own + len(e.id) + len(e.name.connection) + len(e.name.identifier) + 2*e.credential.Token.Len()
}

// cache holds opened credentials, bounded by bytes. When it is full, some entries leave at random:
// map order is as good as any where every account is as likely as the next, and a miss costs
// microseconds.
type cache struct {
	mu     sync.RWMutex
	byID   map[vault.AccountID]*entry
	byName map[nameKey]*entry
	bytes  int
	limit  int
	// epoch counts removals, so that what was read before one is not put back after it.
	epoch uint64
}

func newCache(limit int) *cache {
	return &cache{byID: map[vault.AccountID]*entry{}, byName: map[nameKey]*entry{}, limit: limit}
}

func (c *cache) get(id vault.AccountID) *entry {
	c.mu.RLock()
	e := c.byID[id]
	c.mu.RUnlock()
	return e
}

func (c *cache) find(name nameKey) *entry {
	c.mu.RLock()
	e := c.byName[name]
	c.mu.RUnlock()
	return e
}

func (c *cache) now() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.epoch
}

// put adds e unless something was removed since epoch, or a newer generation is there. It returns
// the entry that holds now. In the first case that is e, but it is not in the cache; neither is an
// older generation then.
func (c *cache) put(e *entry, epoch uint64) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.byID[e.id]
	switch {
	case c.epoch != epoch:
		if old != nil && old.credential.Generation < e.credential.Generation {
			c.epoch++
			c.drop(old)
		}
		e.gone.Store(true) // whoever holds it looks again
		return e
	case old != nil && old.credential.Generation > e.credential.Generation:
		return old
	case old != nil:
		c.drop(old)
	}
	c.byID[e.id], c.byName[e.name] = e, e
	c.bytes += e.size()
	if c.bytes > c.limit {
		c.shrink(e)
	}
	return e
}

// shrink drops entries until a tenth of the limit is free; keep stays.
func (c *cache) shrink(keep *entry) {
	for _, e := range c.byID {
		if c.bytes <= c.limit-c.limit/10 {
			return
		}
		if e != keep {
			c.drop(e)
		}
	}
}

func (c *cache) drop(e *entry) {
	e.gone.Store(true)
	delete(c.byID, e.id)
	delete(c.byName, e.name)
	c.bytes -= e.size()
}

// remove forgets an account, and whatever is being read of it now.
func (c *cache) remove(id vault.AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	if e := c.byID[id]; e != nil {
		c.drop(e)
	}
}
