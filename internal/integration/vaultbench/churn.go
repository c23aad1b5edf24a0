//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// churn refreshes every account as often as the file "rounds" says, in random order, and looks at
// the directory after each round. It replaces records by ones of the same size, without sealing
// them, and syncs once for 50 accounts.
func churn(b *bench) error {
	text, err := os.ReadFile(filepath.Join(b.place, "rounds"))
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(string(text))
	if err != nil || rounds == 0 {
		return err
	}
	if err := b.openFilled(); err != nil {
		return err
	}
	ctx := context.Background()
	var ids []string
	live := 0
	for r, err := range b.store.Walk(ctx, vault.Key{}) {
		if err != nil {
			return err
		}
		if r.Kind == vault.KindGrant {
			ids = append(ids, r.ID)
		}
		live += size(r)
	}
	most, start := 0.0, time.Now()
	for n := 1; n <= rounds; n++ {
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for from := 0; from < len(ids); from += 50 {
			if err := b.refresh(ctx, ids[from:min(from+50, len(ids))]); err != nil {
				return err
			}
		}
		s, err := b.store.Measure(ctx)
		if err != nil {
			return err
		}
		ratio := float64(s.Bytes) / float64(live)
		most = max(most, ratio)
		fmt.Fprintf(os.Stderr, "round %d: %.2f times the live data, %.0f s\n", n, ratio, time.Since(start).Seconds())
	}
	b.out["disk after refreshes / live data"], b.out["refreshes of each"] = most, float64(rounds)
	return nil
}

// refresh replaces the account and the grant of some accounts.
func (b *bench) refresh(ctx context.Context, ids []string) error {
	changes := make([]vault.Change, 0, 2*len(ids))
	for _, id := range ids {
		for _, kind := range []vault.Kind{vault.KindAccount, vault.KindGrant} {
			r, err := b.store.Get(ctx, vault.Key{Kind: kind, ID: id})
			if err != nil {
				return err
			}
			changes = append(changes, vault.Change{Record: r})
		}
	}
	return b.store.Apply(ctx, changes...)
}

// size is what a record needs with its keys and entries.
func size(r vault.Record) int {
	n := len(vault.AppendRecord(nil, r)) + len(r.Kind) + len(r.ID) + 2
	for _, e := range r.Indexes {
		n += len(e.Index) + len(e.Value) + len(r.Kind) + 2*len(r.ID) + 4
	}
	return n
}
