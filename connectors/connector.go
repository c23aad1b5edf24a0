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
	// Extends is the connector that this one is a variant of: what its file says holds here too, but for
	// what is said here, and for schema, name and tested, which each file says itself. A mapping is taken key
	// by key, anything else as a whole. The result has no Extends.
	Extends string `yaml:"extends,omitempty"`
	// Without are keys of the file's first level whose values are not taken over from the connector that is
	// extended. The result has no Without.
	Without []string `yaml:"without,omitempty"`
	// Title is the provider's product name for people.
	Title string `yaml:"title"`
	// Description is one sentence for people.
	Description string `yaml:"description,omitempty"`
	// Categories group connectors in lists.
	Categories []string `yaml:"categories,omitempty"`
	// Docs is the provider's own page that the facts in the file come from.
	Docs string `yaml:"docs,omitempty"`
	// Tested says when and how the facts were checked.
	Tested Tested `yaml:"tested,omitempty"`
	// Notes are hints for the operator, printed by `connectors show` and `doctor`.
	Notes []string `yaml:"notes,omitempty"`
	// Setup are the steps in the provider's console that lead to the OAuth client, or for the user to the
	// key.
	Setup []string `yaml:"setup,omitempty"`

	// App lists the values that the operator gives with a connection, beside the OAuth client's
	// ID and secret. Templates name them {app.NAME}.
	App []Input `yaml:"app,omitempty"`
	// Account lists the values that each account has of its own, given by the user or by the app when it
	// is connected. Templates name them {account.NAME}.
	Account []Input `yaml:"account,omitempty"`

	// Scheme is how an account comes to its credential, unless there are several ways: those are Ways then,
	// and Scheme is empty.
	Scheme `yaml:",inline"`
	// Ways are the alternatives, the standard one first. See [Connector.Way].
	Ways []Way `yaml:"auth,omitempty"`

	// API says where requests go.
	API API `yaml:"api"`
	// Verify is a request that succeeds with a good credential only.
	Verify *Probe `yaml:"verify,omitempty"`
	// Identity says who the account is.
	Identity *Identity `yaml:"identity,omitempty"`
	// Discover are requests after consent that find which site or tenant is used.
	Discover []Discover `yaml:"discover,omitempty"`
	// Paginate is how the API's lists go on, but for those that say it themselves.
	Paginate *Paginate `yaml:"paginate,omitempty"`
	// Errors says what refusals mean.
	Errors Errors `yaml:"errors,omitempty"`
	// Rate says how the provider tells that it limits requests.
	Rate Rate `yaml:"rate,omitempty"`
}

// Tested says when and how the facts of a file were checked. In a file it may be How alone.
type Tested struct {
	// How is documentation, account, emulator or unverified.
	How string `yaml:"how"`
	// Date is the day, as 2006-01-02; empty for unverified only.
	Date string `yaml:"date,omitempty"`
}

// The values of [Tested].How.
const (
	TestedDocumentation = "documentation" // compared with the provider's own pages
	TestedAccount       = "account"       // used with a real account
	TestedEmulator      = "emulator"      // used with an emulator of somebody else's
	Unverified          = "unverified"    // not checked
)
