package integration

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// A connection of the API that is written into the configuration too is the API's until that runs, with its
// secret, and the configuration's from then on.
func TestConnectionTakenOver(t *testing.T) {
	s := start(t, options{})
	_, err := s.api().CreateConnection(t.Context(), client.NewConnection{
		Name: "other", Connector: "demo", ClientID: s.provider.ClientID(), ClientSecret: s.provider.ClientSecret(),
		Params: map[string]string{"port": itoa(s.provider.Port())},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := func(when, origin string) {
		t.Helper()
		c, err := s.api().Connection(t.Context(), "other")
		if err != nil || c.Origin != origin || c.Broken != "" || !c.HasClientSecret {
			t.Errorf("%s: got %+v, %v; want one of origin %s with a secret", when, c, err, origin)
		}
	}
	written := strings.Replace(connection("other"), "{", "{\n\t\t\tconnector demo", 1)
	bad := *s
	bad.options.claviger = written
	bad.options.sites = "http://:" + itoa(s.provider.Port()) + " {\n\tbind 127.0.0.1\n\trespond ok\n}"
	for range 8 { // the apps start in any order
		if err := load(bad.caddyfile()); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Fatalf("got %v, want that the port is taken", err)
		}
	}
	want("after a configuration that was refused", client.OriginAPI)
	s.afresh()
	want("after a restart", client.OriginAPI)
	s.options.claviger = written
	s.load(s.caddyfile())
	want("with a configuration that runs", client.OriginConfig)
	s.afresh()
	want("after another restart", client.OriginConfig)
	s.options.claviger = ""
	s.load(s.caddyfile())
	if c, err := s.api().Connection(t.Context(), "other"); err != nil || c.HasClientSecret || !strings.Contains(c.Broken, "no longer in the configuration") {
		t.Errorf("out of the configuration: got %+v, %v", c, err)
	}
}
