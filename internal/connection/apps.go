package connection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

// apps are the default apps of a set: those of the configuration, and those of the vault. They are immutable.
type apps struct{ configured, stored map[appName]vault.App }

// appName is what an app is for. The way is empty for connectors that have none.
type appName struct{ connector, way string }

// by are the apps of that name, the one in force first.
func (a *apps) by(name appName) []vault.App {
	var list []vault.App
	for _, from := range []map[appName]vault.App{a.configured, a.stored} {
		if one, ok := from[name]; ok {
			list = append(list, one)
		}
	}
	return list
}

// all are the apps in force, and those behind them.
func (a *apps) all() []vault.App {
	return slices.AppendSeq(slices.Collect(maps.Values(a.configured)), maps.Values(a.stored))
}

// with is a with another stored app.
func (a *apps) with(name appName, one vault.App) *apps {
	stored := maps.Clone(a.stored)
	stored[name] = one
	return &apps{a.configured, stored}
}

// without is a without a stored app.
func (a *apps) without(name appName) *apps {
	stored := maps.Clone(a.stored)
	delete(stored, name)
	return &apps{a.configured, stored}
}

// appName is the name of the app for that connector and way; no way is the standard one.
func (s *Set) appName(connector, way string) appName {
	k, _ := s.Catalog().Lookup(connector)
	return appName{connector, standard(k, way)}
}

// appsFor are the apps for a connection, the one in force first.
func (s *Set) appsFor(c vault.Connection) []vault.App {
	return s.apps.Load().by(s.appName(c.Connector, c.Way))
}

// loadApps takes the apps of the configuration, and all of the vault.
func (s *Set) loadApps(ctx context.Context, configured []vault.App) error {
	all := &apps{configured: map[appName]vault.App{}, stored: map[appName]vault.App{}}
	s.apps.Store(all)
	for _, a := range configured {
		if err := CheckApp(a, s.Catalog()); err != nil {
			return err
		}
		name := s.appName(a.Connector, a.Way)
		if _, twice := all.configured[name]; twice {
			return invalidApp(a, "it stands twice in the configuration")
		}
		a.Origin, a.Project, a.Way = vault.OriginConfig, s.project, name.way
		all.configured[name] = a
	}
	page := vault.PageQuery{Limit: 200}
	for {
		got, err := s.vault.Apps(ctx, s.project, page)
		if err != nil {
			return fmt.Errorf("reading apps: %w", err)
		}
		for _, a := range got.Items {
			all.stored[appName{a.Connector, a.Way}] = a
		}
		if page.After = got.Next; page.After == "" {
			return nil
		}
	}
}

// Apps are the default apps in force, in the order of their connectors and ways.
func (s *Set) Apps() []vault.App {
	now := s.apps.Load()
	all := maps.Clone(now.stored)
	maps.Copy(all, now.configured)
	return slices.SortedFunc(maps.Values(all), func(a, b vault.App) int {
		return strings.Compare(a.Connector+"/"+a.Way, b.Connector+"/"+b.Way)
	})
}

// App returns the default app in force for a connector and a way of it; no way is the standard one.
func (s *Set) App(connector, way string) (vault.App, error) {
	if list := s.apps.Load().by(s.appName(connector, way)); len(list) > 0 {
		return list[0], nil
	}
	return vault.App{}, appNotFound(connector, way)
}

// AppUsers are the names of the connections that use the app of a connector and way.
func (s *Set) AppUsers(connector, way string) []string {
	name := s.appName(connector, way)
	var users []string
	for _, c := range s.All() {
		if c.DefaultApp && s.appName(c.Connection.Connector, c.Way) == name {
			users = append(users, c.Name)
		}
	}
	return users
}

