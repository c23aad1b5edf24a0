package connection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// maxReasons bounds how many accounts are told of that a change would break.
const maxReasons = 5

// guard compares, before anything is written, the connectors of this configuration with those that accounts
// were connected with. A file of a folder that would break some is an error. Another connector, such as one that
// the program has brought along, makes the connections concerned unusable and leaves the others alone, as does
// any with connections that cannot be used anyhow.
func (s *Set) guard(ctx context.Context, configured []vault.Connection) error {
	return s.eachStored(ctx, func(c vault.Connection) error {
		with := c
		if c.Origin == vault.OriginConfig {
			i := slices.IndexFunc(configured, func(one vault.Connection) bool { return one.Name == c.Name })
			if i < 0 || configured[i].Connector != c.Connector || !s.sameWay(c, configured[i]) {
				return nil
			}
			with = configured[i]
		}
		next, unfit := s.Build(with) // why it is unfit is told when it is made
		reasons, err := s.breaks(ctx, c, with, s.Catalog(), nil, next)
		if err != nil || len(reasons) == 0 {
			return err
		}
		origin := s.Catalog().Origin(c.Connector)
		changed := connectorChanged(c.Connector, origin, reasons)
		if unfit == nil && origin == connectors.OriginFolder {
			return changed
		}
		s.held[c.Name] = changed
		return nil
	})
}

// connectorChanged says that the connector is another one, and who can put it right.
func connectorChanged(name string, origin connectors.Origin, reasons []Reason) *Error {
	whose, way := "", "put the earlier file back, or first disconnect these accounts, and connect them again afterwards"
	switch origin {
	case connectors.OriginBuiltin:
		whose, way = " of this program", "disconnect these accounts and reload, and connect them again afterwards; or go back to the earlier program"
	case connectors.OriginStored:
		way = "put its earlier file back: `claviger connectors add FILE --replace`; or disconnect these accounts and reload, and connect them again afterwards"
	}
	return &Error{Code: CodeConnectorChanged, Reasons: reasons, Message: fmt.Sprintf(
		"connector %s%s is another one than before, which breaks accounts: %s; %s", name, whose, sentence(reasons), way)}
}

// breaks says why the accounts of a stored connection, c, cannot go on with what it would become, which is
// made of with; was is what it is now, if that is known, and next what it is with the catalogue, if it can be
// used. What depends on the values of accounts is looked at with next only. Where no shape is recorded, or one
// of another format, nobody can tell.
func (s *Set) breaks(ctx context.Context, c, with vault.Connection, catalog *connectors.Catalog, was, next *Connection) ([]Reason, error) {
	text := shapeIn(catalog, with)
	var old, now connectors.Shape
	if bytes.Equal(c.Shape, text) || json.Unmarshal(c.Shape, &old) != nil || json.Unmarshal(text, &now) != nil ||
		old.Format != now.Format {
		return nil, nil
	}
	var reasons []Reason
	for _, e := range connectors.Breaks(old, now) {
		reasons = append(reasons, Reason{Connection: c.Name, Path: e.Path, Message: e.Message})
	}
	reasons = append(reasons, otherDefaults(c.Name, "", "app.", old, now, given(with.Params, with.SecretParams))...)
	if was != nil && next != nil {
		reasons = append(reasons, otherHosts(c.Name, "", was, next)...)
	}
	l := looker{connection: c.Name, old: old, now: now, was: was, next: next, uses: connectors.MoreUses(old, now)}
	l.values = next != nil &&
		(len(l.uses) > 0 || ownValues(old, now, next) && (old.Takes != now.Takes || !maps.Equal(old.Defaults, now.Defaults)))
	if err := s.eachConnected(ctx, c, func(a vault.ConnectedAccount) error { return s.look(ctx, &l, a, len(reasons) > 0) }); err != nil {
		return nil, err
	}
	if !l.found {
		return nil, nil
	}
	return append(reasons, l.reasons...), nil
}

// ownValues tells whether accounts have, or had, something of their own that a connector has to take.
func ownValues(old, now connectors.Shape, next *Connection) bool {
	ofAccount := func(input string) bool { return strings.HasPrefix(input, "account.") }
	return next.Connector().PerAccount() || slices.ContainsFunc(slices.Concat(old.Open, old.Secrets, now.Open, now.Secrets), ofAccount)
}

