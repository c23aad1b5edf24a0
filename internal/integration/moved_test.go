package integration

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// An account that is connected again at another host while a request is under way: what the old host refuses is not
// sent to it once more with the credential for the new one.
func TestConnectedElsewhereMeanwhile(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	host := func(wait bool) (port string) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			seen = append(seen, r.Header.Get("X-Key"))
			mu.Unlock()
			if wait {
				asked <- struct{}{}
				<-answer
				w.WriteHeader(http.StatusUnauthorized)
			}
		}))
		t.Cleanup(s.Close)
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		return u.Port()
	}
	first, second := host(true), host(false)
	s := prepare(t, options{
		claviger:   "connection moving {\n }",
		connectors: map[string]string{"other": "api:\n  base_url: http://127.0.0.1:{app.port}"},
	})
	s.write("connectors/moving.yaml", "schema: 1\nname: moving\ntitle: Moving\nmode: static\n"+
		"account: [{name: key, secret: true}, {name: port, pattern: \"[0-9]+\"}]\n"+
		"inject: [{in: header, name: X-Key, template: \"{account.key}\"}]\napi: {base_url: \"http://127.0.0.1:{account.port}\"}\n")
	s.load(s.caddyfile())
	connect := func(key, port string) {
		t.Helper()
		if _, err := s.api().CreateAccount(t.Context(), client.NewAccount{
			Connection: "moving", Identifier: "ada", Inputs: map[string]string{"key": key, "port": port},
		}); err != nil {
			t.Fatal(err)
		}
	}
	connect("KEY-OF-THE-FIRST", first)
	done := make(chan outcome, 1)
	go func() {
		a := s.get("/v1/me", "Connected-Account: moving/ada")
		done <- outcome{a.StatusCode, a.Header.Get("Claviger-Error")}
	}()
	<-asked
	connect("KEY-OF-THE-SECOND", second)
	close(answer)
	if got := <-done; got.status != http.StatusUnauthorized || got.code != "" {
		t.Errorf("got %d %s, want the first host's own answer", got.status, got.code)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, []string{"KEY-OF-THE-FIRST"}) {
		t.Errorf("the hosts have seen %q", seen)
	}
}

// outcome is what counts of an answer here.
type outcome struct {
	status int
	code   string
}
