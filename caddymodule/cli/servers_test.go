package cli

import (
	"encoding/json"
	"testing"
)

func TestListeners(t *testing.T) {
	const text = `{
		"a": {"listen": [":8091"], "routes": [{"match": [{"host": ["localhost"]}], "handle": [{"handler": "subroute",
			"routes": [{"handle": [{"handler": "claviger_consent"}]}]}]}]},
		"b": {"listen": ["127.0.0.1:8090", "[::1]:8090"], "routes": [{"handle": [{"handler": "connected_account"}]}]},
		"c": {"listen": ["unix//run/p.sock|0600", ":1-9"], "routes": [{"handle": [{"handler": "connected_account"}]}]},
		"d": {"listen": [":8443"], "tls_connection_policies": [{}], "routes": [{"match": [{"host": ["*.x.example"]}],
			"handle": [{"handler": "connected_account"}]}]},
		"e": {"listen": [":1"]}
	}`
	var servers map[string]httpServer
	if err := json.Unmarshal([]byte(text), &servers); err != nil {
		t.Fatal(err)
	}
	pages := listeners(servers, consentHandler)
	if len(pages) != 1 || pages[0].url() != "http://127.0.0.1:8091" || pages[0].host != "localhost" {
		t.Errorf("consent: got %+v", pages)
	}
	var got []string
	for _, l := range listeners(servers, proxyHandler) {
		got = append(got, l.url()+l.host)
	}
	want := []string{"http://127.0.0.1:8090", "http://[::1]:8090", "unix//run/p.sock", "https://127.0.0.1:8443"}
	if len(got) != len(want) {
		t.Fatalf("proxy: got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("proxy: got %q, want %q", got[i], want[i])
		}
	}
}
