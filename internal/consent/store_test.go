package consent_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/claviger-proxy/claviger/vault"
)

// brittle is a store that fails to write records of one kind while it is told to. If it is only
// forgetful, it writes them and says that it has failed.
type brittle struct {
	vault.Store
	refuse    atomic.Value // vault.Kind
	forgetful atomic.Bool
	// blind is how many more reads of grants fail.
	blind atomic.Int32
}

var errBrittle = errors.New("no space left on device")

func (b *brittle) Apply(ctx context.Context, changes ...vault.Change) error {
	for _, c := range changes {
		if kind, _ := b.refuse.Load().(vault.Kind); kind == c.Kind {
			if b.forgetful.Load() {
				return errors.Join(errBrittle, b.Store.Apply(ctx, changes...))
			}
			return errBrittle
		}
	}
	return b.Store.Apply(ctx, changes...)
}

func (b *brittle) Get(ctx context.Context, k vault.Key) (vault.Record, error) {
	if k.Kind == vault.KindGrant && b.blind.Add(-1) >= 0 {
		return vault.Record{}, errBrittle
	}
	return b.Store.Get(ctx, k)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) Sync() error { return nil }

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
