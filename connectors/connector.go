// Package connectors holds what Claviger knows about providers, as data.
//
// A [Connector] is one YAML file: the provider's OAuth endpoints, how a credential sits on a
// request, which hosts may receive it, who the account is. Nothing in this package talks to a
// network. [Builtin] is the embedded catalogue; [LoadDir] and [Decode] read more files, strictly: what
// they return has passed [Connector.Validate]. [Connector.Endpoints] fills a connector's templates
// with the parameters of one connection.
package connectors

// SchemaVersion is the version of the file format that this package reads.
const SchemaVersion = 1

// Connector is one provider, as declared by one file.
type Connector struct {
	// Schema is the version of the file format; it must be 1.
	Schema int `yaml:"schema"`
	// Name identifies the connector: lower-case letters, digits, '-' and '_', at most 63
	// characters. The file is called NAME.yaml.
	Name string `yaml:"name"`
	// Title is the provider's product name for people.
	Title string `yaml:"title"`
	// Description is one sentence for people.
	Description string `yaml:"description,omitempty"`
	// Categories group connectors in lists.
	Categories []string `yaml:"categories,omitempty"`
	// Docs is the provider's own page that the facts in the file come from.
	Docs string `yaml:"docs,omitempty"`
	// Notes are hints for the operator, printed by `connectors show` and `doctor`.
	Notes []string `yaml:"notes,omitempty"`

	// App lists the values that the operator gives with a connection, beside the OAuth client's
	// ID and secret. Templates name them {app.NAME}.
	App []Input `yaml:"app,omitempty"`

	Authorize  Authorize   `yaml:"authorize"`
	Token      TokenCall   `yaml:"token"`
	Refresh    Refresh     `yaml:"refresh,omitempty"`
	Introspect *Introspect `yaml:"introspect,omitempty"`
	Revoke     *Revoke     `yaml:"revoke,omitempty"`

	// Inject says how the access token sits on a request. Empty means one
	// "Authorization: Bearer {token}" header.
	Inject []Injection `yaml:"inject,omitempty"`

	API      API       `yaml:"api"`
	Verify   *Probe    `yaml:"verify,omitempty"`
	Identity *Identity `yaml:"identity,omitempty"`
	Errors   Errors    `yaml:"errors,omitempty"`
}

// Input is one value asked from the operator.
type Input struct {
	Name        string `yaml:"name"`
	Title       string `yaml:"title,omitempty"`
	Description string `yaml:"description,omitempty"`
	Example     string `yaml:"example,omitempty"`
	// Default is used when no value is given; an input without default is required.
	Default string `yaml:"default,omitempty"`
	// Pattern is an RE2 expression that the whole value must match. It is required, because
	// inputs end up in URLs.
	Pattern string `yaml:"pattern"`
}

// Authorize describes the authorization request (RFC 6749 section 4.1.1).
type Authorize struct {
	// URL is the authorization endpoint.
	URL Template `yaml:"url"`
	// Issuer is the provider's issuer identifier. When set, an iss parameter in the callback must
	// be equal to it (RFC 9207).
	Issuer Template `yaml:"issuer,omitempty"`
	// IssuerRequired says that the provider always sends iss, so that a callback without it is
	// refused.
	IssuerRequired bool `yaml:"issuer_required,omitempty"`
	// Params are fixed parameters of the request.
	Params map[string]string `yaml:"params,omitempty"`
	// ReconsentParams are added when the account has been connected before.
	ReconsentParams map[string]string `yaml:"reconsent_params,omitempty"`
	// PKCE is "required" (the default; S256 is sent) or "off" for providers that refuse it.
	PKCE  PKCE  `yaml:"pkce,omitempty"`
	Scope Scope `yaml:"scope,omitempty"`
}

// PKCE says whether a code challenge is sent (RFC 7636). The method is always S256.
type PKCE string

// The values of [PKCE].
const (
	PKCERequired PKCE = "required"
	PKCEOff      PKCE = "off"
)

