package connectors

// The values of [Injection].In.
const (
	InHeader = "header"
	InQuery  = "query"
	InPath   = "path" // a segment before the path of the request
	InCookie = "cookie"
	InBody   = "body"  // a member of a JSON body, or a field of a form
	InBasic  = "basic" // the header Authorization with User and Password
)

// Injection puts one credential on a request.
type Injection struct {
	// In is header, query, path (a segment before the path of the request), cookie, body (a member of a JSON
	// body, or a field of a form) or basic (the header Authorization with Basic).
	In string `yaml:"in"`
	// Name is the header's, parameter's, cookie's or member's name; path and basic have none.
	Name string `yaml:"name,omitempty"`
	// Template is the value. Beside {token} it may name inputs and what was captured.
	Template Template `yaml:"template,omitempty"`
	// Basic are the halves for [InBasic].
	Basic *Basic `yaml:"basic,omitempty"`
	// Slot says that the injection is for requests of one slot only; see [API].Slots.
	Slot string `yaml:"slot,omitempty"`
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
	// Within are the domains that a host must lie in which a template takes from an answer of the
	// provider: {captured.NAME}. A whole host given by an operator or user is not bound by it.
	Within []string `yaml:"within,omitempty"`
	// Headers are set on a request that does not have them already. One whose template names an optional
	// input without a value is left out.
	Headers map[string]Template `yaml:"headers,omitempty"`
	// Slots choose among several tokens: {token} stands for that of the first whose Paths hold the request's
	// path, or that the header Connected-Slot names. Without one it is the token that is no slot.
	Slots []Slot `yaml:"slots,omitempty"`
}

// Slot is one of several tokens of an account.
type Slot struct {
	// Name is that of a token under response.slots, or "token" for the one that is no slot.
	Name string `yaml:"name"`
	// Paths are those that the slot is for, with all that is under them; empty means that only the header
	// chooses it.
	Paths []string `yaml:"paths,omitempty"`
}

// Injections returns the connector's injections: Inject, or the one "Authorization: Bearer {token}"
// header that an empty list stands for. The result must not be changed.
func (c *Connector) Injections() []Injection {
	if len(c.Inject) > 0 {
		return c.Inject
	}
	if c.Mode == ModeStatic || c.Mode == ModeNone || c.Signer != nil {
		return nil
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
