package declared_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/declared"
	"github.com/claviger-proxy/claviger/vault"
)

// facts compares what is stored with what the provider has given.
func (j *journey) facts() error {
	given, ok := j.provider.Issued()
	if !ok {
		return fmt.Errorf("the provider has given nothing")
	}
	if j.connector.Token.ExpiresFrom == connectors.ExpiresFromIntrospection {
		j.tend()
	}
	g, err := j.vault.Grant(j.ctx, j.account)
	if err != nil {
		return err
	}
	a, err := j.vault.Account(j.ctx, j.account)
	if err != nil {
		return err
	}
	if err := j.tokens(g, given); err != nil {
		return err
	}
	if i := j.connector.Identity; i != nil && a.Identity.ID == "" {
		return fmt.Errorf("it is not known who the account is; %s", j.logs.last())
	}
	p := j.provider.Person()
	who := declared.Person{ID: a.Identity.ID, Name: a.Identity.Name, Email: a.Identity.Email, Avatar: a.Identity.Avatar}
	return want(who == p, "the account is %+v, want %+v; %s", who, p, j.logs.last())
}

// tokens compares a grant with what was given.
func (j *journey) tokens(g vault.Grant, given declared.Issued) error {
	for name, pair := range map[string][2]string{
		"access token":  {g.Access.Reveal(), given.Access},
		"refresh token": {g.Refresh.Reveal(), given.Refresh},
		"ID token":      {g.IDToken.Reveal(), given.IDToken},
	} {
		if name == "access token" && j.connector.Mode == connectors.ModeJWT {
			continue // it is made here
		}
		if pair[0] != pair[1] {
			return fmt.Errorf("the %s is %q, want %q", name, pair[0], pair[1])
		}
	}
	if given.Refresh == "" && j.givesRefreshToken() || given.Refresh != "" && j.connector.Refresh.None {
		return fmt.Errorf("the refresh token is %q", given.Refresh)
	}
	if !maps.Equal(g.Slots.Reveal(), given.Slots) && len(g.Slots)+len(given.Slots) > 0 {
		return fmt.Errorf("the slots are %v, want %v", g.Slots.Reveal(), given.Slots)
	}
	for _, name := range j.captured() {
		if g.Captured[name] == "" || g.Captured[name] != given.Captured[name] {
			return fmt.Errorf("captured is %v, want %v", g.Captured, given.Captured)
		}
	}
	if !slices.Equal(g.Scopes, given.Scopes) {
		return fmt.Errorf("the scopes are %q, want %q", g.Scopes, given.Scopes)
	}
	if j.connector.Mode == connectors.ModeJWT {
		return nil
	}
	if !near(g.Expires, given.Expires) {
		return fmt.Errorf("the token expires at %s, want %s", g.Expires, given.Expires)
	}
	told := j.connector.Token.Response.RefreshExpires.Path != "" || j.connector.Refresh.TTL > 0
	if told && !near(g.RefreshExpires, given.RefreshExpires) {
		return fmt.Errorf("the refresh token expires at %s, want %s", g.RefreshExpires, given.RefreshExpires)
	}
	return nil
}

// givesRefreshToken tells whether the connector's provider gives refresh tokens.
func (j *journey) givesRefreshToken() bool {
	r := j.connector.Refresh
	if r.With == "" {
		return j.connector.Mode.NeedsUser() && j.connector.Mode != connectors.ModeOAuth1 && !r.None && !j.eternal
	}
	return r.With == connectors.RefreshWithToken && !j.eternal
}

// captured are the names that the answers for this journey have.
func (j *journey) captured() (names []string) {
	if !j.device {
		names = slices.AppendSeq(names, maps.Keys(j.connector.Callback.Capture))
	}
	if !j.connector.Token.URL.IsZero() {
		names = slices.AppendSeq(names, maps.Keys(j.connector.Token.Capture))
	}
	for _, s := range j.connector.Steps {
		if s.When != "refresh" {
			names = slices.AppendSeq(names, maps.Keys(s.Capture))
		}
	}
	for _, d := range j.connector.Discover {
		names = slices.AppendSeq(append(names, d.Into), maps.Keys(d.Capture))
	}
	return names
}

// near tells whether two times are the same, but for what a number of seconds leaves out.
func near(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return a.IsZero() == b.IsZero()
	}
	return a.Sub(b).Abs() <= time.Second
}

// tend lets the broker do what is due now.
func (j *journey) tend() {
	ctx, cancel := context.WithCancel(j.ctx)
	done := make(chan struct{})
	go func() { defer close(done); j.broker.Tend(ctx) }()
	time.Sleep(time.Second)
	synctest.Wait()
	cancel()
	<-done
}

// introspect asks about the token, and about one that has ended.
func (j *journey) introspect() error {
	if j.connector.Introspect == nil {
		return nil
	}
	c, err := j.set.ByName(connected)
	if err != nil {
		return err
	}
	g, err := j.vault.Grant(j.ctx, j.account)
	if err != nil {
		return err
	}
	own, err := c.For(g.Inputs, g.Captured)
	if err != nil {
		return err
	}
	found, err := j.oauth.Introspect(j.ctx, own.App, g.Access)
	if err != nil {
		return err
	}
	given, _ := j.provider.Issued()
	return want(found.Active && near(found.Expires, given.Expires), "introspection says %+v", found)
}
