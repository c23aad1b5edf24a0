package connection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// plan is a change from one catalogue to another, looked at before it is made.
type plan struct {
	catalog *connectors.Catalog
	// users are the connections whose connector is another one then, as they are stored, and moves those of
	// them that go over to it.
	users, moves []vault.Connection
	// held are those that are broken, by name, and that their accounts are against the use of.
	held map[string]error
	// reasons are why it cannot be.
	reasons []Reason
}

// names are those of the connections that are made ready anew.
func (p *plan) names() []string {
	names := []string{}
	for _, c := range p.moves {
		names = append(names, c.Name)
	}
	return names
}

// plan looks at what another catalogue means for the connections. The caller has the turn.
func (s *Set) plan(ctx context.Context, catalog *connectors.Catalog) (*plan, error) {
	p := &plan{catalog: catalog, held: map[string]error{}}
	now, changed := s.Catalog(), map[string]bool{}
	differs := func(name string) bool {
		is, known := changed[name]
		if !known {
			a, _ := now.Lookup(name)
			b, _ := catalog.Lookup(name)
			is = !a.Same(b)
			changed[name] = is
		}
		return is
	}
	err := s.eachStored(ctx, func(c vault.Connection) error {
		if !differs(c.Connector) {
			return nil
		}
		p.users = append(p.users, c)
		if _, known := catalog.Lookup(c.Connector); !known {
			return nil // the caller knows better what to say
		}
		reasons := len(p.reasons)
		if err := s.consider(ctx, p, c); err != nil || len(p.reasons) > reasons {
			return err
		}
		p.reasons = append(p.reasons, s.connectionSecrets(c, catalog)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, a := range s.apps.Load().all() {
		if differs(a.Connector) {
			p.reasons = append(p.reasons, appSecrets(a, now, catalog)...)
		}
	}
	return p, nil
}

// consider looks at one connection, as it is stored. One that cannot be used now is no reason against
// anything: it can be used then, or not.
func (s *Set) consider(ctx context.Context, p *plan, c vault.Connection) error {
	s.mu.RLock()
	from, live := s.given[c.Name], s.byID[c.ID]
	s.mu.RUnlock()
	if from.ID != c.ID {
		return nil // of another process, or no longer in the configuration
	}
	if live != nil && len(c.Shape) == 0 {
		c.Shape = shapeIn(s.Catalog(), c)
	}
	next, unfit := s.buildWith(from, p.catalog)
	reasons, err := s.breaks(ctx, c, from, p.catalog, live, next)
	switch {
	case err != nil:
		return err
	case unfit != nil && live != nil:
		p.reasons = append(p.reasons, Reason{Connection: c.Name, Message: unfit.Error()})
	case len(reasons) == 0 && unfit == nil:
		p.moves = append(p.moves, c)
	case len(reasons) == 0:
	case live != nil:
		p.reasons = append(p.reasons, reasons...)
	default:
		p.held[c.Name] = anotherOne(c, reasons)
	}
	return nil
}

// buildWith is Build with another catalogue.
func (s *Set) buildWith(c vault.Connection, catalog *connectors.Catalog) (*Connection, error) {
	k, _ := catalog.Lookup(c.Connector)
	return New(c, catalog, s.apps.Load().by(appName{c.Connector, standard(k, c.Way)})...)
}

// carryOut makes the change of a plan that has no reasons against it. bad are the stored connectors that
// cannot be used.
func (s *Set) carryOut(ctx context.Context, p *plan, bad map[string]error) {
	recorded := map[string]vault.Connection{}
	for _, c := range p.moves {
		// What cannot be recorded now is recorded at the next start: accounts can go on with it.
		if r, err := s.record(context.WithoutCancel(ctx), c.ID, p.catalog); err == nil {
			recorded[c.Name] = r
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Store(p.catalog)
	s.bad = bad
	for _, c := range p.moves {
		delete(s.held, c.Name)
	}
	maps.Copy(s.held, p.held)
	for _, c := range p.users {
		now, ok := s.given[c.Name]
		if !ok || now.ID != c.ID {
			continue // removed meanwhile, or not ours
		}
		if r, ok := recorded[c.Name]; ok && r.Version > now.Version {
			now.Shape, now.Version, now.UpdatedAt = r.Shape, r.Version, r.UpdatedAt
			s.given[c.Name] = now
		}
		s.remake(c.Name)
	}
}

// recordAttempts is how often a connection is read again that somebody else has changed.
const recordAttempts = 5

// record notes with a connection which shape its connector has now, and returns it as it is stored.
func (s *Set) record(ctx context.Context, id vault.ConnectionID, catalog *connectors.Catalog) (vault.Connection, error) {
	err := vault.ErrConflict
	for n := 0; errors.Is(err, vault.ErrConflict) && n < recordAttempts; n++ {
		c, e := s.vault.Connection(ctx, id)
		if e != nil {
			return vault.Connection{}, e
		}
		shape := shapeIn(catalog, c)
		if shape == nil || bytes.Equal(shape, c.Shape) {
			return c, nil
		}
		c.Shape = shape
		if err = s.vault.PutConnection(ctx, &c); err == nil {
			return c, nil
		}
	}
	return vault.Connection{}, err
}

// recordShapes notes it with all connections that can be used. What cannot be recorded now, as in a vault
// without room, is recorded at a later start.
func (s *Set) recordShapes(ctx context.Context) {
	for _, live := range s.All() {
		s.recordShape(ctx, live)
	}
}

func (s *Set) recordShape(ctx context.Context, live *Connection) {
	r, err := s.record(ctx, live.ID, s.Catalog())
	if err != nil || r.Version == live.Version {
		return
	}
	c := live.Connection
	c.Shape, c.Version, c.UpdatedAt = r.Shape, r.Version, r.UpdatedAt
	_, _ = s.keep(c) // it was good a moment ago
}

// wayOf is the way that accounts of a stored connection were connected in, also when the standard one is
// another one by now.
func wayOf(c vault.Connection) string {
	var s connectors.Shape
	if c.Way == "" && json.Unmarshal(c.Shape, &s) == nil {
		return s.Way
	}
	return c.Way
}

// shapeIn is the shape of a connection's connector in a catalogue; nil if it has none there.
func shapeIn(catalog *connectors.Catalog, c vault.Connection) json.RawMessage {
	k, ok := catalog.Lookup(c.Connector)
	if !ok {
		return nil
	}
	s, ok := k.Shape(c.Way)
	if !ok {
		return nil
	}
	return marshaled(s)
}

func marshaled(s connectors.Shape) json.RawMessage {
	text, _ := json.Marshal(s) // texts and lists of them always can be written
	return text
}

// eachStored calls do for every connection of the vault that can be read.
func (s *Set) eachStored(ctx context.Context, do func(vault.Connection) error) error {
	page := vault.PageQuery{Limit: 200}
	for {
		got, err := s.vault.Connections(ctx, s.project, page)
		if err != nil {
			return fmt.Errorf("reading connections: %w", err)
		}
		for _, c := range got.Items {
			if err := do(c); err != nil {
				return err
			}
		}
		if page.After = got.Next; page.After == "" {
			return nil
		}
	}
}