// looker looks at accounts, one by one.
type looker struct {
	connection string
	old, now   connectors.Shape
	was, next  *Connection
	uses       []string
	// values tells that the values of accounts may not fit any more.
	values  bool
	found   bool
	reasons []Reason
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// look looks at one account. With known reasons it is enough that there is one.
func (s *Set) look(ctx context.Context, l *looker, a vault.ConnectedAccount, known bool) error {
	l.found = true
	if known || !l.values {
		return errEnough
	}
	g, err := s.vault.Grant(ctx, a.ID)
	switch {
	case errors.Is(err, vault.ErrNotFound), errors.Is(err, vault.ErrDamaged):
		return nil // there is nothing left to break
	case err != nil:
		return err
	}
	var was *Connection
	if l.was != nil {
		if was, err = l.was.ForGrant(g); err != nil {
			return nil // it cannot go on now
		}
	}
	l.grant(a.ID, g, was)
	if len(l.reasons) >= maxReasons {
		return errEnough
	}
	return nil
}

// grant checks what an account was connected with; was is the connection for it now, if that is known.
func (l *looker) grant(id vault.AccountID, g vault.Grant, was *Connection) {
	fail := func(path, message string) {
		l.reasons = append(l.reasons, Reason{Connection: l.connection, Account: id, Path: path, Message: message})
	}
	next, err := l.next.ForGrant(g)
	switch {
	case err != nil:
		fail("account", strings.TrimPrefix(err.Error(), "connection "+l.connection+": "))
	case was != nil:
		l.reasons = append(l.reasons, otherHosts(l.connection, id, was, next)...)
	}
	l.reasons = append(l.reasons, otherDefaults(l.connection, id, "account.", l.old, l.now, given(nil, g.Inputs))...)
	for _, name := range l.uses {
		captured, isCaptured := strings.CutPrefix(name, connectors.CapturedName(""))
		_, hasSlot := g.Slots[strings.TrimPrefix(name, connectors.SlotName(""))]
		if isCaptured && g.Captured[captured] == "" || !isCaptured && !hasSlot {
			fail(name, "would be needed, and was not kept when the account was connected")
		}
	}
}

// given are the names of values that are there.
func given(open map[string]string, secret vault.Secrets) map[string]bool {
	names := map[string]bool{}
	for name, value := range open {
		names[name] = value != ""
	}
	for name, value := range secret {
		names[name] = !value.IsZero()
	}
	return names
}

// otherDefaults are the inputs whose default was used and would be another one.
func otherDefaults(connection string, id vault.AccountID, prefix string, old, now connectors.Shape, given map[string]bool) []Reason {
	var reasons []Reason
	for _, name := range slices.Sorted(maps.Keys(old.Defaults)) {
		bare, mine := strings.CutPrefix(name, prefix)
		is, still := now.Defaults[name]
		if mine && still && is != old.Defaults[name] && !given[bare] {
			reasons = append(reasons, Reason{Connection: connection, Account: id, Path: name + ".default", Message: fmt.Sprintf(
				"was %q and would be %q, which no value is given in place of", old.Defaults[name], is)})
		}
	}
	return reasons
}

// otherHosts are the values in the hosts of next that would be others than they are now. None is shown: it may be
// a secret.
func otherHosts(connection string, id vault.AccountID, was, next *Connection) []Reason {
	var reasons []Reason
	for _, name := range next.Connector().HostNames() {
		if is, would := was.App.Values[name], next.App.Values[name]; is != "" && is != would {
			reasons = append(reasons, Reason{
				Connection: connection, Account: id, Path: name,
				Message: "would have another value, and is part of a host that credentials are sent to",
			})
		}
	}
	return reasons
}

// eachConnected calls do for every account of a connection that has been connected and was not disconnected,
// until it returns an error; errEnough is none.
func (s *Set) eachConnected(ctx context.Context, c vault.Connection, do func(vault.ConnectedAccount) error) error {
	q := vault.AccountQuery{Project: c.Project, ConnectionID: c.ID, PageQuery: vault.PageQuery{Limit: 200}}
	for {
		page, err := s.vault.Accounts(ctx, q)
		if err != nil {
			return fmt.Errorf("reading accounts: %w", err)
		}
		for _, a := range page.Items {
			if a.Status == vault.StatusDisconnected || a.Generation == 0 {
				continue
			}
			if err := do(a); errors.Is(err, errEnough) {
				return nil
			} else if err != nil {
				return fmt.Errorf("reading account %s: %w", a.ID, err)
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// breaking is the error of a change that accounts or connections cannot go on with.
func breaking(what string, reasons []Reason) error {
	return &Error{Code: CodeConnectorBreaks, Reasons: reasons, Message: fmt.Sprintf(
		"%s: %s; what is meant for new accounts alone gets another name, and accounts that are to go over are disconnected first "+
			"and connected again afterwards", what, sentence(reasons))}
}

// sentence has the reasons in one line, if they are not too many.
func sentence(reasons []Reason) string {
	var parts []string
	for _, r := range reasons {
		if len(parts) == 3 {
			parts = append(parts, fmt.Sprintf("and %d more", len(reasons)-len(parts)))
			break
		}
		parts = append(parts, r.String())
	}
	return strings.Join(parts, "; ")
}
