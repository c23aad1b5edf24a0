package api

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

var modes = []connectors.Mode{
	connectors.ModeCode, connectors.ModeClientCredentials, connectors.ModePassword, connectors.ModeDevice, connectors.ModeJWTBearer, connectors.ModeSAMLBearer,
	connectors.ModeTokenExchange, connectors.ModeJWT, connectors.ModeOAuth1, connectors.ModeLogin, connectors.ModeStatic, connectors.ModeNone,
}

func (a *api) listConnectors(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, append([]string{"q", "category", "mode"}, pageParams...)...)
	if err != nil {
		return err
	}
	page, err := connectorPage(values)
	if err != nil {
		return err
	}
	out := client.Page[client.ConnectorSummary]{Items: []client.ConnectorSummary{}}
	for _, k := range a.Catalog().All() {
		if k.Name <= page.After || !selects(values, k) {
			continue
		}
		if len(out.Items) == page.Limit {
			out.Next = out.Items[page.Limit-1].Name
			break
		}
		out.Items = append(out.Items, a.summaryOf(k))
	}
	return answer(w, http.StatusOK, out)
}

// connectorPage is pageOf for the catalogue, whose pages go by the connectors' names.
func connectorPage(values url.Values) (vault.PageQuery, error) {
	q, err := pageOf(values)
	switch {
	case err != nil:
		return vault.PageQuery{}, err
	case q.After != "" && !vault.ValidName(q.After):
		return vault.PageQuery{}, badParameter("after", "is not the next of an earlier page of the same list")
	case values.Has("mode") && !slices.Contains(modes, connectors.Mode(values.Get("mode"))):
		return vault.PageQuery{}, badParameter("mode", "must be one of "+joined(modes))
	}
	q.Limit = cmp.Or(q.Limit, defaultPage)
	return q, nil
}

