package connection

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
	"github.com/claviger-proxy/claviger/vault"
)

// CheckKeys tells whether the keys that assertions are signed with can be used, as far as they are made of these
// values alone: what accounts bring is not there yet. A certificate has to be that of its key, and to be good at the
// time. The error names the places in the connector's file and the inputs, and shows no value.
func CheckKeys(k *connectors.Connector, values connectors.Values, now time.Time) error {
	for _, one := range []struct {
		path string
		jwt  *connectors.JWT
	}{{"assertion", k.Assertion}, {"token.client_assertion", k.Token.ClientAssertion}} {
		if one.jwt == nil || !known(values, one.jwt.Key) {
			continue
		}
		if err := sign.CheckJWT(one.jwt, values, now); err != nil {
			return unusable(one.path, err, one.jwt.Key)
		}
	}
	if s := k.SAML; s != nil && known(values, s.Key, s.Cert) {
		if err := sign.CheckSAML(s, values, now); err != nil {
			return unusable("saml", err, s.Key, s.Cert)
		}
	}
	return nil
}

// known tells whether all names in the templates have values.
func known(values connectors.Values, templates ...connectors.Template) bool {
	for _, t := range templates {
		if slices.ContainsFunc(t.Names(), func(name string) bool { return values[name] == "" }) {
			return false
		}
	}
	return true
}

func unusable(path string, err error, made ...connectors.Template) error {
	var names []string
	for _, t := range made {
		for _, name := range t.Names() {
			if name = strings.TrimPrefix(name, "app."); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return fmt.Errorf("%s.%w; correct %s", path, err, strings.Join(names, " and "))
}

// KeyError is [CheckKeys] for what the connection and its OAuth client have.
func (c *Connection) KeyError() error {
	return CheckKeys(c.Connector(), c.signingValues(vault.Secret{}, nil), time.Now())
}

// checkAppKeys is CheckKeys for what an app has. Its values are good ones.
func checkAppKeys(a vault.App, catalog *connectors.Catalog) error {
	k, _ := catalog.Lookup(a.Connector)
	k, _ = k.Way(a.Way)
	c := &Connection{App: ClientApp(k, a.Client)}
	c.App.Values = connectors.Values{}
	given := params(a.Params, a.SecretParams)
	for _, in := range k.App {
		if value, ok := given[in.Name]; ok {
			c.App.Values["app."+in.Name], _ = in.Clean(value)
		}
	}
	if err := CheckKeys(k, c.signingValues(vault.Secret{}, nil), time.Now()); err != nil {
		return invalidApp(a, err.Error())
	}
	return nil
}
