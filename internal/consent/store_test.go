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
