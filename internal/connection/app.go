package connection

import (
	"fmt"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// CheckApp tells whether an app fits its connector: the connector needs a client, and the app has what it
// needs. A value of an app input that is missing may come with each connection.
func CheckApp(a vault.App, catalog *connectors.Catalog) error {
	k, ok := catalog.Lookup(a.Connector)
	if !ok {
		return unknownConnector(a.Connector, catalog)
	}
	if k, ok = k.Way(a.Way); !ok {
		return unknownWay(vault.Connection{Connector: a.Connector, Way: a.Way}, catalog)
	}
	_, secret := k.NeedsClient()
	switch {
	case !needsClient(k):
		return invalidApp(a, "the connector takes no OAuth client of the operator, so there is nothing to give")
	case a.Client.ID == "":
		return invalidApp(a, "it has no client_id")
	case secret && len(a.Client.Secrets) == 0:
		return invalidApp(a, "it has no client_secret, and the connector needs one")
	case len(a.Earlier) > vault.MaxEarlierClients:
		return invalidApp(a, fmt.Sprintf("it has %d earlier clients, and can have %d", len(a.Earlier), vault.MaxEarlierClients))
	}
	for i, c := range a.Earlier {
		if c.ID == "" || c.ID == a.Client.ID || indexClient(a.Earlier, c.ID) < i {
			return invalidApp(a, fmt.Sprintf("earlier client %q stands twice, or has no ID", c.ID))
		}
	}
	for _, c := range append([]vault.OAuthClient{a.Client}, a.Earlier...) {
		if err := checkSecrets(c); err != nil {
			return invalidApp(a, err.Error())
		}
	}
	return checkParams(a, k)
}

// checkParams checks the values that are there.
func checkParams(a vault.App, k *connectors.Connector) error {
	inputs := map[string]connectors.Input{}
	for _, in := range k.App {
		inputs[in.Name] = in
	}
	for name, value := range params(a.Params, a.SecretParams) {
		in, ok := inputs[name]
		if !ok {
			return invalidApp(a, fmt.Sprintf("the connector has no param %.80q", name))
		}
		if _, err := in.Clean(value); err != nil {
			return invalidApp(a, fmt.Sprintf("param %s %v", name, err))
		}
	}
	return checkAsked(a, k)
}

// checkAsked refuses a value that is not asked for with the app's others. What the app leaves open, a connection
// may give.
func checkAsked(a vault.App, k *connectors.Connector) error {
	all := params(a.Params, a.SecretParams)
	asked := connectors.Asked(k.App, all)
	for _, in := range k.App {
		w := in.VisibleWhen
		if w == nil || all[in.Name] == "" || all[w.Input] == "" {
			continue
		}
		if !slices.ContainsFunc(asked, func(one connectors.Input) bool { return one.Name == in.Name }) {
			return invalidApp(a, fmt.Sprintf("param %s must be left out: connector %s takes it only when %s", in.Name, k.Name, w))
		}
	}
	return nil
}

func invalidApp(a vault.App, text string) error {
	return &Error{Code: CodeInvalidApp, Message: fmt.Sprintf("app for %s: %s", appWords(a.Connector, a.Way), text)}
}

// appWords name an app as the command line does.
func appWords(connector, way string) string {
	if way == "" {
		return connector
	}
	return connector + " --auth " + way
}
