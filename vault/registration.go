package vault

import (
	"slices"
	"time"
)

// MaxRegistrations is how many registrations a [Connection] keeps.
const MaxRegistrations = 20

// Registration is what is known of an OAuth client that was registered by Claviger itself (RFC 7591).
type Registration struct {
	ClientID string
	// RedirectURI is what the client was registered with last; empty where users are not sent back.
	RedirectURI  string
	RegisteredAt time.Time
	// SecretExpires is when the client's secret ends; zero when it does not.
	SecretExpires time.Time
	// URI is where the registration is changed and deleted, with Token (RFC 7592). Both are empty where the
	// provider has nothing of the kind.
	URI   string
	Token Secret
}

// Managed tells whether the registration can be changed and deleted.
func (r Registration) Managed() bool { return r.URI != "" && !r.Token.IsZero() }

// Registration is that of the client with that ID.
func (c Connection) Registration(clientID string) (Registration, bool) {
	i := slices.IndexFunc(c.Registrations, func(r Registration) bool { return r.ClientID == clientID })
	if i < 0 || clientID == "" {
		return Registration{}, false
	}
	return c.Registrations[i], true
}

// registration is how a registration is sealed, all of it: the URI names the client at the provider.
type registration struct {
	ClientID      string    `json:"client_id"`
	RedirectURI   string    `json:"redirect_uri,omitempty"`
	RegisteredAt  time.Time `json:"registered_at"`
	SecretExpires time.Time `json:"secret_expires,omitzero"`
	URI           string    `json:"uri,omitempty"`
	Token         string    `json:"token,omitempty"`
}

func sealRegistrations(list []Registration) []registration {
	var sealed []registration
	for _, r := range list {
		sealed = append(sealed, registration{r.ClientID, r.RedirectURI, utc(r.RegisteredAt), utc(r.SecretExpires), r.URI, r.Token.Reveal()})
	}
	return sealed
}

func openRegistrations(sealed []registration) []Registration {
	var list []Registration
	for _, r := range sealed {
		list = append(list, Registration{r.ClientID, r.RedirectURI, r.RegisteredAt, r.SecretExpires, r.URI, NewSecret(r.Token)})
	}
	return list
}