// Scope says how scopes are asked for.
type Scope struct {
	// Param is the parameter's name; empty means "scope".
	Param string `yaml:"param,omitempty"`
	// Separator stands between scopes in the request; empty means a space.
	Separator string `yaml:"separator,omitempty"`
	// Always are scopes added to every request.
	Always []string `yaml:"always,omitempty"`
	// Default are the scopes of a connection that names none.
	Default []string `yaml:"default,omitempty"`
	// None says that the provider takes no scope parameter at all.
	None bool `yaml:"none,omitempty"`
}

// ClientAuth is how the client authenticates at the token endpoint (RFC 6749 section 2.3). It is
// never guessed, because a failed guess burns the one-time code.
type ClientAuth string

// The values of [ClientAuth].
const (
	ClientAuthBasic    ClientAuth = "basic"     // HTTP Basic, both halves form-encoded first
	ClientAuthBasicRaw ClientAuth = "basic_raw" // HTTP Basic without that encoding
	ClientAuthPost     ClientAuth = "post"      // client_id and client_secret in the body
	ClientAuthNone     ClientAuth = "none"      // public client: client_id only
)

// TokenCall describes the token endpoint for the code exchange and, unless [Refresh] says
// otherwise, for refreshes.
type TokenCall struct {
	URL        Template   `yaml:"url"`
	ClientAuth ClientAuth `yaml:"client_auth"`
	// Body is "form" (the default) or "json".
	Body string `yaml:"body,omitempty"`
	// Params are added to the code exchange.
	Params map[string]string `yaml:"params,omitempty"`
	// Headers are added to every call of the token endpoint.
	Headers  map[string]string `yaml:"headers,omitempty"`
	Response TokenResponse     `yaml:"response,omitempty"`
	// ExpiresFrom says where else the token's expiry is found when the answer has no expires_in.
	// Empty means in the token itself if that is a JWT, as [ExpiresFromJWT] does.
	ExpiresFrom ExpiresFrom `yaml:"expires_from,omitempty"`
	// TTL is "never" when a token without expires_in does not expire, so that nothing is guessed for
	// it. Empty says nothing.
	TTL string `yaml:"ttl,omitempty"`
	// DefaultTTL is assumed when neither the answer nor the token tells the expiry. Zero means that it
	// is not known then. With [ExpiresFromIntrospection] it must be zero, because the provider is asked.
	DefaultTTL Duration `yaml:"default_ttl,omitempty"`
	// Capture keeps values of the answer: captured name to the path in the JSON answer.
	Capture map[string]string `yaml:"capture,omitempty"`
}

// TTLNever is the one value of [TokenCall].TTL.
const TTLNever = "never"

// ExpiresFrom is where a token's expiry is found when the token endpoint does not say it.
type ExpiresFrom string

// The values of [ExpiresFrom].
const (
	ExpiresFromJWT           ExpiresFrom = "jwt_exp"       // the claim exp of a token that is a JWT
	ExpiresFromIntrospection ExpiresFrom = "introspection" // the provider is asked; needs [Introspect]
)

// TokenResponse says where the answer differs from RFC 6749 section 5.1. Paths are dot-separated
// member names of the JSON answer.
type TokenResponse struct {
	// Access, RefreshToken, Expires and Scope are paths; empty means the standard name.
	Access       string `yaml:"access,omitempty"`
	RefreshToken string `yaml:"refresh,omitempty"`
	Expires      string `yaml:"expires,omitempty"`
	Scope        string `yaml:"scope,omitempty"`
	// RefreshExpires is the path of the refresh token's lifetime in seconds.
	RefreshExpires string `yaml:"refresh_expires,omitempty"`
	// ScopeSeparator splits the granted scopes; empty means a space.
	ScopeSeparator string `yaml:"scope_separator,omitempty"`
	// SuccessWhen must hold for an answer with status 200 to be a success.
	SuccessWhen *Condition `yaml:"success_when,omitempty"`
	// ErrorPath is where the error code stands; empty means "error".
	ErrorPath string `yaml:"error_path,omitempty"`
}

