package connectors

// Refresh describes the refresh of an access token (RFC 6749 section 6).
type Refresh struct {
	// URL is the refresh endpoint; empty means the token endpoint.
	URL Template `yaml:"url,omitempty"`
	// With is what is refreshed with: refresh_token (the default), access_token (the access token itself is
	// exchanged), or reauth (the grant of the mode is asked for once more, as client credentials are).
	// Modes without consent have reauth as their default, and no others may have it.
	With string `yaml:"with,omitempty"`
	// Method is as in [TokenCall]; empty means the same as there.
	Method string `yaml:"method,omitempty"`
	// FieldNames and Omit are as in [TokenCall], and in place of those there if one of them is given.
	FieldNames map[string]string `yaml:"field_names,omitempty"`
	Omit       []string          `yaml:"omit,omitempty"`
	// Headers are added to those of [TokenCall].
	Headers map[string]Template `yaml:"headers,omitempty"`
	// Scope says which scopes are sent: none (the default), requested or granted.
	Scope string `yaml:"scope,omitempty"`
	// RedirectURI sends the redirect URI of the consent along.
	RedirectURI bool `yaml:"redirect_uri,omitempty"`
	// Params are added to the refresh request. They replace grant_type only.
	Params map[string]Template `yaml:"params,omitempty"`
	// Margin is how long before its expiry a token is refreshed; zero means 60 seconds, and never
	// more than a third of the token's life.
	Margin Duration `yaml:"margin,omitempty"`
	// Rotates says whether a refresh gives a new refresh token: always, sometimes (the default) or
	// never. It is a note for people: a new one is stored whenever it comes.
	Rotates string `yaml:"rotates,omitempty"`
	// MinAge is the age before which a token is not refreshed, because the provider refuses that.
	MinAge Duration `yaml:"min_age,omitempty"`
	// Keepalive is how long a grant may go without a refresh, even if nobody uses it: refresh tokens
	// that lie idle die at some providers. Zero means for ever.
	Keepalive Duration `yaml:"keepalive,omitempty"`
	// TTL is the life of a refresh token when the answer does not say it. It counts anew from each
	// answer that has a refresh token. Zero means that it is not known.
	TTL Duration `yaml:"ttl,omitempty"`
	// Limit is how often the provider lets one OAuth client refresh, all its accounts together. Zero
	// means that no limit is known.
	Limit Limit `yaml:"limit,omitempty"`
	// None says that the provider gives no refresh token.
	None bool `yaml:"none,omitempty"`
}

// The values of [Refresh].With.
const (
	RefreshWithToken  = "refresh_token"
	RefreshWithAccess = "access_token"
	RefreshWithGrant  = "reauth"
)

// Limit is a number of requests in a time. Both are given, or neither.
type Limit struct {
	// Requests is the number, and Per the time.
	Requests int      `yaml:"requests,omitempty"`
	Per      Duration `yaml:"per,omitempty"`
}

// Introspect describes the introspection endpoint (RFC 7662), which tells about one access token.
type Introspect struct {
	// URL is the endpoint.
	URL Template `yaml:"url"`
	// Auth is how the call is authenticated; the values are those of [Revoke].Auth, and empty means
	// "client".
	Auth string `yaml:"auth,omitempty"`
	// Param is the parameter that holds the token; empty means "token".
	Param string `yaml:"param,omitempty"`
	// Headers are added to the call.
	Headers map[string]Template `yaml:"headers,omitempty"`
	// Expires is the path of the expiry, in seconds since 1970; empty means "exp".
	Expires string `yaml:"expires,omitempty"`
	// Active is the path of the boolean that says whether the token is good; empty means "active".
	Active string `yaml:"active,omitempty"`
}
