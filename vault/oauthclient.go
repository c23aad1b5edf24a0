package vault

import "fmt"

// Bounds of what an [App] or a [Connection] keeps of OAuth clients.
const (
	// MaxClientSecrets is how many secrets one OAuth client may have.
	MaxClientSecrets = 5
	// MaxEarlierClients is how many earlier clients are kept.
	MaxEarlierClients = 5
)

// OAuthClient is an OAuth client that is registered at a provider.
type OAuthClient struct {
	ID string
	// Secrets are all that the provider may take: the first is sent first, and the others when it is
	// refused. A public client has none.
	Secrets []Secret
}

// Secret is the first of the client's secrets; empty if it has none.
func (c OAuthClient) Secret() Secret {
	if len(c.Secrets) == 0 {
		return Secret{}
	}
	return c.Secrets[0]
}

// Equal tells whether both are the same client with the same secrets in the same order.
func (c OAuthClient) Equal(other OAuthClient) bool {
	if c.ID != other.ID || len(c.Secrets) != len(other.Secrets) {
		return false
	}
	for i, s := range c.Secrets {
		if !s.Equal(other.Secrets[i]) {
			return false
		}
	}
	return true
}

// clientSecrets is how an earlier client is sealed.
type clientSecrets struct {
	ID      string   `json:"client_id"`
	Secrets []string `json:"secrets,omitempty"`
}

func sealClients(clients []OAuthClient) []clientSecrets {
	var sealed []clientSecrets
	for _, c := range clients {
		sealed = append(sealed, clientSecrets{c.ID, reveal(c.Secrets)})
	}
	return sealed
}

func openClients(sealed []clientSecrets) []OAuthClient {
	var clients []OAuthClient
	for _, c := range sealed {
		clients = append(clients, OAuthClient{c.ID, conceal(c.Secrets)})
	}
	return clients
}

func reveal(secrets []Secret) []string {
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return texts
}

func conceal(texts []string) []Secret {
	var secrets []Secret
	for _, text := range texts {
		secrets = append(secrets, NewSecret(text))
	}
	return secrets
}

// checkClients refuses more than is kept, and what could not be told apart.
func checkClients(current OAuthClient, earlier []OAuthClient) error {
	if len(earlier) > MaxEarlierClients {
		return fmt.Errorf("%d earlier clients: %w", len(earlier), ErrInvalid)
	}
	seen := map[string]bool{current.ID: true}
	for i, c := range append([]OAuthClient{current}, earlier...) {
		if len(c.Secrets) > MaxClientSecrets {
			return fmt.Errorf("client with %d secrets: %w", len(c.Secrets), ErrInvalid)
		}
		for _, s := range c.Secrets {
			if s.IsZero() {
				return fmt.Errorf("client with an empty secret: %w", ErrInvalid)
			}
		}
		if i > 0 && (c.ID == "" || seen[c.ID]) {
			return fmt.Errorf("earlier client that has no ID, or stands twice: %w", ErrInvalid)
		}
		seen[c.ID] = true
	}
	return nil
}
