package connectors

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

// Identity is a request that says who the account is.
type Identity struct {
	// From is "id_token" when the ID token says it, and "token" when the answer of the token endpoint
	// does; then there is no request. Its signature is not checked: it comes from the token endpoint
	// itself (OpenID Connect Core section 3.1.3.7).
	From string `yaml:"from,omitempty"`
	// Method, Path and Base are as in [Probe].
	Method string `yaml:"method,omitempty"`
	Path   string `yaml:"path,omitempty"`
	Base   string `yaml:"base,omitempty"`
	// ID is the path in the JSON answer of what the provider never changes about the account.
	ID string `yaml:"id"`
	// Name, Email and Avatar are paths of what people know the account by; Avatar is a picture's URL.
	Name   string `yaml:"name,omitempty"`
	Email  string `yaml:"email,omitempty"`
	Avatar string `yaml:"avatar,omitempty"`
}

// Discover is a request that lists what an account has several of, such as sites or tenants, of which one
// is used. With one only it is taken; else the user chooses.
type Discover struct {
	// Method, Path and Base are as in [Probe]. The base must not name what is to be found.
	Method string `yaml:"method,omitempty"`
	Path   string `yaml:"path"`
	Base   string `yaml:"base,omitempty"`
	// Items is the path of the list; empty means that the answer is the list.
	Items string `yaml:"items,omitempty"`
	// ID and Label are paths in an item.
	ID    string `yaml:"id"`
	Label string `yaml:"label,omitempty"`
	// Capture keeps more of the chosen item: captured name to path. ID is always kept, as Into.
	Capture map[string]string `yaml:"capture,omitempty"`
	// Into is the captured name that ID gets.
	Into string `yaml:"into"`
}