// Condition is a test on a JSON document.
type Condition struct {
	// Path is where the member stands.
	Path string `yaml:"path"`
	// Equals is compared with the member written as text: true, 0, ok.
	Equals string `yaml:"equals" scalar:"any"`
}

// Revoke describes the end of a grant at the provider.
type Revoke struct {
	// URL is the revocation endpoint. It may name {client_id}; see [Endpoints.RevokeURL].
	URL Template `yaml:"url"`
	// Method is POST (the default), DELETE or GET.
	Method string `yaml:"method,omitempty"`
	// Token is which token is revoked: "refresh" (the default; the access token when there is
	// none) or "access".
	Token string `yaml:"token,omitempty"`
	// Auth is how the call is authenticated: "client" as at the token endpoint, "basic" with HTTP
	// Basic whatever the token endpoint takes, "bearer" with the access token, or "none". Empty
	// means "client".
	Auth string `yaml:"auth,omitempty"`
	// Body is "form" (the default), "json" or "none".
	Body string `yaml:"body,omitempty"`
	// Headers are added to the call.
	Headers map[string]string `yaml:"headers,omitempty"`
	// Param is the parameter that holds the token; empty means "token" (RFC 7009).
	Param string `yaml:"param,omitempty"`
	// OKWhen must hold for an answer with status 200 to be a success.
	OKWhen *Condition `yaml:"ok_when,omitempty"`
}

// The values of [Injection].In.
const (
	InHeader = "header"
	InQuery  = "query"
)

// Injection puts one credential on a request.
type Injection struct {
	// In is [InHeader] or [InQuery].
	In string `yaml:"in"`
	// Name is the header's or parameter's name.
	Name string `yaml:"name"`
	// Template is the value; {token} is the access token, and the only name it may have.
	Template Template `yaml:"template"`
}

// API says where requests go.
type API struct {
	// BaseURL is the default base of the provider's API.
	BaseURL Template `yaml:"base_url"`
	// Bases are further bases by name: lower-case letters, digits and '-'.
	Bases map[string]Template `yaml:"bases,omitempty"`
	// Hosts are further hosts that Link and Location headers may name; hosts of the bases are
	// always among them. A credential is only ever sent to a base.
	Hosts []string `yaml:"hosts,omitempty"`
	// Headers are set on a request that does not have them already.
	Headers map[string]string `yaml:"headers,omitempty"`
}

// Probe is a request that succeeds with a good credential only.
type Probe struct {
	// Method is GET (the default), HEAD or POST.
	Method string `yaml:"method,omitempty"`
	// Path is added to the base; it may have a query.
	Path string `yaml:"path"`
	// Base names one of api.bases; empty means the default base.
	Base string `yaml:"base,omitempty"`
	// OKWhen must hold for an answer with status 200 to be a success.
	OKWhen *Condition `yaml:"ok_when,omitempty"`
}

// Identity is a request that says who the account is. Method, Path and Base are as in [Probe]; ID,
// Name, Email and Avatar are paths in the JSON answer.
type Identity struct {
	Method string `yaml:"method,omitempty"`
	Path   string `yaml:"path"`
	Base   string `yaml:"base,omitempty"`
	ID     string `yaml:"id"`
	Name   string `yaml:"name,omitempty"`
	Email  string `yaml:"email,omitempty"`
	Avatar string `yaml:"avatar,omitempty"`
}

// Injections returns the connector's injections: Inject, or the one "Authorization: Bearer {token}"
// header that an empty list stands for. The result must not be changed.
func (c *Connector) Injections() []Injection {
	if len(c.Inject) > 0 {
		return c.Inject
	}
	return bearer
}

var bearer = []Injection{{
	In:   InHeader,
	Name: "Authorization",
	Template: Template{
		text:  "Bearer {token}",
		parts: []part{{text: "Bearer "}, {name: nameToken}},
	},
}}
