package api

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
)

func (a *api) listConnectors(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	all := a.Catalog.All()
	page := client.Page[client.ConnectorSummary]{Items: make([]client.ConnectorSummary, len(all))}
	for i, k := range all {
		page.Items[i] = summaryOf(k)
	}
	return answer(w, http.StatusOK, page)
}

func (a *api) showConnector(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	k, err := a.connector(r.PathValue("name"))
	if err != nil {
		return err
	}
	c := connectorOf(k)
	c.RedirectURI = a.redirectURI("{connection}")
	return answer(w, http.StatusOK, c)
}

// connector looks a connector up, or suggests others.
func (a *api) connector(name string) (*connectors.Connector, error) {
	if k, ok := a.Catalog.Lookup(name); ok {
		return k, nil
	}
	next := "`claviger connectors list` shows them all"
	if near := a.Catalog.Suggest(name); len(near) > 0 {
		next = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return nil, refuse(connection.CodeUnknownConnector, fmt.Sprintf("there is no connector %.80q", name), next)
}

func summaryOf(k *connectors.Connector) client.ConnectorSummary {
	return client.ConnectorSummary{
		Name: k.Name, Title: k.Title, Description: k.Description,
		Categories: k.Categories, Docs: k.Docs, Notes: k.Notes,
	}
}

func connectorOf(k *connectors.Connector) client.Connector {
	c := client.Connector{
		ConnectorSummary: summaryOf(k),
		AuthorizeURL:     k.Authorize.URL.String(),
		Issuer:           k.Authorize.Issuer.String(),
		TokenURL:         k.Token.URL.String(),
		RefreshURL:       k.Refresh.URL.String(),
		ClientAuth:       string(k.Token.ClientAuth),
		PKCE:             string(cmp.Or(k.Authorize.PKCE, connectors.PKCERequired)),
		Scopes:           client.Scopes{Default: k.Authorize.Scope.Default, Always: k.Authorize.Scope.Always, None: k.Authorize.Scope.None},
		Refresh:          client.Refresh{Supported: !k.Refresh.None},
		BaseURL:          k.API.BaseURL.String(),
		Hosts:            k.API.Hosts,
		Verifies:         k.Verify != nil,
		Identifies:       k.Identity != nil,
	}
	if k.Revoke != nil {
		c.RevokeURL = k.Revoke.URL.String()
	}
	if c.Refresh.Supported {
		c.Refresh.Rotates = cmp.Or(k.Refresh.Rotates, "sometimes")
	}
	if len(k.API.Bases) > 0 {
		c.Bases = make(map[string]string, len(k.API.Bases))
		for name, t := range k.API.Bases {
			c.Bases[name] = t.String()
		}
	}
	for _, in := range k.App {
		c.Inputs = append(c.Inputs, client.Input{
			Name: in.Name, Title: in.Title, Description: in.Description, Example: in.Example,
			Default: in.Default, Pattern: in.Pattern, Required: in.Default == "",
		})
	}
	for _, in := range k.Injections() {
		c.Inject = append(c.Inject, client.Injection{In: in.In, Name: in.Name, Template: in.Template.String()})
	}
	return c
}
