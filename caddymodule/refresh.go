package caddymodule

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/internal/broker"
)

// RefreshConfig says what is done for accounts without being asked, whether or not requests come.
type RefreshConfig struct {
	// Ahead is how long before its expiry a token is refreshed where the connector does not say: 5
	// minutes when zero, and never more than a third of the token's life.
	Ahead caddy.Duration `json:"ahead,omitempty"`
	// IdleAfter is after how long without a request an account's token is not refreshed any more until
	// the next one: 7 days when zero, never when negative. Grants that must be kept alive still are.
	IdleAfter caddy.Duration `json:"idle_after,omitempty"`
	// CheckEvery is how often the provider is asked whether it still takes an account's credential:
	// never when zero or negative.
	CheckEvery caddy.Duration `json:"check_every,omitempty"`
	// WarnBefore is how long before the end of a refresh token there is an event: 7 days when zero, none
	// when negative.
	WarnBefore caddy.Duration `json:"warn_before,omitempty"`
	// Workers bounds what is done at once: 16 when zero.
	Workers int `json:"workers,omitempty"`
	// Rate bounds the refreshes of one connection in a second where the connector does not say: 50 when
	// zero.
	Rate float64 `json:"rate,omitempty"`
}

// maxWorkers is a bound for what is a mistake rather than a wish.
const maxWorkers = 1000

func (c *RefreshConfig) check() error {
	switch {
	case c == nil:
	case c.Ahead < 0:
		return fmt.Errorf("refresh: ahead must not be negative")
	case c.Workers < 0 || c.Workers > maxWorkers:
		return fmt.Errorf("refresh: workers must be from 1 to %d", maxWorkers)
	case c.Rate < 0:
		return fmt.Errorf("refresh: rate must not be negative")
	}
	return nil
}

func (c *RefreshConfig) schedule() broker.Schedule {
	if c == nil {
		return broker.Schedule{}
	}
	return broker.Schedule{
		Ahead: time.Duration(c.Ahead), IdleAfter: time.Duration(c.IdleAfter), CheckEvery: time.Duration(c.CheckEvery),
		WarnBefore: time.Duration(c.WarnBefore), Workers: c.Workers, Rate: c.Rate,
	}
}
