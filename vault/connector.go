package vault

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"
)

// MaxConnectorSource is how long the file of a [Connector] may be.
const MaxConnectorSource = 128 << 10

// Connector is the file of a connector that was added to this installation. The vault does not read it.
type Connector struct {
	ID      ConnectorID
	Project string
	// Name is unique in its project: lower-case letters, digits, '-' and '_', at most 63. It never changes.
	Name string
	// Source is the file's text.
	Source string
	// ReplacesBuiltin tells that it was meant to stand in place of a built-in connector.
	ReplacesBuiltin bool
	CreatedAt       time.Time
	UpdatedAt       time.Time
	// Version is the stored version; 0 for a connector that is not stored yet.
	Version uint64
}

// connectorMeta is the clear part of a connector.
type connectorMeta struct {
	ID              ConnectorID `json:"-"`
	Project         string      `json:"project"`
	Name            string      `json:"name"`
	Source          string      `json:"-"`
	ReplacesBuiltin bool        `json:"replaces_builtin,omitempty"`
	CreatedAt       time.Time   `json:"created_at"`
	UpdatedAt       time.Time   `json:"updated_at"`
	Version         uint64      `json:"-"`
}

func (m *connectorMeta) project() string { return m.Project }

// connectorSecrets is the sealed part of a connector. The file is bytes there, so that its record has a
// bounded size whatever characters it has.
type connectorSecrets struct {
	Source []byte `json:"source"`
}

// indexConnectorName has project/name, unique.
const indexConnectorName = "connector.name"

func connectorKey(id ConnectorID) Key { return Key{Kind: KindConnector, ID: string(id)} }

// PutConnector stores c: a new one when c.Version is 0, else a change of the version that the caller has
// read, or [ErrConflict]. It fills in ID, Project, times and Version. A name that is taken is [ErrExists],
// one that is not allowed [ErrInvalid], a file that is too long [ErrTooLarge].
func (v *Vault) PutConnector(ctx context.Context, c *Connector) error {
	n := *c
	n.Project = projectOr(n.Project)
	if n.ID == "" && n.Version == 0 {
		n.ID = NewConnectorID()
	}
	switch {
	case !ValidName(n.Name):
		return fmt.Errorf("connector name %.80q: %w", n.Name, ErrInvalid)
	case !ValidName(n.Project):
		return fmt.Errorf("project name %.80q: %w", n.Project, ErrInvalid)
	case !IsConnectorID(string(n.ID)):
		return fmt.Errorf("connector ID %.80q: %w", n.ID, ErrInvalid)
	case n.Source == "" || !utf8.ValidString(n.Source):
		return fmt.Errorf("file of connector %s: %w", n.Name, ErrInvalid)
	case len(n.Source) > MaxConnectorSource:
		return fmt.Errorf("file of connector %s: %w: %d bytes, at most %d", n.Name, ErrTooLarge, len(n.Source), MaxConnectorSource)
	}
	n.UpdatedAt = v.now()
	if n.Version == 0 {
		n.CreatedAt = n.UpdatedAt
	}
	n.CreatedAt = utc(n.CreatedAt)
	err := v.write(ctx, func(r *ring) ([]Change, error) { return one(r.connector(ctx, n, n.Version+1)) })
	if err != nil {
		return fmt.Errorf("connector %s: %w", n.Name, err)
	}
	n.Version++
	*c = n
	return nil
}

// connector is the write of c, whose version will be next.
func (r *ring) connector(ctx context.Context, c Connector, next uint64) (Change, error) {
	ch, err := r.change(ctx, connectorKey(c.ID), c.Version, next, c.Project, connectorMeta(c), connectorSecrets{[]byte(c.Source)})
	if err != nil {
		return Change{}, err
	}
	ch.Indexes = []IndexEntry{{Index: indexConnectorName, Value: c.Project + "/" + c.Name, Unique: true}}
	return ch, nil
}

// FindConnector returns the connector with that name in the project.
func (v *Vault) FindConnector(ctx context.Context, project, name string) (Connector, error) {
	project = projectOr(project)
	if !ValidName(name) || !ValidName(project) {
		return Connector{}, fmt.Errorf("connector %.80q: %w", name, ErrNotFound)
	}
	r, err := v.store.Find(ctx, IndexEntry{Index: indexConnectorName, Value: project + "/" + name, Unique: true})
	if err != nil {
		return Connector{}, fmt.Errorf("connector %s: %w", name, err)
	}
	c, err := v.openConnector(ctx, r)
	if err != nil {
		return Connector{}, err
	}
	if c.Project != project || c.Name != name {
		return Connector{}, damaged(r.Key) // the index is not sealed, the record is
	}
	return c, nil
}

// Connectors lists a project's connectors in the order of their names.
func (v *Vault) Connectors(ctx context.Context, project string, page PageQuery) (Page[Connector], error) {
	w := walk{index: indexConnectorName, prefix: projectOr(project) + "/"}
	return list(ctx, w, w.scan(v.store), page, v.openConnector, func(c Connector) bool {
		return c.Project == projectOr(project)
	})
}

// DeleteConnector removes a connector that nobody has changed since that version was read, else
// [ErrConflict].
func (v *Vault) DeleteConnector(ctx context.Context, id ConnectorID, version uint64) error {
	k := connectorKey(id)
	if _, err := v.store.Get(ctx, k); err != nil {
		return missing(k, err)
	}
	err := v.store.Apply(ctx, Change{Record: Record{Key: k, Version: version}, Delete: true})
	if err != nil {
		return missing(k, err)
	}
	return nil
}

func (v *Vault) openConnector(ctx context.Context, r Record) (Connector, error) {
	var m connectorMeta
	var s connectorSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return Connector{}, err
	}
	c := Connector(m)
	c.ID, c.Version, c.Source = ConnectorID(r.ID), r.Version, string(s.Source)
	return c, nil
}