// AddApp checks and stores a default app. Connections that have waited for it can be used at once.
func (s *Set) AddApp(ctx context.Context, a vault.App) (vault.App, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return vault.App{}, err
	}
	defer done()
	if err := CheckApp(a, s.Catalog()); err != nil {
		return vault.App{}, err
	}
	if err := checkAppKeys(a, s.Catalog()); err != nil {
		return vault.App{}, err
	}
	name := s.appName(a.Connector, a.Way)
	a.Project, a.Way = s.project, name.way
	if _, err := s.App(a.Connector, a.Way); err == nil {
		return vault.App{}, appExists(a)
	}
	held, err := s.wakes(ctx, name, a)
	if err != nil {
		return vault.App{}, err
	}
	if err := s.vault.PutApp(ctx, &a); err != nil {
		if errors.Is(err, vault.ErrExists) {
			return vault.App{}, appExists(a)
		}
		return vault.App{}, fmt.Errorf("storing the app for %s: %w", a.Connector, err)
	}
	s.keepApp(ctx, name, a, held)
	return a, nil
}

// keepApp takes over an app that is stored, and makes the connections anew that may use it; held is what
// [Set.wakes] has told of them.
func (s *Set) keepApp(ctx context.Context, name appName, a vault.App, held map[string]error) {
	s.mu.Lock()
	s.apps.Store(s.apps.Load().with(name, a))
	s.hold(held)
	s.remakeFor(name)
	s.mu.Unlock()
	for connection, why := range held {
		if live, err := s.ByName(connection); why == nil && err == nil {
			s.recordShape(context.WithoutCancel(ctx), live)
		}
	}
}

// remakeFor makes the connections of a connector and way anew. The caller holds the lock.
func (s *Set) remakeFor(name appName) {
	for connection, c := range s.given {
		if s.appName(c.Connector, c.Way) == name {
			s.remake(connection)
		}
	}
}

// appTries is how often an app, or a connection, is read again that somebody else has changed.
const appTries = 5

// ChangeApp stores what change makes of an app, and has its connections use it at once. A change that some
// of them could not be used with is refused.
func (s *Set) ChangeApp(ctx context.Context, connector, way string, change func(*vault.App) error) (vault.App, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return vault.App{}, err
	}
	defer done()
	name, err := s.writableApp(connector, way)
	if err != nil {
		return vault.App{}, err
	}
	err = vault.ErrConflict
	for n := 0; errors.Is(err, vault.ErrConflict) && n < appTries; n++ {
		a, e := s.storedApp(ctx, name)
		if e != nil {
			return vault.App{}, e
		}
		before := params(a.Params, a.SecretParams)
		if e := change(&a); e != nil {
			return vault.App{}, e
		}
		if e := CheckApp(a, s.Catalog()); e != nil {
			return vault.App{}, e
		}
		if !maps.Equal(before, params(a.Params, a.SecretParams)) {
			if e := checkAppKeys(a, s.Catalog()); e != nil {
				return vault.App{}, e
			}
		}
		if e := s.fits(ctx, name, a); e != nil {
			return vault.App{}, e
		}
		held, e := s.wakes(ctx, name, a)
		if e != nil {
			return vault.App{}, e
		}
		if err = s.vault.PutApp(ctx, &a); err == nil {
			s.keepApp(ctx, name, a, held)
			return a, nil
		}
	}
	return vault.App{}, fmt.Errorf("changing the app for %s: %w", connector, err)
}

// writableApp refuses an app of the configuration.
func (s *Set) writableApp(connector, way string) (appName, error) {
	a, err := s.App(connector, way)
	if err == nil && a.Origin == vault.OriginConfig {
		return appName{}, &Error{Code: CodeAppReadOnly, Message: fmt.Sprintf(
			"the app for %s is written in the configuration; change it there and reload", connector)}
	}
	return s.appName(connector, way), nil
}

func (s *Set) storedApp(ctx context.Context, name appName) (vault.App, error) {
	a, err := s.vault.FindApp(ctx, s.project, name.connector, name.way)
	if errors.Is(err, vault.ErrNotFound) {
		return vault.App{}, appNotFound(name.connector, name.way)
	}
	if err != nil {
		return vault.App{}, fmt.Errorf("finding the app for %s: %w", name.connector, err)
	}
	return a, nil
}

