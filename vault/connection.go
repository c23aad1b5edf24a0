package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// DefaultProject is the project of records that name none.
const DefaultProject = "default"

// Origin says who owns a connection.
type Origin string

// The values of [Origin].
const (
	OriginConfig Origin = "config" // written in the configuration: read-only through the API
	OriginAPI    Origin = "api"    // created through the API and kept in the vault
)

// Connection is a connector plus this deployment's OAuth client, scopes and parameters.
type Connection struct {
	ID      ConnectionID
	Project string
	// Name is unique in its project: lower-case letters, digits, '-' and '_', at most 63.
	Name      string
	Connector string
	// Way is the ID of one of the connector's ways; empty is the standard one.
	Way      string
	Origin   Origin
	ClientID string
	// ClientSecret is empty for public clients, and for connections of [OriginConfig], whose
	// secret stays in the configuration.
	ClientSecret Secret
	// FurtherSecrets are other secrets of the same client, sent when the one before is refused.
	FurtherSecrets []Secret
	// Earlier are the clients before, the latest first: accounts that were connected with one of them go
	// on with it. Their secrets and FurtherSecrets stay where ClientSecret does.
	Earlier []OAuthClient
	// Registrations are of those clients that Claviger has registered itself: of the current one, of earlier ones,
	// or of ones that are no longer known and that the provider has still.
	Registrations []Registration
	// Scopes replace the connector's default ones when there are any.
	Scopes []string
	// Params are values of the connector's app inputs.
	Params map[string]string
	// SecretParams are those that are secret. Like ClientSecret they stay in the configuration for
	// connections of [OriginConfig].
	SecretParams Secrets
	// ExposeTokens lets access tokens of its accounts be fetched.
	ExposeTokens bool
	// InstallURL is the app's page for users who come from the provider's marketplace; empty means none.
	InstallURL string
	// Shape is what accounts depend on of the connector that the connection was last used with, as JSON.
	Shape     json.RawMessage
	CreatedAt time.Time
	UpdatedAt time.Time
	// Version is the stored version; 0 for a connection that is not stored yet.
	Version uint64
}

// connectionMeta is the clear part of a connection.
type connectionMeta struct {
	ID             ConnectionID      `json:"-"`
	Project        string            `json:"project"`
	Name           string            `json:"name"`
	Connector      string            `json:"connector"`
	Way            string            `json:"way,omitempty"`
	Origin         Origin            `json:"origin"`
	ClientID       string            `json:"client_id,omitempty"`
	ClientSecret   Secret            `json:"-"`
	FurtherSecrets []Secret          `json:"-"`
	Earlier        []OAuthClient     `json:"-"`
	Registrations  []Registration    `json:"-"`
	Scopes         []string          `json:"scopes,omitempty"`
	Params         map[string]string `json:"params,omitempty"`
	SecretParams   Secrets           `json:"-"`
	ExposeTokens   bool              `json:"expose_tokens,omitempty"`
	InstallURL     string            `json:"install_url,omitempty"`
	Shape          json.RawMessage   `json:"shape,omitempty"`
	CreatedAt      time.Time         `json:"created_at"`
	UpdatedAt      time.Time         `json:"updated_at"`
	Version        uint64            `json:"-"`
}

func (m *connectionMeta) project() string { return m.Project }

// connectionSecrets is the sealed part of a connection.
type connectionSecrets struct {
	ClientSecret   string            `json:"client_secret,omitempty"`
	Params         map[string]string `json:"params,omitempty"`
	FurtherSecrets []string          `json:"further_secrets,omitempty"`
	Earlier        []clientSecrets   `json:"earlier,omitempty"`
	Registrations  []registration    `json:"registrations,omitempty"`
}

// indexConnectionName has project/name, unique.
const indexConnectionName = "connection.name"

// Client is the connection's own OAuth client; it has no ID when the connection brings none.
func (c Connection) Client() OAuthClient {
	client := OAuthClient{ID: c.ClientID}
	if !c.ClientSecret.IsZero() {
		client.Secrets = append([]Secret{c.ClientSecret}, c.FurtherSecrets...)
	}
	return client
}

// SetClient gives the connection another client. What it had is not kept.
func (c *Connection) SetClient(client OAuthClient) {
	c.ClientID, c.ClientSecret, c.FurtherSecrets = client.ID, client.Secret(), nil
	if len(client.Secrets) > 1 {
		c.FurtherSecrets = client.Secrets[1:]
	}
}

func connectionKey(id ConnectionID) Key { return Key{Kind: KindConnection, ID: string(id)} }

