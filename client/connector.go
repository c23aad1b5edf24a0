package client

import (
	"context"
	"iter"
	"net/url"
)

// The values of the mode of a connector: how an account comes to its credential.
const (
	ModeCode              = "oauth2_code"        // the user consents at the provider
	ModeClientCredentials = "client_credentials" // an OAuth client asks for itself
	ModePassword          = "password"           // name and password are exchanged for a token
	ModeDevice            = "device"             // the user consents on another machine
	ModeJWTBearer         = "jwt_bearer"         // a signed assertion is exchanged for a token
	ModeSAMLBearer        = "saml_bearer"        // a signed SAML assertion is exchanged for a token
	ModeTokenExchange     = "token_exchange"     // another token is exchanged
	ModeJWT               = "jwt"                // a signed assertion is the token
	ModeOAuth1            = "oauth1"             // the user consents at the provider
	ModeLogin             = "login"              // a login of one or more requests
	ModeStatic            = "static"             // what the user gives is the credential
	ModeNone              = "none"               // the provider takes none
)

// ConnectorSummary is one entry of the list of connectors.
type ConnectorSummary struct {
	Name string `json:"name"`
	// Origin is where the connector comes from: [OriginBuiltin], [OriginFolder] or [OriginStored].
	Origin      string   `json:"origin,omitempty"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Categories  []string `json:"categories,omitempty"`
	// Mode is one of the constants above. In the list it is that of the standard way.
	Mode string `json:"mode"`
	// Ways are the alternatives, the standard one first; empty when there is one only.
	Ways   []Way  `json:"ways,omitempty"`
	Tested Tested `json:"tested"`
	// Docs is the provider's own page.
	Docs string `json:"docs,omitempty"`
	// Notes are hints for the operator.
	Notes []string `json:"notes,omitempty"`
}

// Way is one of several ways to connect an account.
type Way struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Mode  string `json:"mode"`
}

// Tested says how the facts about a provider were checked: documentation, account, emulator or
// unverified; and on which day, such as 2026-05-04, unless they were not.
type Tested struct {
	How  string `json:"how"`
	Date string `json:"date,omitempty"`
}

// Connector is what the server knows about a provider, in one way to connect an account. URLs, scopes and
// templates may hold {app.NAME} and {account.NAME}, which stand for the value of an input, and
// {captured.NAME}, which the provider tells.
type Connector struct {
	ConnectorSummary
	// Version is that of a stored connector's file; see [ConnectorFile].
	Version uint64 `json:"version,omitempty"`
	// Auth is the way that this is about; empty when there is one only.
	Auth string `json:"auth,omitempty"`
	// Setup are the steps in the provider's console that lead to the OAuth client or the key.
	Setup []string `json:"setup,omitempty"`
	// Inputs are the values that a connection gives in its params, AccountInputs those that each account
	// has of its own.
	Inputs        []Input `json:"inputs,omitempty"`
	AccountInputs []Input `json:"account_inputs,omitempty"`
	// NeedsClientID and NeedsClientSecret tell what a connection must have of an OAuth client.
	NeedsClientID     bool `json:"needs_client_id"`
	NeedsClientSecret bool `json:"needs_client_secret"`
	// NeedsUser tells that an account can only be connected by its user: by an authorization link, see
	// [Client.CreateLink]. Else it is by [Client.CreateAccount].
	NeedsUser bool `json:"needs_user"`
	// Device tells that a user can consent on another machine (RFC 8628).
	Device bool `json:"device,omitempty"`

	// The URLs that the connector has not are empty.
	AuthorizeURL    string `json:"authorize_url,omitempty"`
	Issuer          string `json:"issuer,omitempty"`
	RequestTokenURL string `json:"request_token_url,omitempty"`
	DeviceURL       string `json:"device_url,omitempty"`
	TokenURL        string `json:"token_url,omitempty"`
	RefreshURL      string `json:"refresh_url,omitempty"`
	IntrospectURL   string `json:"introspect_url,omitempty"`
	RevokeURL       string `json:"revoke_url,omitempty"`
	// RegisterURL is where the server has a client registered for a connection that brings none, or the metadata that
	// says where.
	RegisterURL string `json:"register_url,omitempty"`
	// StepURLs are those of the requests that lead to the credential, in their order.
	StepURLs []string `json:"step_urls,omitempty"`
	// ClientAuth is how the OAuth client authenticates at TokenURL.
	ClientAuth string `json:"client_auth,omitempty"`
	// PKCE is required or off, where there is consent.
	PKCE    string  `json:"pkce,omitempty"`
	Scopes  Scopes  `json:"scopes"`
	Refresh Refresh `json:"refresh"`
	// Limits are what the provider allows one OAuth client, as far as it is known; nil if nothing is.
	Limits  *Limits `json:"limits,omitempty"`
	BaseURL string  `json:"base_url"`
	// Bases are further bases of the API, by the name that Connected-Base takes.
	Bases map[string]string `json:"bases,omitempty"`
	Hosts []string          `json:"hosts,omitempty"`
	// Slots are the names of further tokens, which Connected-Slot takes.
	Slots []string `json:"slots,omitempty"`
	// Inject is where the credential sits on a request.
	Inject []Injection `json:"inject"`
	// Signer is how each request is signed: oauth1, sigv4, hmac, ed25519 or wsse; empty when none is.
	Signer string `json:"signer,omitempty"`
	// ClientCertificate tells that a certificate is presented to the provider.
	ClientCertificate bool `json:"client_certificate,omitempty"`
	// Verifies tells that a credential can be tried, Identifies that it is known who the account is.
	Verifies   bool `json:"verifies"`
	Identifies bool `json:"identifies"`
	// RedirectURI is what to register at the provider, with {connection} for the connection's
	// name; absent when the server has no callback, or users are not sent to the provider.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// PublicRedirect tells that the provider takes redirect URIs with https and a public name only.
	PublicRedirect bool `json:"public_redirect,omitempty"`
}

// Input is one value that the operator gives with a connection, or that an account has.
type Input struct {
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Example     string `json:"example,omitempty"`
	// Help is the provider's page that tells where the value is found.
	Help string `json:"help,omitempty"`
	// Default is used when no value is given. Without one it is required, unless it is optional.
	Default  string `json:"default,omitempty"`
	Required bool   `json:"required"`
	// Secret tells that the value is shown to nobody, Multiline that it may have line breaks.
	Secret    bool `json:"secret,omitempty"`
	Multiline bool `json:"multiline,omitempty"`
	// Pattern is an RE2 expression that the whole value must match, Enum the values that are allowed.
	Pattern string   `json:"pattern,omitempty"`
	Enum    []string `json:"enum,omitempty"`
	// Prefix and Suffix stand around the value where people see it. They, and what Normalize names, are
	// taken off a value that is pasted with more than it should have: trim, lower, host.
	Prefix    string   `json:"prefix,omitempty"`
	Suffix    string   `json:"suffix,omitempty"`
	Normalize []string `json:"normalize,omitempty"`
	// VisibleWhen tells when the value is asked for. Else none may be given, required or not. Nil means always.
	VisibleWhen *VisibleWhen `json:"visible_when,omitempty"`
}

// VisibleWhen is the condition of an input: that another one, which stands before it, has one of these values,
// given or by default.
type VisibleWhen struct {
	Input string   `json:"input"`
	In    []string `json:"in"`
}

// Scopes are what is asked for when a connection names no scopes, and what is always added.
type Scopes struct {
	Default []string `json:"default,omitempty"`
	Always  []string `json:"always,omitempty"`
	// None tells that the provider takes no scopes.
	None bool `json:"none,omitempty"`
	// Incremental is merge where a user who connects again is asked for the scopes that the account has, too, and
	// include_granted where the provider adds them itself; empty when neither is done.
	Incremental string `json:"incremental,omitempty"`
	// Known describes scopes for people.
	Known map[string]string `json:"known,omitempty"`
}

// Limits are what a provider allows. Zero means that no limit is known.
type Limits struct {
	// RefreshTokens is how many refresh tokens one user of the provider may have for one OAuth client: a further one
	// ends the oldest. Accounts is how many accounts an OAuth client may have that the provider has not reviewed.
	RefreshTokens int `json:"refresh_tokens,omitempty"`
	Accounts      int `json:"accounts,omitempty"`
}

// Refresh is how the provider's tokens are renewed.
type Refresh struct {
	// Supported is false when a token is not renewed without the user.
	Supported bool `json:"supported"`
	// Rotates is always, sometimes or never, where there is a refresh token.
	Rotates string `json:"rotates,omitempty"`
}

// Injection is one place of a request where a credential sits: a header, query, path, cookie or body, or
// basic. In the templates {token} stands for the token, and {account.NAME} for a value that the user gave.
type Injection struct {
	In string `json:"in"`
	// Name is empty for path and basic.
	Name string `json:"name,omitempty"`
	// Template is the value, User and Password those of basic.
	Template string `json:"template,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	// Slot says that it is for requests with that token only.
	Slot string `json:"slot,omitempty"`
}

