package connectors

// CallbackState says whether the provider gives the state of the authorization request back.
type CallbackState string

// The values of [CallbackState].
const (
	StateRequired CallbackState = "required"
	StateInstall  CallbackState = "install"
)

// Install is about apps that are installed at the provider.
type Install struct {
	// Inbound says that users come to the callback, or to a URL that is registered as the app's own, without having
	// been sent away: from a marketplace. Nothing is connected then; a connection may name a page of the app
	// that they go on to.
	Inbound bool `yaml:"inbound,omitempty"`
	// Pass are parameters that such a user's browser takes along to the app, such as the ID of the installation.
	// Their values are what anybody could have written.
	Pass []string `yaml:"pass,omitempty"`
}
