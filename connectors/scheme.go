package connectors

import "slices"

// Scheme is how an account comes to a credential, and how that sits on a request.
type Scheme struct {
	// Mode is the kind of it; empty means [ModeCode].
	Mode Mode `yaml:"mode,omitempty"`
	// Authorize is the authorization request. In modes without consent it has the scopes alone.
	Authorize Authorize `yaml:"authorize,omitempty"`
	// Callback is the provider's way back from consent.
	Callback Callback `yaml:"callback,omitempty"`
	// Install is about users who come from the provider's marketplace.
	Install Install `yaml:"install,omitempty"`
	// Device is the device authorization endpoint; beside a code it is an offer for machines without a
	// browser.
	Device *Device `yaml:"device,omitempty"`
	// Token is the token endpoint.
	Token TokenCall `yaml:"token,omitempty"`
	// Refresh is the refresh, where it differs from the token endpoint.
	Refresh Refresh `yaml:"refresh,omitempty"`
	// Limits are what the provider allows one OAuth client, as far as it is known.
	Limits *Limits `yaml:"limits,omitempty"`
	// Introspect is the endpoint that tells about one access token.
	Introspect *Introspect `yaml:"introspect,omitempty"`
	// Revoke is the end of a grant at the provider.
	Revoke *Revoke `yaml:"revoke,omitempty"`
	// Register is how a connection that brings no OAuth client comes to one of its own. Without it the operator
	// registers one.
	Register *Register `yaml:"register,omitempty"`
	// Steps are requests that lead to the credential: all of it with [ModeLogin], and what comes after the
	// token call otherwise.
	Steps []Step `yaml:"steps,omitempty"`
	// Assertion is a JWT that is signed here: the grant of [ModeJWTBearer], the credential of [ModeJWT],
	// and {assertion} in steps.
	Assertion *JWT `yaml:"assertion,omitempty"`
	// SAML is the assertion of [ModeSAMLBearer].
	SAML *SAML `yaml:"saml,omitempty"`
	// Signer signs each request.
	Signer *Signer `yaml:"signer,omitempty"`
	// ClientCert is presented to the API and wherever tokens come from or end: in calls, in steps, at the revocation.
	ClientCert *ClientCert `yaml:"client_cert,omitempty"`
	// Inject says how the credential sits on a request. Empty means one
	// "Authorization: Bearer {token}" header, or nothing with [ModeStatic], [ModeNone] and with a Signer.
	Inject []Injection `yaml:"inject,omitempty"`
}

// Way is one of several ways to connect an account.
type Way struct {
	// ID names it, as connectors are named.
	ID string `yaml:"id"`
	// Title is for people.
	Title string `yaml:"title"`
	// App and Account are asked beside those of the connector.
	App     []Input `yaml:"app,omitempty"`
	Account []Input `yaml:"account,omitempty"`
	Scheme  `yaml:",inline"`
	// API, Verify, Identity and Discover are in place of those of the connector, as a whole.
	API      *API       `yaml:"api,omitempty"`
	Verify   *Probe     `yaml:"verify,omitempty"`
	Identity *Identity  `yaml:"identity,omitempty"`
	Discover []Discover `yaml:"discover,omitempty"`
}

// Way returns the connector with one of its ways only, so that it has no Ways; the empty ID is the
// standard one. A connector without Ways has one whose ID is empty. The result must not be changed.
func (c *Connector) Way(id string) (*Connector, bool) {
	if len(c.Ways) == 0 && id == "" {
		return c, true
	}
	for _, w := range c.Ways {
		if w.ID == id || id == "" {
			return c.only(w), true
		}
	}
	return nil, false
}

func (c *Connector) only(w Way) *Connector {
	one := *c
	one.Scheme, one.Ways = w.Scheme, nil
	one.App, one.Account = slices.Concat(c.App, w.App), slices.Concat(c.Account, w.Account)
	if w.API != nil {
		one.API = *w.API
	}
	if w.Verify != nil {
		one.Verify = w.Verify
	}
	if w.Identity != nil {
		one.Identity = w.Identity
	}
	if len(w.Discover) > 0 {
		one.Discover = w.Discover
	}
	return &one
}

// Mode is how an account comes to a credential.
type Mode string

// The values of [Mode].
const (
	ModeCode              Mode = "oauth2_code"        // a code after consent (RFC 6749 section 4.1)
	ModeClientCredentials Mode = "client_credentials" // RFC 6749 section 4.4
	ModePassword          Mode = "password"           // RFC 6749 section 4.3, with {account.username} and {account.password}
	ModeDevice            Mode = "device"             // RFC 8628
	ModeJWTBearer         Mode = "jwt_bearer"         // Assertion is exchanged for a token (RFC 7523 section 2.1)
	ModeSAMLBearer        Mode = "saml_bearer"        // SAML is exchanged for a token (RFC 7522 section 2.1)
	ModeTokenExchange     Mode = "token_exchange"     // {account.subject_token} is exchanged (RFC 8693)
	ModeJWT               Mode = "jwt"                // Assertion is the token
	ModeOAuth1            Mode = "oauth1"             // RFC 5849
	ModeLogin             Mode = "login"              // Steps lead to the token
	ModeStatic            Mode = "static"             // what the user gives is the credential
	ModeNone              Mode = "none"               // the API takes none
)

// Consents tells whether a user is sent to the provider, and a redirect URI is registered there.
func (m Mode) Consents() bool { return m == "" || m == ModeCode || m == ModeOAuth1 }

// mode is the connector's mode, with the empty one spelled out.
func (c *Connector) mode() Mode {
	if c.Mode == "" {
		return ModeCode
	}
	return c.Mode
}
