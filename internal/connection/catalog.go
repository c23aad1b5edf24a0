package connection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// ConnectorFile is a connector to store: a new one, or another file for one that is stored.
type ConnectorFile struct {
	// Source is the file's text.
	Source string
	// Name is the name of the stored connector that the file replaces; empty for a new one.
	Name string
	// ReplaceBuiltin allows a new one to stand in place of the built-in connector of its name.
	ReplaceBuiltin bool
	// Version, unless it is 0, is the version that must be stored.
	Version uint64
	// DryRun tells what would happen, and changes nothing.
	DryRun bool
}

// ConnectorChange is what came of a change of the stored connectors, or would.
type ConnectorChange struct {
	// Stored is the connector as it is stored. In a dry run it is so as far as that is known.
	Stored vault.Connector
	// Replaces is where the connector came from that had the name before; empty when there was none.
	Replaces connectors.Origin
	// Connections are the names of those that use it, or a variant of it, and were made ready anew.
	Connections []string
}

// PutConnector checks and stores the file of a connector. All its connections use it from then on: either
// every one of them fits, with all its accounts, or nothing is changed and the error tells why.
func (s *Set) PutConnector(ctx context.Context, f ConnectorFile) (ConnectorChange, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return ConnectorChange{}, err
	}
	defer done()
	stored, err := s.readConnectors(ctx)
	if err != nil {
		return ConnectorChange{}, err
	}
	c, err := s.named(f, stored)
	if err != nil {
		return ConnectorChange{}, err
	}
	out := ConnectorChange{Stored: c, Replaces: s.origin(c.Name)}
	next := maps.Clone(stored)
	next[c.Name] = c
	catalog, bad := s.layer(next)
	if err := refused(c.Name, bad, s.BadConnectors()); err != nil {
		return ConnectorChange{}, err
	}
	plan, err := s.plan(ctx, catalog)
	if err != nil {
		return ConnectorChange{}, err
	}
	if len(plan.reasons) > 0 {
		return ConnectorChange{}, breaking("connector "+c.Name+" cannot become that", plan.reasons)
	}
	out.Connections = plan.names()
	if f.DryRun {
		return out, nil
	}
	if err := s.vault.PutConnector(ctx, &out.Stored); err != nil {
		return ConnectorChange{}, err
	}
	s.carryOut(ctx, plan, bad)
	return out, nil
}

// RemoveConnector removes a stored connector. What stood behind it, built in or of a folder, is used again
// if there is something, and else no connection may use it. A version that is not 0 must be the stored one.
func (s *Set) RemoveConnector(ctx context.Context, name string, version uint64) (ConnectorChange, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return ConnectorChange{}, err
	}
	defer done()
	stored, err := s.readConnectors(ctx)
	if err != nil {
		return ConnectorChange{}, err
	}
	c, ok := stored[name]
	switch {
	case !ok:
		return ConnectorChange{}, s.notStored(name)
	case version != 0 && version != c.Version:
		return ConnectorChange{}, fmt.Errorf("connector %s: %w", name, vault.ErrConflict)
	}
	next := maps.Clone(stored)
	delete(next, name)
	catalog, bad := s.layer(next)
	if err := refused("", bad, s.BadConnectors()); err != nil {
		return ConnectorChange{}, inUse(name, err)
	}
	plan, err := s.plan(ctx, catalog)
	if err != nil {
		return ConnectorChange{}, err
	}
	_, behind := catalog.Lookup(name)
	switch {
	case !behind && len(plan.users) > 0:
		return ConnectorChange{}, &Error{Code: CodeConnectorInUse, Message: fmt.Sprintf(
			"connector %s is used by connection %s; remove that first", name, plan.users[0].Name)}
	case len(plan.reasons) > 0:
		return ConnectorChange{}, breaking("connector "+name+" cannot go back to the "+words[s.base.Origin(name)]+" one", plan.reasons)
	}
	if err := s.appWithout(catalog, name); err != nil {
		return ConnectorChange{}, err
	}
	if err := s.vault.DeleteConnector(ctx, c.ID, c.Version); err != nil {
		return ConnectorChange{}, err
	}
	s.carryOut(ctx, plan, bad)
	return ConnectorChange{Stored: c, Replaces: connectors.OriginStored, Connections: plan.names()}, nil
}

// words are what a connector of that origin is called.
var words = map[connectors.Origin]string{
	connectors.OriginBuiltin: "built-in", connectors.OriginFolder: "configured", connectors.OriginStored: "stored",
}

