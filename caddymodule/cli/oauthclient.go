package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/claviger-proxy/claviger/client"
)

// secretFlags are the flags that give the secrets of an OAuth client, of which there may be several.
type secretFlags struct{ files, envs []string }

func (s *secretFlags) add(f *pflag.FlagSet) {
	f.StringArrayVar(&s.files, "client-secret-file", nil, "file with the OAuth client's secret; - is standard input; may be repeated for further secrets")
	f.StringArrayVar(&s.envs, "client-secret-env", nil, "environment variable with the OAuth client's secret; may be repeated for further secrets")
}

func (s *secretFlags) given() bool { return len(s.files)+len(s.envs) > 0 }

// stdin tells whether a secret comes from standard input.
func (s *secretFlags) stdin() (n int) {
	for _, file := range s.files {
		if file == "-" {
			n++
		}
	}
	return n
}

// read returns the secrets. On a terminal one is asked for when none was given and one is required.
func (s *secretFlags) read(ctx context.Context, c *call, required bool) ([]string, error) {
	if s.stdin() > 1 {
		return nil, usage("standard input can be one value only")
	}
	var sources []secretSource
	for _, file := range s.files {
		sources = append(sources, secretSource{file: file})
	}
	for _, env := range s.envs {
		sources = append(sources, secretSource{env: env})
	}
	if len(sources) == 0 {
		if !required {
			return nil, nil
		}
		sources = []secretSource{{}}
	}
	var secrets []string
	for _, source := range sources {
		secret, err := source.read(ctx, c, true)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// clientFlags are the flags that change the OAuth clients of an app or a connection.
type clientFlags struct {
	id      string
	secrets secretFlags
	remove  []int
	earlier bool
	forget  string
	force   bool
}

func (s *clientFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.id, "client-id", "", "ID of another OAuth client; the one before is kept for accounts that were connected with it")
	s.secrets.add(f)
	f.IntSliceVar(&s.remove, "remove-secret", nil, "position of a secret to take away, from 1; may be repeated")
	f.BoolVar(&s.earlier, "earlier", false, "the client given is an earlier one, which accounts were connected with")
	f.StringVar(&s.forget, "forget-client", "", "ID of an earlier OAuth client to forget; nothing else is changed")
	f.BoolVar(&s.force, "force", false, "forget it although accounts were connected with it")
}

// check refuses flags that do not go together. others tells that there are further ones.
func (s *clientFlags) check(others bool) error {
	changes := s.id != "" || s.secrets.given() || len(s.remove) > 0 || others
	switch {
	case s.forget != "" && (changes || s.earlier):
		return usage("--forget-client goes with no other change")
	case s.forget == "" && s.force:
		return usage("--force goes with --forget-client")
	case s.earlier && s.id == "":
		return usage("--earlier needs --client-id")
	case s.forget == "" && !changes:
		return usage("there is nothing to change: give --client-id, --client-secret-file, --client-secret-env, --remove-secret, --param-file or --forget-client")
	}
	return nil
}

// change is what the flags say. needsSecret tells that the connector's clients have a secret, and earlier are
// the clients that are known, which can come back with the secrets that they had.
func (s *clientFlags) change(ctx context.Context, c *call, needsSecret bool, earlier []client.OAuthClient) (client.ConnectionChange, error) {
	known := false
	for _, e := range earlier {
		known = known || e.ClientID == s.id
	}
	secrets, err := s.secrets.read(ctx, c, needsSecret && s.id != "" && !known)
	if err != nil {
		return client.ConnectionChange{}, err
	}
	change := client.ConnectionChange{RemoveClientSecrets: s.remove}
	switch {
	case s.earlier:
		change.AddEarlierClient = &client.NewOAuthClient{ClientID: s.id, ClientSecrets: secrets}
	case s.id != "":
		change.ClientID, change.ClientSecrets = &s.id, secrets
	default:
		change.AddClientSecrets = secrets
	}
	return change, nil
}

// secretsText says how many secrets there are, and which of them works.
func secretsText(n, inUse int) string {
	switch {
	case n == 0:
		return "none"
	case n == 1:
		return "set"
	case inUse > 1:
		return fmt.Sprintf("%d, of which number %d is sent: the provider refuses those before", n, inUse)
	}
	return fmt.Sprintf("%d, of which the first is sent", n)
}

// earlierText lists earlier clients.
func earlierText(clients []client.OAuthClient) string {
	var ids []string
	for _, c := range clients {
		ids = append(ids, c.ClientID)
	}
	return strings.Join(ids, " ")
}

// clientText is the OAuth client of a connection.
func clientText(c client.Connection) string {
	if c.DefaultApp {
		return c.ClientID + " (default app)"
	}
	return c.ClientID
}
