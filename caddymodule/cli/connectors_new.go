package cli

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/connectors"
)

func connectorsNew(s *settings) *cobra.Command {
	output := ""
	c := &cobra.Command{
		Use: "new [NAME]", Short: "Asks its way to a connector file",
		Long: `Asks for what a connector file needs and writes one that is valid. The answers stand in the provider's API
documentation. They may also come from standard input, one on each line.`,
		Example: "  claviger connectors new acme",
	}
	c.Flags().StringVarP(&output, "output", "o", "", "the file to write (default: NAME.yaml; - is standard output)")
	does(c, s, 0, 1, func(ctx context.Context, call *call) error {
		name := append(call.args, "")[0]
		if err := mayWrite(output, name); err != nil {
			return err // before anybody has answered anything
		}
		i := newInterview(ctx, call)
		k, err := i.connector(name)
		if err != nil {
			return err
		}
		file, err := writeConnector(call, k, output)
		if err != nil && !call.json { // the answers are not to be given twice
			if text, e := connectors.Encode(k); e == nil {
				_, _ = call.out.Write(text)
			}
		}
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, madeConnector{Connector: k.Name, File: file, Notes: []string{}})
		}
		fmt.Fprintln(call.err)
		whatNext(call, k, file)
		return nil
	})
	return c
}

// The answers to how users are authorized.
const (
	byOAuth  = "oauth"
	byKey    = "key"
	byBasic  = "password"
	byClient = "client"
)

// connector asks for everything.
func (i *interview) connector(name string) (*connectors.Connector, error) {
	i.k = &connectors.Connector{Schema: connectors.SchemaVersion, Tested: connectors.Tested{How: connectors.Unverified}}
	set := func(k *connectors.Connector, text string) error { k.Name = text; return nil }
	if name == "" {
		i.ask("name", "The connector's name, such as acme", "", set)
	} else if err := i.try("name", name, set); err != nil {
		return nil, usage("the name %.80q %v", name, err)
	}
	i.ask("title", "The product's name for people", strings.ToUpper(i.k.Name[:min(1, len(i.k.Name))])+i.k.Name[min(1, len(i.k.Name)):],
		func(k *connectors.Connector, text string) error { k.Title = text; return nil })
	i.ask("docs", "The documentation that the answers stand in, a URL (may be empty)", "",
		func(k *connectors.Connector, text string) error { k.Docs = text; return nil })
	i.ask("api.base_url", "The API's base URL; what differs from account to account in braces: https://{site}.example.com/api", "", setBase)
	switch i.choose("How does a user give access?", byOAuth, []choice{
		{byOAuth, "on a consent page of the provider (OAuth 2.0)"},
		{byKey, "with an API key or a token that the provider shows"},
		{byBasic, "with a user name and a password (HTTP Basic)"},
		{byClient, "not at all: one OAuth client has access of its own (client credentials)"},
	}) {
	case byOAuth:
		i.k.Mode = connectors.ModeCode
		i.template("authorize.url", "The authorization URL, without parameters", func(k *connectors.Connector) *connectors.Template { return &k.Authorize.URL })
		i.tokenCall()
		i.revocation()
	case byKey:
		i.key()
	case byBasic:
		i.basic()
	case byClient:
		i.k.Mode = connectors.ModeClientCredentials
		i.tokenCall()
	}
	i.probes()
	return i.done()
}

// placeholder is what stands in braces in a base URL.
var placeholder = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// setBase sets the base URL, and asks each account for what stands in braces.
func setBase(k *connectors.Connector, text string) error {
	k.Account = nil
	text = placeholder.ReplaceAllStringFunc(text, func(name string) string {
		name = strings.Trim(name, "{}")
		k.Account = append(k.Account, connectors.Input{
			Name: name, Title: strings.ToUpper(name[:1]) + name[1:], Normalize: []string{"trim", "lower"},
			Pattern: "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", Example: "example",
		})
		return "{account." + name + "}"
	})
	t, err := connectors.ParseTemplate(strings.TrimSuffix(text, "/"))
	k.API.BaseURL = t
	return err
}