// turn lets one change at a time be made to connectors, and to which connections there are.
func (s *Set) turn(ctx context.Context) (done func(), err error) {
	select {
	case s.changing <- struct{}{}:
		return func() { <-s.changing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readConnectors are those that the vault has, by name. One that is damaged is as if it were not there.
func (s *Set) readConnectors(ctx context.Context) (map[string]vault.Connector, error) {
	all, page := map[string]vault.Connector{}, vault.PageQuery{Limit: 200}
	for {
		got, err := s.vault.Connectors(ctx, s.project, page)
		if err != nil {
			return nil, fmt.Errorf("reading connectors: %w", err)
		}
		for _, c := range got.Items {
			all[c.Name] = c
		}
		if page.After = got.Next; page.After == "" {
			return all, nil
		}
	}
}

// layer is the catalogue with the stored connectors, and what is wrong with those that cannot be used. Their
// names have no connector then: what stands behind one may be another provider's. Names of a folder are the
// folder's.
func (s *Set) layer(stored map[string]vault.Connector) (*connectors.Catalog, map[string]error) {
	files := map[string]string{}
	for name, c := range stored {
		if s.base.Origin(name) != connectors.OriginFolder {
			files[name] = c.Source
		}
	}
	if len(files) == 0 {
		return s.base, nil
	}
	good, bad := s.base.LoadFiles(files)
	return s.base.Without(slices.Collect(maps.Keys(bad))...).WithStored(good...), bad
}

// origin is where the connector of that name comes from now; a stored one that cannot be used is one.
func (s *Set) origin(name string) connectors.Origin {
	if s.BadConnectors()[name] != nil {
		return connectors.OriginStored
	}
	return s.Catalog().Origin(name)
}

// BadConnectors tells, by name, which stored connectors cannot be used, and why. Their names have no connector.
func (s *Set) BadConnectors() map[string]error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.bad)
}

// named is the connector to be stored, if it may be.
func (s *Set) named(f ConnectorFile, stored map[string]vault.Connector) (vault.Connector, error) {
	name := connectors.NameOf([]byte(f.Source))
	if len(f.Source) > vault.MaxConnectorSource {
		return vault.Connector{}, invalidConnector(&connectors.Error{Message: fmt.Sprintf("the file is larger than %d KiB", vault.MaxConnectorSource>>10)})
	}
	if !vault.ValidName(name) { // then there is more wrong with it
		_, err := s.Catalog().Decode("connector.yaml", []byte(f.Source))
		return vault.Connector{}, invalidConnector(err)
	}
	c, exists := stored[name]
	switch origin := s.base.Origin(name); {
	case f.Name != "" && name != f.Name:
		return vault.Connector{}, invalidConnector(&connectors.Error{Path: "name", Message: fmt.Sprintf("is %s; another connector than %s is a new one", name, f.Name)})
	case origin == connectors.OriginFolder, f.Name != "" && !exists:
		return vault.Connector{}, s.notStored(name)
	case f.Name == "" && exists:
		return vault.Connector{}, &Error{Code: CodeConnectorExists, Message: fmt.Sprintf("there is a connector %s already", name)}
	case origin == connectors.OriginBuiltin && !exists && !f.ReplaceBuiltin:
		return vault.Connector{}, &Error{Code: CodeConnectorBuiltin, Message: fmt.Sprintf(
			"connector %s is built in, and another one would send the accounts' credentials where its file says", name)}
	case f.Version != 0 && f.Version != c.Version:
		return vault.Connector{}, fmt.Errorf("connector %s: %w", name, vault.ErrConflict)
	}
	c.Project, c.Name, c.Source = s.project, name, f.Source
	c.ReplacesBuiltin = c.ReplacesBuiltin || f.ReplaceBuiltin && s.base.Origin(name) == connectors.OriginBuiltin
	return c, nil
}

// notStored says why there is no stored connector of that name to change.
func (s *Set) notStored(name string) error {
	switch s.base.Origin(name) {
	case connectors.OriginFolder:
		return &Error{Code: CodeConnectorReadOnly, Message: fmt.Sprintf(
			"connector %s is a file of a folder that the configuration names; change it there and reload", name)}
	case connectors.OriginBuiltin:
		return &Error{Code: CodeConnectorBuiltin, Message: fmt.Sprintf("connector %s is built in, and is not stored", name)}
	}
	return unknownConnector(name, s.Catalog())
}

// refused is the error of the connector with that name, or of another one that was good before.
func refused(name string, bad, before map[string]error) error {
	if err := bad[name]; err != nil {
		return invalidConnector(err)
	}
	for _, other := range slices.Sorted(maps.Keys(bad)) {
		if before[other] == nil {
			return brokenVariant(other, bad[other])
		}
	}
	return nil
}

// invalidConnector says what is wrong with a file.
func invalidConnector(err error) *Error {
	e := &Error{Code: CodeInvalidConnector}
	for _, m := range connectors.Mistakes(err) {
		e.Reasons = append(e.Reasons, Reason{Line: m.Line, Path: m.Path, Message: m.Message})
	}
	e.Message = "the connector's file is not valid: " + sentence(e.Reasons)
	return e
}

// brokenVariant says what would be wrong with another connector.
func brokenVariant(name string, err error) error {
	e := invalidConnector(err)
	e.Message = "connector " + name + ", which extends it, would not be valid: " + sentence(e.Reasons)
	return e
}

// inUse says that a variant needs the connector.
func inUse(name string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{Code: CodeConnectorInUse, Message: "connector " + name + " is in use: " + e.Message, Reasons: e.Reasons}
	}
	return err
}
