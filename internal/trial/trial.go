// Package trial tries a connector out without its provider: an account goes through its life, from connecting to
// disconnecting, at a provider that package declared plays from the connector's own declaration. What is sent
// on the way can be compared with the provider's documentation, to the letter.
//
// The other half of the proof, whether the declaration is true, is the real provider's.
package trial

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/declared"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// Step is a part of the account's life.
type Step struct {
	// Name is connect, request, check, refresh, refused token or disconnect.
	Name string
	// Note says what has happened, or why the step does not apply.
	Note string
	// Requests are those that were sent.
	Requests []Request
	// Err is set if the step went wrong; then it is the last one.
	Err error
}

// The names that the trial gives what an operator and an app would name.
const (
	callback       = "https://claviger.example.com/oauth/callback"
	connectionName = "trial"
	identifier     = "user_1"
)

// Run tries a connector, which must have no Ways any more; see [connectors.Connector.Way]. It takes a moment,
// but for a device, which is polled for at the provider's pace. The error is that the trial cannot be made.
func Run(ctx context.Context, c *connectors.Connector) ([]Step, error) {
	t, err := newTrial(ctx, c)
	if err != nil {
		return nil, err
	}
	defer t.close()
	var steps []Step
	for _, s := range []struct {
		name string
		do   func() (string, error)
	}{
		{"connect", t.connect},
		{"request", t.request},
		{"check", t.check},
		{"refresh", t.refresh},
		{"refused token", t.refused},
		{"disconnect", t.disconnect},
	} {
		note, err := s.do()
		if wrong := t.provider.Violations(); len(wrong) > 0 {
			err = errors.New(wrong[0].String())
		}
		steps = append(steps, Step{Name: s.name, Note: note, Requests: t.recorder.take(), Err: err})
		if err != nil {
			break
		}
	}
	return steps, nil
}

// trial is one account at one connector.
type trial struct {
	ctx       context.Context
	connector *connectors.Connector
	client    declared.Registration
	provider  *declared.Provider
	recorder  *recorder
	// transport leads to the recorder.
	transport http.RoundTripper
	// later is what has to be added to the time.
	later   atomic.Int64
	store   *badgerstore.Store
	vault   *vault.Vault
	shared  *broker.Shared
	broker  *broker.Broker
	flow    *consent.Flow
	account vault.AccountID
}

func newTrial(ctx context.Context, c *connectors.Connector) (_ *trial, err error) {
	t := &trial{ctx: ctx, connector: c}
	if t.client, err = declared.Register(c, callback+"/"+connectionName); err != nil {
		return nil, err
	}
	if t.provider, err = declared.New(c, t.client, declared.Options{Now: t.now}); err != nil {
		return nil, fmt.Errorf("no provider can be like that: %w", err)
	}
	t.recorder = &recorder{to: t.provider, names: t.names}
	t.transport = t.recorder
	if c.ClientCert != nil {
		t.transport = declared.Secure(t.recorder) // the provider has to see the certificate
	}
	if t.store, err = badgerstore.Open(badgerstore.Options{InMemory: true, Now: t.now}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	keys, err := newKey()
	if err != nil {
		return nil, err
	}
	if t.vault, err = vault.OpenWith(ctx, t.store, keys, vault.Options{Now: t.now}); err != nil {
		return nil, err
	}
	set, err := connection.NewSet(ctx, t.vault, (*connectors.Catalog)(nil).With(c), []vault.Connection{t.connection()})
	if err != nil {
		return nil, err
	}
	client := oauth.New(oauth.Options{Transport: t.transport, Now: t.now})
	t.shared = broker.NewShared(0)
	t.broker = broker.New(broker.Options{
		Vault: t.vault, Connections: set, OAuth: client, Shared: t.shared, API: t.transport, Now: t.now, Log: zap.NewNop(),
	})
	back, err := url.Parse(callback)
	if err != nil {
		return nil, err
	}
	t.flow, err = consent.New(consent.Options{
		Vault: t.vault, Connections: set, OAuth: client, API: t.transport, Callback: back, Now: t.now,
		OnConnected: func(a vault.ConnectedAccount) { t.broker.Forget(a.ID) },
	})
	return t, err
}

func (t *trial) close() {
	if t.shared != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), 10*time.Second)
		defer cancel()
		_ = t.shared.Drain(ctx) // nothing of it is of any use later
	}
	if t.store != nil {
		_ = t.store.Close()
	}
}

func (t *trial) now() time.Time { return time.Now().Add(time.Duration(t.later.Load())) }

// wait lets time pass.
func (t *trial) wait(d time.Duration) { t.later.Add(int64(d)) }

// connection is what an operator would configure.
func (t *trial) connection() vault.Connection {
	c := vault.Connection{Name: connectionName, Connector: t.connector.Name, Params: map[string]string{}}
	if id, secret := t.connector.NeedsClient(); id {
		c.ClientID = t.client.ClientID
		if secret {
			c.ClientSecret = vault.NewSecret(t.client.ClientSecret)
		}
	}
	secrets := map[string]string{}
	for _, in := range t.connector.App {
		if value, ok := t.client.App[in.Name]; ok && in.Secret {
			secrets[in.Name] = value
		} else if ok {
			c.Params[in.Name] = value
		}
	}
	c.SecretParams = vault.NewSecrets(secrets)
	return c
}

// key is a key-encryption key that lives as long as the trial.
type key seal.Key

func newKey() (key, error) {
	k, err := seal.ParseKey(seal.NewKeyText())
	return key(k), err
}

// Active implements [seal.KeyProvider].
func (k key) Active(context.Context) (seal.Key, error) { return seal.Key(k), nil }

// Find implements [seal.KeyProvider].
func (k key) Find(_ context.Context, id string) (seal.Key, error) {
	if id != k.ID {
		return seal.Key{}, seal.ErrUnknownKey
	}
	return seal.Key(k), nil
}
