package declared

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// Registration is what an operator and a user have typed in: what both sides know before anything is sent.
type Registration struct {
	ClientID, ClientSecret string
	// App and Account are values of the connector's inputs.
	App, Account map[string]string
	// RedirectURI is registered at the provider.
	RedirectURI string
	// Scopes are the connection's; empty means the connector's default. More are asked for beside them when
	// a user consents.
	Scopes, More []string
}

// Bare is the registration without the values that a connector can do without.
func (r Registration) Bare(c *connectors.Connector) Registration {
	r.App, r.Account = needed(c.App, r.App), needed(c.Account, r.Account)
	return r
}

func needed(inputs []connectors.Input, values map[string]string) map[string]string {
	left := maps.Clone(values)
	for _, in := range inputs {
		if in.Optional || !asks(inputs, in, left) {
			delete(left, in.Name)
		}
	}
	return left
}

// asks tells whether a form with these values in it has the input.
func asks(inputs []connectors.Input, in connectors.Input, values map[string]string) bool {
	if in.VisibleWhen == nil {
		return true
	}
	for _, other := range inputs {
		if other.Name == in.VisibleWhen.Input {
			return slices.Contains(in.VisibleWhen.Values(), cmp.Or(values[other.Name], other.Default))
		}
	}
	return false
}

// registrationTries is how many values are tried for a connector's inputs until its URLs can be filled.
const registrationTries = 40

// Register makes up what is typed in for a connector, which has no Ways any more. Values are as odd as their
// place lets them be. It is an error if nothing is found that the connector takes.
func Register(c *connectors.Connector, redirectURI string) (Registration, error) {
	return RegisterWith(c, redirectURI, nil)
}

// RegisterWith is Register with some values picked, by app.NAME and account.NAME: such as one that other inputs
// are asked for with.
func RegisterWith(c *connectors.Connector, redirectURI string, picked map[string]string) (Registration, error) {
	need := needsOf(c)
	r := Registration{
		ClientID: "client-" + c.Name, ClientSecret: "client-secret-of-" + c.Name, RedirectURI: redirectURI,
		App: map[string]string{}, Account: map[string]string{},
	}
	if !need.plain["client_id"] {
		r.ClientID += "+/1"
	}
	switch {
	case need.plain["client_secret"]:
	case need.user["client_secret"]:
		r.ClientSecret += "+/=%&"
	default:
		r.ClientSecret += ":+/=%&"
	}
	if key, ok := need.keys["client_secret"]; ok {
		r.ClientSecret = key
	}
	var err error
	for try := range registrationTries {
		if err = r.inputs(c, need, picked, try); err == nil {
			return r, nil
		}
	}
	return Registration{}, fmt.Errorf("making up the inputs of %s: %w", c.Name, err)
}

// inputs gives every input a value that is asked for.
func (r Registration) inputs(c *connectors.Connector, need needs, picked map[string]string, try int) error {
	clear(r.App)
	clear(r.Account)
	for prefix, list := range map[string][]connectors.Input{"app.": c.App, "account.": c.Account} {
		values := map[string]map[string]string{"app.": r.App, "account.": r.Account}[prefix]
		for _, in := range list {
			if !asks(list, in, values) {
				continue
			}
			value, err := madeUp(in, need, prefix+in.Name, try)
			if one, ok := picked[prefix+in.Name]; ok {
				value, err = one, nil
			}
			if err != nil {
				return fmt.Errorf("%s%s: %w", prefix, in.Name, err)
			}
			values[in.Name] = value
		}
	}
	values, err := c.AppValues(r.App)
	if err != nil {
		return err
	}
	account, err := c.AccountValues(r.Account)
	if err != nil {
		return err
	}
	maps.Copy(values, account)
	_, err = c.Endpoints(values)
	return err
}

// madeUp is a value for an input.
func madeUp(in connectors.Input, need needs, name string, try int) (string, error) {
	if key, ok := need.keys[name]; ok {
		return key, nil
	}
	var tries []string
	if !in.Secret {
		tries = append(tries, in.Example, in.Default)
	}
	tries = append(tries, in.Enum...)
	if in.Pattern == "" {
		odd := ":+/=%&<"
		switch {
		case need.plain[name]:
			odd = ""
		case need.user[name]:
			odd = "+/=%&<"
		}
		tries = append(tries, "secret-of-"+strings.ReplaceAll(name, ".", "-")+odd)
	} else {
		tries = append(tries, patternText(in.Pattern, try), in.Prefix+patternText(in.Pattern, try)+in.Suffix)
	}
	var err error
	for _, value := range slices.DeleteFunc(tries, func(s string) bool { return s == "" }) {
		if _, err = in.Clean(value); err == nil {
			return value, nil
		}
	}
	return "", cmp.Or(err, errors.New("there is nothing to try"))
}
