package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// App is an OAuth client of the installation for one connector: its connections that bring none use it.
type App struct {
	// ID is empty for one that is written in the configuration.
	ID        string `json:"id,omitempty"`
	Connector string `json:"connector"`
	// Auth is the way of the connector that it is for; empty for connectors that have one way only.
	Auth     string `json:"auth,omitempty"`
	Origin   string `json:"origin"`
	ClientID string `json:"client_id"`
	// ClientSecrets is how many secrets there are; the secrets themselves are never shown.
	ClientSecrets int `json:"client_secrets"`
	// ClientSecretInUse is which of several is sent, from 1: above 1 when the provider has refused those before.
	ClientSecretInUse int `json:"client_secret_in_use,omitempty"`
	// EarlierClients are the clients before, the latest first. Accounts that were connected with one of them
	// go on with it.
	EarlierClients []OAuthClient     `json:"earlier_clients,omitempty"`
	Params         map[string]string `json:"params,omitempty"`
	// SecretParams are the names of further params; their values are never shown.
	SecretParams []string `json:"secret_params,omitempty"`
	// Connections are the names of the connections that use it.
	Connections []string  `json:"connections,omitempty"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
	// Broken says why the app cannot be used; empty when it can.
	Broken string `json:"broken,omitempty"`
}

// OAuthClient is an OAuth client without its secrets.
type OAuthClient struct {
	ClientID string `json:"client_id"`
	// ClientSecrets is how many secrets there are.
	ClientSecrets int `json:"client_secrets"`
}

// NewOAuthClient is an OAuth client with its secrets, of which the first is sent first, and the others when
// it is refused. Each may be given as where the server finds it: {env.NAME} or {file.PATH}.
type NewOAuthClient struct {
	// ClientID is the client's at the provider, ClientSecrets are its secrets, at most five.
	ClientID      string   `json:"client_id"`
	ClientSecrets []string `json:"client_secrets,omitempty"`
}

// NewApp is an app to make.
type NewApp struct {
	// Connector is the connector's name.
	Connector string `json:"connector"`
	// Auth is one of the connector's ways; empty means the standard one.
	Auth string `json:"auth,omitempty"`
	// ClientID and ClientSecrets are as those of [NewOAuthClient].
	ClientID      string   `json:"client_id"`
	ClientSecrets []string `json:"client_secrets,omitempty"`
	// EarlierClients are as those of a connection.
	EarlierClients []NewOAuthClient `json:"earlier_clients,omitempty"`
	// Params are values of the connector's inputs for all connections that use the app; a connection's own win.
	Params map[string]string `json:"params,omitempty"`
}

// AppChange is what to change of an app; what is absent stays.
type AppChange struct {
	// ClientID is that of another client, and ClientSecrets its secrets: the client before is kept as an
	// earlier one. Without another client, ClientSecrets take the place of all secrets.
	ClientID      *string  `json:"client_id,omitempty"`
	ClientSecrets []string `json:"client_secrets,omitempty"`
	// AddClientSecrets are put behind the secrets there are, and RemoveClientSecrets taken away by their
	// position, from 1.
	AddClientSecrets    []string `json:"add_client_secrets,omitempty"`
	RemoveClientSecrets []int    `json:"remove_client_secrets,omitempty"`
	// AddEarlierClient puts a client back that accounts were connected with.
	AddEarlierClient *NewOAuthClient `json:"add_earlier_client,omitempty"`
	// Params are set one by one; an empty value takes one away.
	Params map[string]string `json:"params,omitempty"`
}

// Apps lists one page of apps in the order of their connectors and ways.
func (c *Client) Apps(ctx context.Context, q PageQuery) (Page[App], error) {
	return get[Page[App]](ctx, c, "/apps", q.values())
}

// AllApps yields all apps, page after page.
func (c *Client) AllApps(ctx context.Context) iter.Seq2[App, error] {
	return all(ctx, PageQuery{Limit: maxPage}, c.Apps)
}

// App returns the app for a connector, and a way of it; empty is the standard one.
func (c *Client) App(ctx context.Context, connector, auth string) (App, error) {
	return get[App](ctx, c, "/apps/"+url.PathEscape(connector), appQuery(auth, false))
}

// CreateApp checks and stores an app; connections use it at once.
func (c *Client) CreateApp(ctx context.Context, n NewApp) (App, error) {
	return call[App](ctx, c, http.MethodPost, "/apps", n)
}

// ChangeApp changes an app that was made through the API; its connections use it as it is then at once.
func (c *Client) ChangeApp(ctx context.Context, connector, auth string, change AppChange) (App, error) {
	return call[App](ctx, c, http.MethodPatch, "/apps/"+url.PathEscape(connector)+withQuery(appQuery(auth, false)), change)
}

// DeleteApp removes an app that was made through the API. One that connections or accounts need is refused,
// unless it is forced.
func (c *Client) DeleteApp(ctx context.Context, connector, auth string, force bool) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/apps/"+url.PathEscape(connector)+withQuery(appQuery(auth, force)), nil)
	return err
}

// ForgetAppClient removes an earlier client of an app. One that accounts need is refused, unless it is forced.
func (c *Client) ForgetAppClient(ctx context.Context, connector, auth, clientID string, force bool) (App, error) {
	path := "/apps/" + url.PathEscape(connector) + "/earlier/" + url.PathEscape(clientID)
	return call[App](ctx, c, http.MethodDelete, path+withQuery(appQuery(auth, force)), nil)
}

func appQuery(auth string, force bool) url.Values {
	q := url.Values{}
	if auth != "" {
		q.Set("auth", auth)
	}
	if force {
		q.Set("force", "true")
	}
	return q
}

// withQuery is a query as it stands behind a path.
func withQuery(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