func (i *interview) tokenCall() {
	i.template("token.url", "The token URL", func(k *connectors.Connector) *connectors.Template { return &k.Token.URL })
	auth := i.choose("How does the client send its ID and secret there?", string(connectors.ClientAuthBasic), []choice{
		{string(connectors.ClientAuthBasic), "in the header Authorization (HTTP Basic)"},
		{string(connectors.ClientAuthPost), "as client_id and client_secret in the body"},
		{string(connectors.ClientAuthNone), "there is no secret (public client)"},
	})
	i.k.Token.ClientAuth = connectors.ClientAuth(auth)
	i.ask("authorize.scope", "The scopes to ask for, with spaces between them (may be empty)", "", func(k *connectors.Connector, text string) error {
		k.Authorize.Scope.Default = nil
		for scope := range strings.FieldsSeq(text) {
			t, err := connectors.ParseTemplate(scope)
			if err != nil {
				return err
			}
			k.Authorize.Scope.Default = append(k.Authorize.Scope.Default, t)
		}
		return nil
	})
}

func (i *interview) revocation() {
	i.ask("revoke", "The revocation URL, which ends a grant (may be empty)", "", func(k *connectors.Connector, text string) error {
		k.Revoke = nil
		if text == "" {
			return nil
		}
		t, err := connectors.ParseTemplate(text)
		k.Revoke = &connectors.Revoke{URL: t}
		return err
	})
}

func (i *interview) key() {
	i.k.Mode = connectors.ModeStatic
	i.k.Account = append(i.k.Account, connectors.Input{Name: "api_key", Title: "API key", Secret: true})
	place := i.choose("Where does the key stand on a request?", connectors.InHeader, []choice{
		{connectors.InHeader, "in a header"},
		{connectors.InQuery, "in a query parameter"},
	})
	standard := "Authorization"
	if place == connectors.InQuery {
		standard = "api_key"
	}
	i.ask("inject[0].name", "The name of that "+map[string]string{connectors.InHeader: "header", connectors.InQuery: "parameter"}[place], standard,
		func(k *connectors.Connector, text string) error {
			t, err := connectors.ParseTemplate("{account.api_key}")
			k.Inject = []connectors.Injection{{In: place, Name: text, Template: t}}
			return err
		})
	if place != connectors.InHeader || i.err != nil {
		return
	}
	usual := "{key}"
	if strings.EqualFold(i.k.Inject[0].Name, standard) {
		usual = "Bearer {key}"
	}
	i.ask("inject[0].template", "The header's value, with {key} for the key", usual, func(k *connectors.Connector, text string) error {
		t, err := connectors.ParseTemplate(strings.ReplaceAll(text, "{key}", "{account.api_key}"))
		k.Inject = []connectors.Injection{{In: place, Name: k.Inject[0].Name, Template: t}}
		return err
	})
}

func (i *interview) basic() {
	i.k.Mode = connectors.ModeStatic
	i.k.Account = append(i.k.Account,
		connectors.Input{Name: "username", Title: "User name", Secret: true},
		connectors.Input{Name: "password", Title: "Password", Secret: true})
	user, _ := connectors.ParseTemplate("{account.username}")
	password, _ := connectors.ParseTemplate("{account.password}")
	i.k.Inject = []connectors.Injection{{In: connectors.InBasic, Basic: &connectors.Basic{User: user, Password: password}}}
}

// probes asks for one request that serves as both, as there mostly is one.
func (i *interview) probes() {
	i.ask("verify", "The path of a GET that only a good credential can do, such as /me (may be empty)", "", func(k *connectors.Connector, text string) error {
		k.Verify = nil
		if text == "" {
			return nil
		}
		path, err := connectors.ParseTemplate(text)
		k.Verify = &connectors.Probe{Ask: connectors.Ask{Path: path}}
		return err
	})
	if i.err != nil || i.k.Verify == nil {
		return
	}
	i.ask("identity", "If its JSON answer says who the account is: the member with the ID, such as data.id (may be empty)", "",
		func(k *connectors.Connector, text string) error {
			k.Identity = nil
			if text != "" {
				k.Identity = &connectors.Identity{Ask: k.Verify.Ask, ID: text}
			}
			return nil
		})
	if i.err != nil || i.k.Identity == nil {
		return
	}
	identity := func(set func(*connectors.Identity, string)) setter {
		return func(k *connectors.Connector, text string) error {
			one := *k.Identity
			set(&one, text)
			k.Identity = &one
			return nil
		}
	}
	i.ask("identity.name", "The member with the name (may be empty)", "", identity(func(id *connectors.Identity, text string) { id.Name = text }))
	i.ask("identity.email", "The member with the e-mail address (may be empty)", "", identity(func(id *connectors.Identity, text string) { id.Email = text }))
}
