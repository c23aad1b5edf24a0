package client

import (
	"context"
	"net/url"
)

// ConnectorSummary is one entry of the list of connectors.
type ConnectorSummary struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Categories  []string `json:"categories,omitempty"`
	// Docs is the provider's own page.
	Docs string `json:"docs,omitempty"`
	// Notes are hints for the operator.
	Notes []string `json:"notes,omitempty"`
}

// Connector is what the server knows about a provider. URLs may hold {app.NAME}, which stands for
// the value of an input.
type Connector struct {
	ConnectorSummary
	// Inputs are the values that a connection gives in its params.
	Inputs       []Input `json:"inputs,omitempty"`
	AuthorizeURL string  `json:"authorize_url"`
	Issuer       string  `json:"issuer,omitempty"`
	TokenURL     string  `json:"token_url"`
	RefreshURL   string  `json:"refresh_url,omitempty"`
	RevokeURL    string  `json:"revoke_url,omitempty"`
	ClientAuth   string  `json:"client_auth"`
	PKCE         string  `json:"pkce"`
	Scopes       Scopes  `json:"scopes"`
	Refresh      Refresh `json:"refresh"`
	BaseURL      string  `json:"base_url"`
	// Bases are further bases of the API, by the name that Connected-Base takes.
	Bases  map[string]string `json:"bases,omitempty"`
	Hosts  []string          `json:"hosts,omitempty"`
	Inject []Injection       `json:"inject"`
	// Verifies tells that a credential can be tried, Identifies that the account's name is known
	// after consent.
	Verifies   bool `json:"verifies"`
	Identifies bool `json:"identifies"`
	// RedirectURI is what to register at the provider, with {connection} for the connection's
	// name; absent when the server has no callback.
	RedirectURI string `json:"redirect_uri,omitempty"`
}

// Input is one value that the operator gives with a connection. One without default is required.
type Input struct {
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Example     string `json:"example,omitempty"`
	Default     string `json:"default,omitempty"`
	Pattern     string `json:"pattern"`
	Required    bool   `json:"required"`
}

// Scopes are what is asked for when a connection names no scopes, and what is always added.
type Scopes struct {
	Default []string `json:"default,omitempty"`
	Always  []string `json:"always,omitempty"`
	// None tells that the provider takes no scopes.
	None bool `json:"none,omitempty"`
}

// Refresh is how the provider's tokens are renewed.
type Refresh struct {
	// Supported is false when the provider gives no refresh token.
	Supported bool `json:"supported"`
	// Rotates is always, sometimes or never.
	Rotates string `json:"rotates,omitempty"`
}

// Injection is how the token sits on a request; {token} stands for it in Template.
type Injection struct {
	In       string `json:"in"`
	Name     string `json:"name"`
	Template string `json:"template"`
}

// Connectors lists all connectors by name.
func (c *Client) Connectors(ctx context.Context) ([]ConnectorSummary, error) {
	p, err := get[Page[ConnectorSummary]](ctx, c, "/connectors", nil)
	return p.Items, err
}

// Connector returns one connector.
func (c *Client) Connector(ctx context.Context, name string) (Connector, error) {
	return get[Connector](ctx, c, "/connectors/"+url.PathEscape(name), nil)
}