// selects tells whether the filters leave a connector in.
func selects(values url.Values, k *connectors.Connector) bool {
	if category := values.Get("category"); category != "" && !slices.Contains(k.Categories, category) {
		return false
	}
	if mode := values.Get("mode"); mode != "" && !slices.Contains(modesOf(k), mode) {
		return false
	}
	text := strings.ToLower(strings.Join(append([]string{k.Name, k.Title, k.Description}, k.Categories...), "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(values.Get("q"))) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// modesOf are the modes of a connector's ways, that of the standard way first.
func modesOf(k *connectors.Connector) []string {
	if len(k.Ways) == 0 {
		return []string{modeOf(k.Mode)}
	}
	list := make([]string, len(k.Ways))
	for i, w := range k.Ways {
		list[i] = modeOf(w.Mode)
	}
	return list
}

func modeOf(m connectors.Mode) string { return string(cmp.Or(m, connectors.ModeCode)) }

func (a *api) showConnector(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, "auth", "source")
	if err != nil {
		return err
	}
	if source, err := wantsSource(r, values); err != nil {
		return err
	} else if source {
		return a.answerSource(w, r, r.PathValue("name"))
	}
	k, err := a.connector(r.PathValue("name"))
	if err != nil {
		return err
	}
	one, ok := k.Way(values.Get("auth"))
	if !ok {
		return noWay(k)
	}
	c := connectorOf(one)
	c.Origin = string(a.Catalog().Origin(k.Name))
	if s, ok, err := a.storedConnector(r.Context(), k.Name); err != nil {
		return err
	} else if ok {
		c.Version = s.Version
	}
	c.Ways, c.Auth = waysOf(k), values.Get("auth")
	if c.Auth == "" && len(k.Ways) > 0 {
		c.Auth = k.Ways[0].ID
	}
	if one.Mode.Consents() {
		c.RedirectURI = a.redirectURI("{connection}")
		c.PublicRedirect = one.WantsPublicRedirect()
	}
	return answer(w, http.StatusOK, c)
}

func noWay(k *connectors.Connector) error {
	if len(k.Ways) == 0 {
		return badParameter("auth", "must be left out: connector "+k.Name+" has one way only")
	}
	ids := make([]string, len(k.Ways))
	for i, w := range k.Ways {
		ids[i] = w.ID
	}
	return badParameter("auth", "must be one of "+strings.Join(ids, ", "))
}

// connector looks a connector up, or suggests others.
func (a *api) connector(name string) (*connectors.Connector, error) {
	if k, ok := a.Catalog().Lookup(name); ok {
		return k, nil
	}
	if err := a.badConnector(name); err != nil {
		return nil, err
	}
	next := "`claviger connectors list` shows them all"
	if near := a.Catalog().Suggest(name); len(near) > 0 {
		next = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return nil, refuse(connection.CodeUnknownConnector, fmt.Sprintf("there is no connector %.80q", name), next)
}

// summaryOf is a connector of the catalogue in brief.
func (a *api) summaryOf(k *connectors.Connector) client.ConnectorSummary {
	s := summaryOf(k)
	s.Origin = string(a.Catalog().Origin(k.Name))
	return s
}

func summaryOf(k *connectors.Connector) client.ConnectorSummary {
	return client.ConnectorSummary{
		Name: k.Name, Title: k.Title, Description: k.Description, Mode: modesOf(k)[0], Ways: waysOf(k),
		Tested:     client.Tested{How: cmp.Or(k.Tested.How, connectors.Unverified), Date: k.Tested.Date},
		Categories: k.Categories, Docs: k.Docs, Notes: k.Notes,
	}
}

func waysOf(k *connectors.Connector) []client.Way {
	var list []client.Way
	for _, w := range k.Ways {
		list = append(list, client.Way{ID: w.ID, Title: w.Title, Mode: modeOf(w.Mode)})
	}
	return list
}

// connectorOf is a connector with one way only.
func connectorOf(k *connectors.Connector) client.Connector {
	c := client.Connector{
		ConnectorSummary: summaryOf(k),
		Setup:            k.Setup,
		Inputs:           inputsOf(k.App),
		AccountInputs:    inputsOf(k.Account),
		NeedsUser:        k.Mode.NeedsUser(),
		Device:           k.Device != nil,

		AuthorizeURL:    k.Authorize.URL.String(),
		Issuer:          k.Authorize.Issuer.String(),
		RequestTokenURL: k.Authorize.RequestURL.String(),
		TokenURL:        k.Token.URL.String(),
		RefreshURL:      k.Refresh.URL.String(),
		RegisterURL:     registerURL(k),
		ClientAuth:      string(k.Token.ClientAuth),
		Scopes: client.Scopes{
			Default: textsOf(k.Authorize.Scope.Default), Always: textsOf(k.Authorize.Scope.Always),
			None: k.Authorize.Scope.None, Incremental: k.Authorize.Scope.Incremental, Known: k.Authorize.Scope.Known,
		},
		Refresh:           refreshOf(k),
		BaseURL:           k.API.BaseURL.String(),
		Hosts:             k.API.Hosts,
		Inject:            injectionsOf(k),
		ClientCertificate: k.ClientCert != nil,
		Verifies:          k.Verify != nil,
		Identifies:        k.Identity != nil,
	}
	c.NeedsClientID, c.NeedsClientSecret = k.NeedsClient()
	if modeOf(k.Mode) == client.ModeCode {
		c.PKCE = string(cmp.Or(k.Authorize.PKCE, connectors.PKCERequired))
	}
	if k.Device != nil {
		c.DeviceURL = k.Device.URL.String()
	}
	if k.Introspect != nil {
		c.IntrospectURL = k.Introspect.URL.String()
	}
	if k.Limits != nil {
		c.Limits = &client.Limits{RefreshTokens: k.Limits.RefreshTokens, Accounts: k.Limits.Accounts}
	}
	if k.Revoke != nil {
		c.RevokeURL = k.Revoke.URL.String()
	}
	if k.Signer != nil {
		c.Signer = k.Signer.Kind
	}
	for _, s := range k.Steps {
		c.StepURLs = append(c.StepURLs, s.Request.URL.String())
	}
	for _, s := range k.API.Slots {
		c.Slots = append(c.Slots, s.Name)
	}
	if len(k.API.Bases) > 0 {
		c.Bases = make(map[string]string, len(k.API.Bases))
		for name, t := range k.API.Bases {
			c.Bases[name] = t.String()
		}
	}
	return c
}

// registerURL is where clients are registered, or found out where.
func registerURL(k *connectors.Connector) string {
	if k.Register == nil {
		return ""
	}
	return cmp.Or(k.Register.URL.String(), k.Register.Metadata.String())
}

// refreshOf says whether a token is renewed without the user, and what of a refresh token becomes.
func refreshOf(k *connectors.Connector) client.Refresh {
	switch k.Mode {
	case connectors.ModeStatic, connectors.ModeNone, connectors.ModeOAuth1:
		return client.Refresh{}
	}
	if k.RenewsWithoutRefreshToken() {
		return client.Refresh{Supported: true}
	}
	if k.Refresh.None {
		return client.Refresh{}
	}
	return client.Refresh{Supported: true, Rotates: cmp.Or(k.Refresh.Rotates, "sometimes")}
}

func inputsOf(list []connectors.Input) []client.Input {
	var out []client.Input
	for _, in := range list {
		out = append(out, client.Input{
			Name: in.Name, Title: in.Title, Description: in.Description, Example: in.Example, Help: in.Help,
			Default: in.Default, Required: in.Default == "" && !in.Optional, Secret: in.Secret, Multiline: in.Multiline,
			Pattern: in.Pattern, Enum: in.Enum, Prefix: in.Prefix, Suffix: in.Suffix, Normalize: in.Normalize,
			VisibleWhen: visibleWhenOf(in),
		})
	}
	return out
}

func visibleWhenOf(in connectors.Input) *client.VisibleWhen {
	if in.VisibleWhen == nil {
		return nil
	}
	return &client.VisibleWhen{Input: in.VisibleWhen.Input, In: in.VisibleWhen.Values()}
}

func injectionsOf(k *connectors.Connector) []client.Injection {
	out := []client.Injection{}
	for _, in := range k.Injections() {
		one := client.Injection{In: in.In, Name: in.Name, Template: in.Template.String(), Slot: in.Slot}
		if in.Basic != nil {
			one.User, one.Password = in.Basic.User.String(), in.Basic.Password.String()
		}
		out = append(out, one)
	}
	return out
}

func textsOf(list []connectors.Template) []string {
	var out []string
	for _, t := range list {
		out = append(out, t.String())
	}
	return out
}
