package connectors

import "strings"

// Ask is a request to the API that the connector makes by itself.
type Ask struct {
	// Method is GET (the default), HEAD or POST.
	Method string `yaml:"method,omitempty"`
	// Path is added to the base; it may have a query. It may name what URLs may: each value is escaped for
	// where it stands, and never leaves its segment or parameter.
	Path Template `yaml:"path,omitempty"`
	// Base names one of api.bases; empty means the default base.
	Base string `yaml:"base,omitempty"`
	// JSON is the body of a POST, such as a GraphQL query. It may name what Path may.
	JSON *Tree `yaml:"json,omitempty"`
	// ContentType is that of JSON; empty means application/json.
	ContentType string `yaml:"content_type,omitempty"`
	// Headers are those of this request alone, in place of those of api.headers. They may name what those may,
	// and are never the credential's.
	Headers map[string]Template `yaml:"headers,omitempty"`
}

func (a Ask) isZero() bool {
	return a.Method == "" && a.Path.IsZero() && a.Base == "" && a.JSON == nil && a.ContentType == "" && len(a.Headers) == 0
}

// Probe is a request that succeeds with a good credential only.
type Probe struct {
	Ask `yaml:",inline"`
	// OKWhen must hold for an answer with status 200 to be a success.
	OKWhen *Condition `yaml:"ok_when,omitempty"`
}

// Identity is a request that says who the account is.
type Identity struct {
	// From is "id_token" when the ID token says it, and "token" when the answer of the token endpoint
	// does; then there is no request. Its signature is not checked: it comes from the token endpoint
	// itself (OpenID Connect Core section 3.1.3.7).
	From string `yaml:"from,omitempty"`
	Ask  `yaml:",inline"`
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
	// Ask must not name what is to be found.
	Ask `yaml:",inline"`
	// Items is the path of the list; empty means that the answer is the list.
	Items string `yaml:"items,omitempty"`
	// ItemsAs is what the items are: objects (the default), texts, which are IDs themselves, or map: there is no
	// list, but an object whose members are the items, by their IDs.
	ItemsAs string `yaml:"items_as,omitempty"`
	// ID and Label are paths in an item. ID is for objects only. Without Label the items of a map that are texts
	// are the labels.
	ID    string `yaml:"id,omitempty"`
	Label string `yaml:"label,omitempty"`
	// Capture keeps more of the chosen item: captured name to path. ID is always kept, as Into.
	Capture map[string]string `yaml:"capture,omitempty"`
	// Into is the captured name that ID gets.
	Into string `yaml:"into"`
	// Paginate is how the list goes on, in place of what the connector says of its lists.
	Paginate *Paginate `yaml:"paginate,omitempty"`
}

// The values of [Discover].ItemsAs.
const (
	ItemsObjects = "objects"
	ItemsTexts   = "texts"
	ItemsMap     = "map"
)

// Finds tells whether a name of templates gets its value here.
func (d Discover) Finds(name string) bool {
	captured, ok := strings.CutPrefix(name, capturedPrefix)
	_, more := d.Capture[captured]
	return ok && (captured == d.Into || more)
}
