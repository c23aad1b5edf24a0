package integration

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/client"
)

const acmeAPI = "api:\n  base_url: http://127.0.0.1:{app.port}\n"

// acme adds the connector acme to the running server, with a connection and an account of the same name.
func (s *sidecar) acme() client.Account {
	s.t.Helper()
	s.provider.SetRedirectURIs(s.callback()+"/demo", s.callback()+"/acme")
	if _, err := s.api().AddConnector(s.t.Context(), client.ConnectorFile{Source: connectorYAML("acme", acmeAPI)}); err != nil {
		s.t.Fatal(err)
	}
	_, err := s.api().CreateConnection(s.t.Context(), client.NewConnection{
		Name: "acme", Connector: "acme", ClientID: s.provider.ClientID(), ClientSecret: s.provider.ClientSecret(),
		Params: map[string]string{"port": itoa(s.provider.Port())},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.connectAt("acme", "alice", "user_1")
}

// A connector is added to a running server, its account used, the connector changed under traffic, and both
// are there after a reload and after a restart. What would break the account is refused.
func TestStoredConnector(t *testing.T) {
	s := start(t, options{})
	a := s.acme()
	stop := s.trafficOf("acme/user_1", 4)
	for _, title := range []string{"Acme 1", "Acme 2", "Acme 3"} {
		text := strings.Replace(connectorYAML("acme", acmeAPI), "title: acme", "title: "+title, 1) + "  headers: {X-Acme: " + title[5:] + "x}\n"
		change, err := s.api().ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: text})
		if err != nil || len(change.Connections) != 1 {
			t.Errorf("got %+v, %v", change, err)
		}
	}
	if n := stop(); n == 0 {
		t.Error("nobody has sent a request meanwhile")
	}
	uses := func(when string) {
		t.Helper()
		s.provider.ResetLog()
		s.get("/api/echo", "Connected-Account: "+a.ID).wantOK(t)
		if got := s.provider.Log()[0].Header.Get("X-Acme"); got != "3x" {
			t.Errorf("%s the request has the header %q, want that of the changed file", when, got)
		}
	}
	uses("after the change")

	moved := strings.ReplaceAll(connectorYAML("acme", acmeAPI), "127.0.0.1", "localhost")
	_, err := s.api().ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: moved})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Code != "connector_breaks_accounts" || len(refused.Mistakes) == 0 {
		t.Fatalf("got %v", err)
	}
	for _, m := range refused.Mistakes {
		if m.Connection != "acme" || m.Path == "" || !strings.Contains(m.Message, "localhost") {
			t.Errorf("got %+v", m)
		}
	}
	uses("after the refusal")
	if err := s.post(s.caddyfile()); err != nil {
		t.Fatal(err)
	}
	uses("after a reload")
	s.afresh()
	uses("after a restart")

	// The configuration is checked without the vault, and says so.
	s.options.claviger = "connection own {\n\tconnector acme\n}"
	if err := s.post(s.caddyfile()); err == nil || !strings.Contains(err.Error(), "add the connection by `claviger connections add`") {
		t.Errorf("got %v", err)
	}
	s.options.claviger = ""
	if err := s.api().RemoveConnector(t.Context(), "acme"); !errors.As(err, &refused) || refused.Code != "connector_in_use" {
		t.Errorf("got %v", err)
	}
	if _, err := s.api().Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.api().ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: moved}); !errors.As(err, &refused) || !strings.Contains(refused.Detail, "secrets of connection acme") {
		t.Errorf("with the connection's client secret: %v", err)
	}
	if err := s.api().DeleteConnection(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.api().ReplaceConnector(t.Context(), "acme", client.ConnectorFile{Source: moved}); err != nil {
		t.Errorf("without accounts and secrets: %v", err)
	}
}

// A file of a folder that would break accounts refuses the reload and the start, and the server that runs
// goes on with the earlier one.
func TestFolderConnectorBreaks(t *testing.T) {
	s := start(t, options{connectors: map[string]string{"folded": acmeAPI}})
	a := s.connectAt("folded", "alice", "user_1")
	s.write("connectors/folded.yaml", strings.ReplaceAll(connectorYAML("folded", acmeAPI), "127.0.0.1", "localhost"))
	wantRefused := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "connector folded is another one than before") || !strings.Contains(err.Error(), "put the earlier file back") {
			t.Fatalf("got %v", err)
		}
	}
	wantRefused(s.post(s.caddyfile()))
	s.get("/api/echo", "Connected-Account: "+a.ID).wantOK(t)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	wantRefused(load(s.caddyfile()))
	s.write("connectors/folded.yaml", connectorYAML("folded", acmeAPI)+"  headers: {X-New: 7y}\n")
	s.load(s.caddyfile())
	s.provider.ResetLog()
	s.get("/api/echo", "Connected-Account: "+a.ID).wantOK(t)
	if got := s.provider.Log()[0].Header.Get("X-New"); got != "7y" {
		t.Errorf("the request has the header %q, want that of the changed file", got)
	}
	k, err := s.api().Connector(t.Context(), "folded", "")
	if err != nil || k.Origin != client.OriginFolder {
		t.Errorf("got %q, %v", k.Origin, err)
	}
	_, err = s.api().ReplaceConnector(t.Context(), "folded", client.ConnectorFile{Source: connectorYAML("folded", acmeAPI)})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict || refused.Code != "connector_read_only" {
		t.Errorf("got %v", err)
	}
}