// PutConnection stores c: a new one when c.Version is 0, else a change of the version that the
// caller has read. It fills in ID, Project, times and Version. A name that is taken is [ErrExists],
// one that is not allowed [ErrInvalid].
func (v *Vault) PutConnection(ctx context.Context, c *Connection) error {
	n := *c
	n.Project = projectOr(n.Project)
	if n.ID == "" && n.Version == 0 {
		n.ID = NewConnectionID()
	}
	switch {
	case !ValidName(n.Name):
		return fmt.Errorf("connection name %.80q: %w", n.Name, ErrInvalid)
	case !ValidName(n.Project):
		return fmt.Errorf("project name %.80q: %w", n.Project, ErrInvalid)
	case !IsConnectionID(string(n.ID)):
		return fmt.Errorf("connection ID %.80q: %w", n.ID, ErrInvalid)
	}
	if err := checkClients(n.Client(), n.Earlier); err != nil {
		return fmt.Errorf("connection %s: %w", n.Name, err)
	}
	if len(n.Registrations) > MaxRegistrations {
		return fmt.Errorf("connection %s: %d registrations: %w", n.Name, len(n.Registrations), ErrInvalid)
	}
	n.UpdatedAt = v.now()
	if n.Version == 0 {
		n.CreatedAt = n.UpdatedAt
	}
	n.CreatedAt = utc(n.CreatedAt)
	err := v.write(ctx, func(r *ring) ([]Change, error) { return one(r.connection(ctx, n, n.Version+1)) })
	if err != nil {
		return fmt.Errorf("connection %s: %w", n.Name, err)
	}
	n.Version++
	*c = n
	return nil
}

// connection is the write of c, whose version will be next.
func (r *ring) connection(ctx context.Context, c Connection, next uint64) (Change, error) {
	secrets := connectionSecrets{c.ClientSecret.Reveal(), c.SecretParams.Reveal(), reveal(c.FurtherSecrets), sealClients(c.Earlier), sealRegistrations(c.Registrations)}
	ch, err := r.change(ctx, connectionKey(c.ID), c.Version, next, c.Project, connectionMeta(c), secrets)
	if err != nil {
		return Change{}, err
	}
	ch.Indexes = []IndexEntry{{Index: indexConnectionName, Value: c.Project + "/" + c.Name, Unique: true}}
	return ch, nil
}

// Connection returns one connection.
func (v *Vault) Connection(ctx context.Context, id ConnectionID) (Connection, error) {
	k := connectionKey(id)
	r, err := v.store.Get(ctx, k)
	if err != nil {
		return Connection{}, missing(k, err)
	}
	return v.openConnection(ctx, r)
}

// FindConnection returns the connection with that name in the project.
func (v *Vault) FindConnection(ctx context.Context, project, name string) (Connection, error) {
	project = projectOr(project)
	if !ValidName(name) || !ValidName(project) {
		return Connection{}, fmt.Errorf("connection %.80q: %w", name, ErrNotFound)
	}
	r, err := v.store.Find(ctx, IndexEntry{Index: indexConnectionName, Value: project + "/" + name, Unique: true})
	if err != nil {
		return Connection{}, fmt.Errorf("connection %s: %w", name, err)
	}
	c, err := v.openConnection(ctx, r)
	if err != nil {
		return Connection{}, err
	}
	if c.Project != project || c.Name != name {
		return Connection{}, damaged(r.Key) // the index is not sealed, the record is
	}
	return c, nil
}

// Connections lists a project's connections in the order of their names.
func (v *Vault) Connections(ctx context.Context, project string, page PageQuery) (Page[Connection], error) {
	w := walk{index: indexConnectionName, prefix: projectOr(project) + "/"}
	return list(ctx, w, w.scan(v.store), page, v.openConnection, func(c Connection) bool {
		return c.Project == projectOr(project)
	})
}

// DeleteConnection removes a connection. One that still has accounts is [ErrHasAccounts].
func (v *Vault) DeleteConnection(ctx context.Context, id ConnectionID) error {
	k := connectionKey(id)
	for range maxAttempts {
		r, err := v.store.Get(ctx, k)
		if err != nil {
			return missing(k, err)
		}
		accounts, err := v.store.Scan(ctx, indexAccountConnection, string(id)+"/", Cursor{}, 1)
		if err != nil {
			return missing(k, err)
		}
		if len(accounts) > 0 {
			return missing(k, ErrHasAccounts)
		}
		err = v.store.Apply(ctx, Change{Record: Record{Key: k, Version: r.Version}, Delete: true})
		if err == nil || !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return missing(k, ErrConflict)
}

func (v *Vault) openConnection(ctx context.Context, r Record) (Connection, error) {
	var m connectionMeta
	var s connectionSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return Connection{}, err
	}
	c := Connection(m)
	c.ID, c.Version = ConnectionID(r.ID), r.Version
	c.ClientSecret, c.SecretParams = NewSecret(s.ClientSecret), NewSecrets(s.Params)
	c.FurtherSecrets, c.Earlier = conceal(s.FurtherSecrets), openClients(s.Earlier)
	c.Registrations = openRegistrations(s.Registrations)
	return c, nil
}

func projectOr(project string) string {
	if project == "" {
		return DefaultProject
	}
	return project
}
