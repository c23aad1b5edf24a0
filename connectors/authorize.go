package connectors

// Authorize describes the authorization request (RFC 6749 section 4.1.1).
type Authorize struct {
	// URL is the authorization endpoint.
	URL Template `yaml:"url,omitempty"`
	// Issuer is the provider's issuer identifier. When set, an iss parameter in the callback must
	// be equal to it (RFC 9207).
	Issuer Template `yaml:"issuer,omitempty"`
	// IssuerRequired says that the provider always sends iss, so that a callback without it is
	// refused.
	IssuerRequired bool `yaml:"issuer_required,omitempty"`
	// Params are fixed parameters of the request.
	Params map[string]Template `yaml:"params,omitempty"`
	// ReconsentParams are added when the account has been connected before.
	ReconsentParams map[string]Template `yaml:"reconsent_params,omitempty"`
	// ParamNames gives standard parameters the names that the provider has for them, such as client_key
	// for client_id.
	ParamNames map[string]string `yaml:"param_names,omitempty"`
	// Omit are standard parameters that the provider does not take: response_type, redirect_uri.
	Omit []string `yaml:"omit,omitempty"`
	// RedirectURI is what the provider has for the redirect URI, such as eBay's RuName: it is sent in place of it
	// here and wherever the redirect URI is sent along. The user comes back to the redirect URI all the same, as
	// it is registered under that name.
	RedirectURI Template `yaml:"redirect_uri,omitempty"`
	// ResponseType is sent in place of "code".
	ResponseType string `yaml:"response_type,omitempty"`
	// Fragment is the path behind '#' in which the provider's page, a program in the browser, looks for the
	// parameters; empty means that they are in the query.
	Fragment string `yaml:"fragment,omitempty"`
	// RawParams are parameters in whose values all that may stand in a query is written as it is, without
	// percent-encoding: the provider compares them undecoded, or decodes them twice.
	RawParams []string `yaml:"raw_params,omitempty"`
	// PKCE is "required" (the default; S256 is sent) or "off" for providers that refuse it.
	PKCE PKCE `yaml:"pkce,omitempty"`
	// Scope says how scopes are asked for, in all modes that have some.
	Scope Scope `yaml:"scope,omitempty"`
	// RequestURL is where the temporary credentials of [ModeOAuth1] come from (RFC 5849 section 2.1).
	RequestURL Template `yaml:"request_url,omitempty"`
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
	// Repeat gives each scope a parameter of its own in the authorization request, all of the same name, which
	// may end with [] then.
	Repeat bool `yaml:"repeat,omitempty"`
	// UserParam is a second parameter for scopes that begin with "user:" here, which is taken off, as
	// Slack has them for the user's own token.
	UserParam string `yaml:"user_param,omitempty"`
	// Always are scopes added to every request.
	Always []Template `yaml:"always,omitempty"`
	// Required are scopes added to every request, without which the grant is of no use: one that lacks any of
	// them is given back.
	Required []Template `yaml:"required,omitempty"`
	// Default are the scopes of a connection that names none.
	Default []Template `yaml:"default,omitempty"`
	// Incremental says that an account which is connected again keeps the scopes that it has: with merge they are
	// asked for along with the new ones, with include_granted the provider adds them itself, to which
	// include_granted_scopes=true asks it. Empty means that only what is asked for anew is asked for.
	Incremental string `yaml:"incremental,omitempty"`
	// None says that the provider takes no scope parameter at all.
	None bool `yaml:"none,omitempty"`
	// Known describes scopes for people.
	Known map[string]string `yaml:"known,omitempty"`
}

// The values of [Scope].Incremental.
const (
	IncrementalMerge   = "merge"
	IncrementalInclude = "include_granted"
)

// ParamIncludeGranted is the parameter of [IncrementalInclude].
const ParamIncludeGranted = "include_granted_scopes"

// Callback says where the provider's way back differs from RFC 6749 section 4.1.2.
type Callback struct {
	// CodeParam is the parameter with the code; empty means "code".
	CodeParam string `yaml:"code_param,omitempty"`
	// Capture keeps parameters: captured name to parameter.
	Capture map[string]string `yaml:"capture,omitempty"`
	// ErrorParams are the parameters with an error code, beside "error"; the first that is there counts.
	ErrorParams []string `yaml:"error_params,omitempty"`
	// State says whether the provider gives the state back: "required" (the default), or "install" for the
	// install pages of apps that drop it. A callback without one is then that of the only consent that its browser
	// has begun and not finished.
	State CallbackState `yaml:"state,omitempty"`
	// Local is false where the provider takes no redirect URI with http or of the user's own machine, so that a
	// trial on one needs a public name, too. Left out, it is true.
	Local *bool `yaml:"local,omitempty"`
}

// Device describes the device authorization endpoint (RFC 8628).
type Device struct {
	// URL is the device authorization endpoint.
	URL Template `yaml:"url"`
	// Params are added to the request.
	Params map[string]Template `yaml:"params,omitempty"`
}