// fits refuses an app that a connection could not be used with any more, and one that would send the tokens of
// accounts to another host.
func (s *Set) fits(ctx context.Context, name appName, a vault.App) error {
	var reasons []Reason
	for _, c := range s.All() {
		if !c.DefaultApp || s.appName(c.Connection.Connector, c.Way) != name {
			continue
		}
		next, err := New(c.Connection, s.Catalog(), a)
		if err != nil {
			return invalidApp(a, fmt.Sprintf("with this change, %v", err))
		}
		others := otherHosts(c.Name, "", c, next)
		if len(others) == 0 {
			continue
		}
		err = s.eachConnected(ctx, c.Connection, func(vault.ConnectedAccount) error {
			reasons = append(reasons, others...)
			return errEnough
		})
		if err != nil {
			return err
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return &Error{Code: CodeConnectorBreaks, Reasons: reasons, Message: fmt.Sprintf(
		"the app for %s would send the tokens of accounts to another host: %s; give what is meant for new accounts alone to a connection "+
			"of its own, or first disconnect the accounts, and connect them again afterwards", appWords(a.Connector, a.Way), sentence(reasons))}
}

// RemoveApp deletes a stored app. It is refused as long as connections use it, or accounts were connected
// with one of its clients, unless force is set: these connections are broken then.
func (s *Set) RemoveApp(ctx context.Context, connector, way string, force bool) error {
	done, err := s.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	name, err := s.writableApp(connector, way)
	if err != nil {
		return err
	}
	a, err := s.storedApp(ctx, name)
	if err != nil {
		return err
	}
	if users := s.AppUsers(connector, way); len(users) > 0 && !force {
		return &Error{Code: CodeAppInUse, Message: fmt.Sprintf(
			"the app for %s is used by %s: give each of them a client_id of its own, or force it", connector, strings.Join(users, ", "))}
	}
	if !force {
		for _, c := range append([]vault.OAuthClient{a.Client}, a.Earlier...) {
			if err := s.unused(ctx, c.ID, s.namesFor(name)); err != nil {
				return err
			}
		}
	}
	if err := s.vault.DeleteApp(ctx, a.ID, a.Version); err != nil {
		return fmt.Errorf("removing the app for %s: %w", connector, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.apps.Load(); now.stored[name].ID == a.ID {
		s.apps.Store(now.without(name))
		s.remakeFor(name)
	}
	return nil
}

// ForgetAppClient removes an earlier client of an app. It is refused with the number of accounts that were
// connected with it, unless force is set.
func (s *Set) ForgetAppClient(ctx context.Context, connector, way, id string, force bool) (vault.App, error) {
	return s.ChangeApp(ctx, connector, way, func(a *vault.App) error {
		if indexClient(a.Earlier, id) < 0 {
			return clientNotFound(id)
		}
		a.Earlier = without(a.Earlier, id)
		if force {
			return nil
		}
		return s.unused(ctx, id, s.namesFor(appName{a.Connector, a.Way}))
	})
}

// namesFor are the connections of a connector and way.
func (s *Set) namesFor(name appName) []vault.Connection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list []vault.Connection
	for _, c := range s.given {
		if s.appName(c.Connector, c.Way) == name {
			list = append(list, c)
		}
	}
	return list
}

// unused refuses to let go of a client that accounts of these connections were connected with.
func (s *Set) unused(ctx context.Context, id string, connections []vault.Connection) error {
	accounts := 0
	for _, c := range connections {
		uses, err := s.vault.ClientUse(ctx, c.Project, c.ID)
		if err != nil {
			return fmt.Errorf("counting the accounts of connection %s: %w", c.Name, err)
		}
		accounts += uses[id]
	}
	if accounts == 0 {
		return nil
	}
	return &Error{Code: CodeClientInUse, Message: fmt.Sprintf(
		"%d accounts were connected with OAuth client %q, and could not be refreshed without it: connect them again, or force it", accounts, id)}
}

func appExists(a vault.App) error {
	return &Error{Code: CodeAppExists, Message: fmt.Sprintf("there is an app for %s already", appWords(a.Connector, a.Way))}
}

func appNotFound(connector, way string) error {
	return &Error{Code: CodeAppNotFound, Message: fmt.Sprintf("there is no app for %.80s", appWords(connector, way))}
}

func clientNotFound(id string) error {
	return &Error{Code: CodeClientNotFound, Message: fmt.Sprintf("%.80q is no earlier OAuth client here", id)}
}
