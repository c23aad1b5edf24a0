package integration

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
)

func init() { caddy.RegisterModule(new(faultyVault)) }

// storeFault is what writes to a vault of the module fail with; nil when they succeed.
var storeFault atomic.Pointer[error]

// breakStore lets writes fail, until it is called with nil.
func breakStore(err error) {
	if err == nil {
		storeFault.Store(nil)
		return
	}
	storeFault.Store(&err)
}

// A disk that is full, one that has become read-only, and one that does not answer.
var (
	errDiskFull = fmt.Errorf("%w: 0 MiB are free in /secret/path", vault.ErrFull)
	errReadOnly = fmt.Errorf("vault directory is on a read-only file system: %w", syscall.EROFS)
	errNoAnswer = fmt.Errorf("%w: %w", vault.ErrUnknown, context.DeadlineExceeded)
)

// faultyVault is the store guest claviger.vaults.faulty: a vault in memory that cannot be written
// when a test says so.
type faultyVault struct{}

func (*faultyVault) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.vaults.faulty", New: func() caddy.Module { return new(faultyVault) }}
}

func (*faultyVault) Identity() string { return "faulty" }

func (*faultyVault) OpenStore(context.Context, *zap.Logger) (vault.Store, error) {
	s, err := badgerstore.Open(badgerstore.Options{InMemory: true})
	return faultyStore{s}, err
}

func (*faultyVault) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

type faultyStore struct{ vault.Store }

func (s faultyStore) Apply(ctx context.Context, changes ...vault.Change) error {
	if err := storeFault.Load(); err != nil {
		return *err
	}
	return s.Store.Apply(ctx, changes...)
}

func (s faultyStore) Ping(ctx context.Context) error {
	if err := storeFault.Load(); err != nil {
		return *err
	}
	return s.Store.Ping(ctx)
}

var _ caddyfile.Unmarshaler = (*faultyVault)(nil)
