package vault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// App is an OAuth client of the installation for one connector, or for one of its ways: connections that
// bring none use it.
type App struct {
	ID      AppID
	Project string
	// Connector and Way name what the client is for. There is one app for each in a project.
	Connector string
	// Way is the ID of one of the connector's ways; empty for connectors that have none.
	Way string
	// Origin is [OriginConfig] for one of the configuration, which is not stored.
	Origin Origin
	Client OAuthClient
	// Earlier are the clients before, the latest first: accounts that were connected with one of them go
	// on with it.
	Earlier []OAuthClient
	// Params are values of the connector's app inputs, and SecretParams those that are secret.
	Params       map[string]string
	SecretParams Secrets
	CreatedAt    time.Time
	UpdatedAt    time.Time
	// Version is the stored version; 0 for an app that is not stored.
	Version uint64
}

// appMeta is the clear part of an app.
type appMeta struct {
	Project   string            `json:"project"`
	Connector string            `json:"connector"`
	Way       string            `json:"way,omitempty"`
	ClientID  string            `json:"client_id"`
	Params    map[string]string `json:"params,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
}

func (m *appMeta) project() string { return m.Project }

// appSecrets is the sealed part of an app.
type appSecrets struct {
	Secrets []string          `json:"secrets,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
	Earlier []clientSecrets   `json:"earlier,omitempty"`
}

// indexAppConnector has project/connector/way, unique.
const indexAppConnector = "app.connector"

func appKey(id AppID) Key { return Key{Kind: KindApp, ID: string(id)} }

func (a App) index() IndexEntry {
	return IndexEntry{Index: indexAppConnector, Value: a.Project + "/" + a.Connector + "/" + a.Way, Unique: true}
}

// PutApp stores a: a new one when a.Version is 0, else a change of the version that the caller has read, or
// [ErrConflict]. It fills in ID, Project, Origin, times and Version. A second app for the same connector and
// way is [ErrExists], a field that is not allowed [ErrInvalid].
func (v *Vault) PutApp(ctx context.Context, a *App) error {
	n := *a
	n.Project, n.Origin = projectOr(n.Project), OriginAPI
	if n.ID == "" && n.Version == 0 {
		n.ID = NewAppID()
	}
	switch {
	case !ValidName(n.Project):
		return fmt.Errorf("project name %.80q: %w", n.Project, ErrInvalid)
	case !ValidName(n.Connector), n.Way != "" && !ValidName(n.Way):
		return fmt.Errorf("app for %.80q %.80q: %w", n.Connector, n.Way, ErrInvalid)
	case !IsAppID(string(n.ID)):
		return fmt.Errorf("app ID %.80q: %w", n.ID, ErrInvalid)
	}
	if err := checkClients(n.Client, n.Earlier); err != nil {
		return fmt.Errorf("app for %s: %w", n.Connector, err)
	}
	n.UpdatedAt = v.now()
	if n.Version == 0 {
		n.CreatedAt = n.UpdatedAt
	}
	n.CreatedAt = utc(n.CreatedAt)
	err := v.write(ctx, func(r *ring) ([]Change, error) { return one(r.app(ctx, n, n.Version+1)) })
	if err != nil {
		return fmt.Errorf("app for %s: %w", n.Connector, err)
	}
	n.Version++
	*a = n
	return nil
}

// app is the write of a, whose version will be next.
func (r *ring) app(ctx context.Context, a App, next uint64) (Change, error) {
	meta := appMeta{
		Project: a.Project, Connector: a.Connector, Way: a.Way, ClientID: a.Client.ID, Params: a.Params,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
	secrets := appSecrets{reveal(a.Client.Secrets), a.SecretParams.Reveal(), sealClients(a.Earlier)}
	ch, err := r.change(ctx, appKey(a.ID), a.Version, next, a.Project, meta, secrets)
	if err != nil {
		return Change{}, err
	}
	ch.Indexes = []IndexEntry{a.index()}
	return ch, nil
}

// FindApp returns the app for that connector and way in the project.
func (v *Vault) FindApp(ctx context.Context, project, connector, way string) (App, error) {
	want := App{Project: projectOr(project), Connector: connector, Way: way}
	if !ValidName(want.Project) || !ValidName(connector) || way != "" && !ValidName(way) {
		return App{}, fmt.Errorf("app for %.80q: %w", connector, ErrNotFound)
	}
	r, err := v.store.Find(ctx, want.index())
	if err != nil {
		return App{}, fmt.Errorf("app for %s: %w", connector, err)
	}
	a, err := v.openApp(ctx, r)
	if err != nil {
		return App{}, err
	}
	if a.index() != want.index() {
		return App{}, damaged(r.Key) // the index is not sealed, the record is
	}
	return a, nil
}

// Apps lists a project's apps in the order of their connectors and ways.
func (v *Vault) Apps(ctx context.Context, project string, page PageQuery) (Page[App], error) {
	w := walk{index: indexAppConnector, prefix: projectOr(project) + "/"}
	return list(ctx, w, w.scan(v.store), page, v.openApp, func(a App) bool { return a.Project == projectOr(project) })
}

// DeleteApp removes the version of an app that the caller has read, else it is [ErrConflict].
func (v *Vault) DeleteApp(ctx context.Context, id AppID, version uint64) error {
	k := appKey(id)
	if err := v.store.Apply(ctx, Change{Record: Record{Key: k, Version: version}, Delete: true}); err != nil {
		return missing(k, err)
	}
	return nil
}

func (v *Vault) openApp(ctx context.Context, r Record) (App, error) {
	var m appMeta
	var s appSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return App{}, err
	}
	return App{
		ID: AppID(r.ID), Project: m.Project, Connector: m.Connector, Way: m.Way, Origin: OriginAPI,
		Client: OAuthClient{m.ClientID, conceal(s.Secrets)}, Earlier: openClients(s.Earlier),
		Params: m.Params, SecretParams: NewSecrets(s.Params),
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, Version: r.Version,
	}, nil
}

// ClientUse counts the accounts of a connection by the OAuth client that their grant belongs to. Those
// without a grant, and those that cannot be opened, are not counted.
func (v *Vault) ClientUse(ctx context.Context, project string, id ConnectionID) (map[string]int, error) {
	uses := map[string]int{}
	q := AccountQuery{Project: project, ConnectionID: id, PageQuery: PageQuery{Limit: 200}}
	for {
		page, err := v.Accounts(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, a := range page.Items {
			if a.Status == StatusDisconnected {
				continue
			}
			g, err := v.Grant(ctx, a.ID)
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
				continue
			}
			if err != nil {
				return nil, err
			}
			uses[g.ClientID]++
		}
		if page.Next == "" {
			return uses, nil
		}
		q.After = page.Next
	}
}
