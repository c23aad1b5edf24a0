package connectors

// ClientAuth is how the client authenticates at the token endpoint (RFC 6749 section 2.3). It is
// never guessed, because a failed guess burns the one-time code.
type ClientAuth string

// The values of [ClientAuth].
const (
	ClientAuthBasic         ClientAuth = "basic"             // HTTP Basic, both halves form-encoded first
	ClientAuthBasicRaw      ClientAuth = "basic_raw"         // HTTP Basic without that encoding
	ClientAuthPost          ClientAuth = "post"              // client_id and client_secret in the body
	ClientAuthNone          ClientAuth = "none"              // public client: client_id only
	ClientAuthPrivateKeyJWT ClientAuth = "private_key_jwt"   // a signed assertion (RFC 7523 section 2.2)
	ClientAuthSecretJWT     ClientAuth = "client_secret_jwt" // the client secret is a JWT that is signed here
)

// TokenCall describes the token endpoint for all grants and, unless [Refresh] says otherwise, for
// refreshes.
type TokenCall struct {
	// URL is the token endpoint.
	URL Template `yaml:"url,omitempty"`
	// ClientAuth is how the client authenticates there: basic, basic_raw, post, none, private_key_jwt or
	// client_secret_jwt. With OAuth 1.0a it is left out.
	ClientAuth ClientAuth `yaml:"client_auth,omitempty"`
	// Client is who asks, where that is not the connection's OAuth client.
	Client *Client `yaml:"client,omitempty"`
	// Basic are the halves of HTTP Basic where they are not the client's ID and secret. It needs
	// ClientAuth "basic" or "basic_raw".
	Basic *Basic `yaml:"basic,omitempty"`
	// ClientAssertion is the JWT of ClientAuth "private_key_jwt" and "client_secret_jwt".
	ClientAssertion *JWT `yaml:"client_assertion,omitempty"`
	// Method is POST (the default) or GET.
	Method string `yaml:"method,omitempty"`
	// Body is "form" (the default), "json" or "query", which puts all into the URL.
	Body string `yaml:"body,omitempty"`
	// FieldNames gives standard fields the names that the provider has for them.
	FieldNames map[string]string `yaml:"field_names,omitempty"`
	// Omit are standard fields that are not sent, such as redirect_uri or grant_type.
	Omit []string `yaml:"omit,omitempty"`
	// Params are added to the call that is no refresh. They replace grant_type only.
	Params map[string]Template `yaml:"params,omitempty"`
	// Resource is sent as resource with all calls of both endpoints (RFC 8707).
	Resource Template `yaml:"resource,omitempty"`
	// Headers are added to every call of the token endpoint.
	Headers map[string]Template `yaml:"headers,omitempty"`
	// EchoState sends the state of the authorization request along.
	EchoState bool `yaml:"echo_state,omitempty"`
	// Sign adds a signature over the fields.
	Sign *FieldSignature `yaml:"sign,omitempty"`
	// Response says where the answer differs from the standard.
	Response TokenResponse `yaml:"response,omitempty"`
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

// Client is an OAuth client that is not the connection's, such as one that each account has of its own.
type Client struct {
	// ID is the client's ID.
	ID Template `yaml:"id"`
	// Secret is empty for a public client.
	Secret Template `yaml:"secret,omitempty"`
}

// Basic are the two halves of HTTP Basic. One of them may be empty.
type Basic struct {
	// User and Password are the halves.
	User     Template `yaml:"user,omitempty"`
	Password Template `yaml:"password,omitempty"`
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
	// Format is json (the default), form, text (the whole body is the token), header or cookie (Access is
	// the name of one).
	Format string `yaml:"format,omitempty"`
	// Root is the path that all other paths of the answer begin at, those of errors too.
	Root string `yaml:"root,omitempty"`
	// Access, RefreshToken, IDToken, Expires and Scope are paths; empty means the standard name.
	Access       string  `yaml:"access,omitempty"`
	RefreshToken string  `yaml:"refresh,omitempty"`
	IDToken      string  `yaml:"id_token,omitempty"`
	Expires      Expires `yaml:"expires,omitempty"`
	Scope        string  `yaml:"scope,omitempty"`
	// UserScope is the path of the scopes that were asked for with [Scope].UserParam; empty means that they are
	// among the others. An answer that has none of them changes none.
	UserScope string `yaml:"user_scope,omitempty"`
	// Slots are further tokens: their name to the path. {token.NAME} names them.
	Slots map[string]string `yaml:"slots,omitempty"`
	// RefreshExpires is where the refresh token's expiry stands.
	RefreshExpires Expires `yaml:"refresh_expires,omitempty"`
	// ScopeSeparator splits the granted scopes; empty means a space.
	ScopeSeparator string `yaml:"scope_separator,omitempty"`
	// SuccessWhen must hold for an answer with status 200 to be a success.
	SuccessWhen *Condition `yaml:"success_when,omitempty"`
	// ErrorPath is where the error code stands; empty means "error".
	ErrorPath string `yaml:"error_path,omitempty"`
}

// Expires is where an expiry stands in an answer, and how it is written. In a file it may be the path
// alone.
type Expires struct {
	// Path is where it stands; empty means the standard name.
	Path string `yaml:"path,omitempty"`
	// As is in_s (the default: seconds from now), in_ms, in_min, at_s (seconds since 1970), at_ms or
	// rfc3339.
	As string `yaml:"as,omitempty"`
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
	// Body is "form" (the default), "json", "query", which puts all into the URL and must not have the client's
	// secret, or "none".
	Body string `yaml:"body,omitempty"`
	// Params are added to the call. Beside the client they may name the tokens.
	Params map[string]Template `yaml:"params,omitempty"`
	// Headers are added to the call. They may name what Params may.
	Headers map[string]Template `yaml:"headers,omitempty"`
	// Param is the parameter that holds the token; empty means "token" (RFC 7009).
	Param string `yaml:"param,omitempty"`
	// OKWhen must hold for an answer with status 200 to be a success.
	OKWhen *Condition `yaml:"ok_when,omitempty"`
}
