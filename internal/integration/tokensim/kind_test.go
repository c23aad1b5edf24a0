package tokensim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

const day = 24 * time.Hour

// kind is a sort of provider: how long its tokens live, and what it does with them.
type kind struct {
	name string
	// life is that of an access token; silent providers do not tell it.
	life   time.Duration
	silent bool
	// rotates ends a refresh token with its use, and the grant with a second use after the grace period.
	rotates bool
	grace   time.Duration
	// idle is after how long without a refresh the refresh token dies.
	idle time.Duration
	// capacity is how many refreshes it takes in a minute before it says 429; 0 is any number.
	capacity int
	// refresh is that part of the connector.
	refresh string
}

var kinds = []kind{
	{name: "hourly", life: time.Hour, capacity: 3000, refresh: "{rotates: never, limit: {requests: 2400, per: 1m}}"},
	{name: "strict", life: 12 * time.Hour, rotates: true, refresh: "{rotates: always}"},
	{name: "graceful", life: 12 * time.Hour, rotates: true, grace: 10 * time.Second, refresh: "{rotates: always}"},
	{name: "short", life: 10 * time.Minute, refresh: "{rotates: never}"},
	{name: "monthly", life: 30 * day, refresh: "{rotates: sometimes}"},
	{name: "silent", life: 8 * time.Hour, silent: true, refresh: "{rotates: sometimes}"},
	{name: "fading", life: 2 * time.Hour, idle: 30 * day, refresh: "{rotates: never, keepalive: 480h}"},
}

// mix says how many of a thousand accounts are at each kind of provider, and how many users have each
// habit.
type mix struct {
	kinds  map[string]int
	habits [3]int
}

// Most of the accounts of a large installation lie idle; a small simulation wants to see something.
var mixes = map[string]mix{
	"wide": {
		kinds:  map[string]int{"hourly": 150, "strict": 200, "graceful": 200, "short": 5, "monthly": 250, "silent": 100, "fading": 95},
		habits: [3]int{always: 3, daily: 100, rarely: 897},
	},
	"dense": {
		kinds:  map[string]int{"hourly": 200, "strict": 200, "graceful": 200, "short": 20, "monthly": 130, "silent": 150, "fading": 100},
		habits: [3]int{always: 20, daily: 480, rarely: 500},
	},
}

// habit returns that of any user.
func (m mix) habit(dice *rand.Rand) habit {
	n := dice.IntN(1000)
	for h, share := range m.habits {
		if n -= share; n < 0 {
			return habit(h)
		}
	}
	return rarely
}

// kindOf returns the number of the kind of provider of account i of n.
func (m mix) kindOf(i, n int) int {
	at := i * 1000 / n
	for k := range kinds {
		if at -= m.kinds[kinds[k].name]; at < 0 {
			return k
		}
	}
	return 0
}

// catalog has a connector for each kind.
func catalog(t *testing.T) *connectors.Catalog {
	t.Helper()
	var all []*connectors.Connector
	for _, k := range kinds {
		c, err := connectors.Decode(k.name+".yaml", fmt.Appendf(nil, `schema: 1
name: %[1]s
title: %[1]s
authorize:
  url: https://%[1]s.example/authorize
token:
  url: https://%[1]s.example/token
  client_auth: basic
refresh: %[2]s
revoke:
  url: https://%[1]s.example/revoke
api:
  base_url: https://%[1]s.example
`, k.name, k.refresh))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return (*connectors.Catalog)(nil).With(all...)
}
