package connection

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// registrationTurn waits for the turn to change the registration of a connection at the provider. Nobody else has it
// until done is called.
func (s *Set) registrationTurn(ctx context.Context, name string) (done func(), err error) {
	mine := make(chan struct{})
	for {
		other, busy := s.registering.LoadOrStore(name, mine)
		if !busy {
			return func() {
				s.registering.Delete(name)
				close(mine)
			}, nil
		}
		select {
		case <-other.(chan struct{}):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// change has the provider change what a connection's client is registered with (RFC 7592), and stores the client as
// the provider has it then, also where that is not what was asked for.
func (r *Registrar) change(ctx context.Context, c vault.Connection, before vault.Registration) (*Connection, error) {
	app, what, err := r.asks(c)
	if err != nil {
		return nil, err
	}
	known := oauth.Registered{
		ClientID: c.ClientID, Secret: c.ClientSecret, SecretExpires: before.SecretExpires, URI: before.URI, Token: before.Token,
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), registerTime)
	defer cancel()
	got, err := r.OAuth.Reregister(ctx, app, what, known)
	if err == nil {
		live, err := r.keep(ctx, c, registered(got, what))
		return live, r.unkept(c, err)
	}
	next := "; " + registerNew(c.Name)
	var e *oauth.Error
	changed := false
	if errors.As(err, &e) {
		got, changed = e.Changed()
	}
	if !changed {
		return nil, failed(c.Name, unchanged, err, next)
	}
	one := registered(got, what)
	if e.Code == oauth.CodeOtherRedirect {
		one.registration.RedirectURI = before.RedirectURI
	}
	if _, err := r.keep(ctx, c, one); err != nil {
		return nil, r.unkept(c, err)
	}
	return nil, failed(c.Name, otherwise, err, next)
}

func registerNew(name string) string {
	return "`claviger connections register " + name + " --new` registers another one"
}

// unkept says of a change that could not be stored what that may mean; nothing if err is nil.
func (r *Registrar) unkept(c vault.Connection, err error) error {
	if err == nil {
		return nil
	}
	r.log().Warn("the provider has changed an OAuth client, and it may not be stored so", zap.String("connection", c.Name), zap.String("client_id", c.ClientID), zap.Error(err))
	note := "the provider has changed the OAuth client, and may refuse the secret that is stored: " + registerNew(c.Name)
	var e *Error
	if errors.As(err, &e) {
		told := *e
		told.Message += "; " + note
		return &told
	}
	return fmt.Errorf("%w; %s", err, note)
}

// sameRegistration tells whether the registration of a connection's client is the one that it was before.
func sameRegistration(now, before vault.Connection) bool {
	a, _ := now.Registration(before.ClientID)
	b, _ := before.Registration(before.ClientID)
	return a.RegisteredAt.Equal(b.RegisteredAt) && a.URI == b.URI && a.Token.Equal(b.Token)
}
