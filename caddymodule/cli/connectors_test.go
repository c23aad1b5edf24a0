package cli

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

func TestPrintConnector(t *testing.T) {
	var b strings.Builder
	printConnector(&b, client.Connector{
		ConnectorSummary: client.ConnectorSummary{
			Name: "acme", Title: "Acme", Categories: []string{"crm", "chat"}, Mode: client.ModeCode, Tested: client.Tested{How: "unverified"},
			Notes: []string{"Mind the gap."},
		},
		Setup:  []string{"Open the console.", "Make a client."},
		Inputs: []client.Input{{Name: "region", Enum: []string{"eu", "us"}, Default: "eu", Description: "Where it is"}},
		AccountInputs: []client.Input{
			{Name: "site", Title: "Site", Required: true, Example: "acme", Prefix: "https://", Suffix: ".example.com"},
			{Name: "key", Secret: true, Multiline: true},
			{Name: "team", Required: true, VisibleWhen: &client.VisibleWhen{Input: "site", In: []string{"a", "b"}}},
		},
		NeedsClientID: true, NeedsClientSecret: true, NeedsUser: true,
		AuthorizeURL: "https://acme.example/authorize", TokenURL: "https://acme.example/token", StepURLs: []string{"https://acme.example/step"},
		Scopes:  client.Scopes{Default: []string{"read"}, Always: []string{"base"}, Known: map[string]string{"write": "Write.", "read": "Read."}},
		Refresh: client.Refresh{Supported: true, Rotates: "never"},
		BaseURL: "https://api.acme.example", Bases: map[string]string{"up": "https://up.acme.example"}, Slots: []string{"bot"},
		Inject: []client.Injection{
			{In: "header", Name: "X-Token", Template: "{token}"}, {In: "path", Template: "k{token}"}, {In: "basic", User: "{token.bot}", Slot: "bot"},
		},
		Signer: "hmac", ClientCertificate: true, RedirectURI: "https://accounts.example.com/cb/{connection}",
	})
	want := `connector       acme
title           Acme
categories      crm, chat
tested          unverified
mode            oauth2_code
scopes          base read
refresh         yes; the refresh token changes never
authorization   https://acme.example/authorize
token           https://acme.example/token
step 1          https://acme.example/step
base            https://api.acme.example
base up         https://up.acme.example
slots           bot
credential      header X-Token: {token}
credential      path: k{token}
credential bot  basic: user {token.bot}, password (empty)
signature       hmac
certificate     presented to the provider
redirect URI    https://accounts.example.com/cb/{connection}

Needed from you, with a connection:
  client ID      --client-id: of the OAuth client that you register at the provider
  client secret  --client-secret-file or --client-secret-env: the same client's
  param region   default eu, eu or us; Where it is.

Needed for each account:
  consent     of the user, in a browser: caddy claviger connect CONNECTION IDENTIFIER
  input site  required; Site. Example: https://acme.example.com
  input key   optional, secret, several lines
  input team  required when site is a or b, else left out

At the provider:
  1. Open the console.
  2. Make a client.

Scopes:
  read   Read.
  write  Write.

Note: Mind the gap.
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Who asks about a connector is told that its provider will not take the server's redirect URI.
func TestPrintRedirectRule(t *testing.T) {
	for _, tt := range []struct {
		uri                string
		public             bool
		wantRule, wantMind bool
	}{
		{"http://localhost:8091/oauth/callback/{connection}", true, true, true},
		{"https://accounts.example.com/oauth/callback/{connection}", true, true, false},
		{"", true, true, false},
		{"http://localhost:8091/oauth/callback/{connection}", false, false, false},
	} {
		var b strings.Builder
		printConnector(&b, client.Connector{RedirectURI: tt.uri, PublicRedirect: tt.public})
		rule, mind := strings.Contains(b.String(), "https and a public name only"), strings.Contains(b.String(), "Mind: "+localRedirect)
		if rule != tt.wantRule || mind != tt.wantMind {
			t.Errorf("with %q, public only %t: got\n%s", tt.uri, tt.public, b.String())
		}
	}
}

func TestRefreshText(t *testing.T) {
	for _, tt := range []struct {
		mode    string
		refresh client.Refresh
		want    string
	}{
		{client.ModeStatic, client.Refresh{}, ""},
		{client.ModeOAuth1, client.Refresh{}, ""},
		{client.ModeCode, client.Refresh{}, "no refresh tokens: users consent again when a token ends"},
		{client.ModeClientCredentials, client.Refresh{Supported: true}, "yes, without a refresh token"},
	} {
		k := client.Connector{Refresh: tt.refresh}
		k.Mode = tt.mode
		if got := refreshText(k); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.mode, got, tt.want)
		}
	}
}