// ConnectorQuery filters the list of connectors; empty fields do not filter.
type ConnectorQuery struct {
	// Search are words that must all be in the name, title, description or categories, in upper or lower
	// case.
	Search   string
	Category string
	// Mode is that of one of the connector's ways.
	Mode string
	PageQuery
}

func (q ConnectorQuery) values() url.Values {
	v := q.PageQuery.values()
	set(v, "q", q.Search)
	set(v, "category", q.Category)
	set(v, "mode", q.Mode)
	return v
}

// Connectors lists one page of the connectors that the query selects, by name.
func (c *Client) Connectors(ctx context.Context, q ConnectorQuery) (Page[ConnectorSummary], error) {
	return get[Page[ConnectorSummary]](ctx, c, "/connectors", q.values())
}

// AllConnectors yields all connectors that the query selects, page after page. Limit is the size of a
// page: 200 when zero.
func (c *Client) AllConnectors(ctx context.Context, q ConnectorQuery) iter.Seq2[ConnectorSummary, error] {
	if q.Limit == 0 {
		q.Limit = maxPage
	}
	return all(ctx, q.PageQuery, func(ctx context.Context, p PageQuery) (Page[ConnectorSummary], error) {
		q := q
		q.PageQuery = p
		return c.Connectors(ctx, q)
	})
}

// Connector returns one connector, in the way of that ID; the empty one is the standard way.
func (c *Client) Connector(ctx context.Context, name, auth string) (Connector, error) {
	v := url.Values{}
	set(v, "auth", auth)
	return get[Connector](ctx, c, "/connectors/"+url.PathEscape(name), v)
}
