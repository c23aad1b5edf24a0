//go:build peers

package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// provider is one of the servers in the folder servers.
type provider struct {
	t    *testing.T
	port int
}

// event is one line of a provider's log. Which members it has depends on the provider.
type event struct {
	Type      string   `json:"type"`
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Status    int      `json:"status"`
	GrantType string   `json:"grant_type"`
	Account   string   `json:"account"`
	Error     string   `json:"error"`
	Token     string   `json:"token"`  // fingerprint of the token that came in
	Issued    string   `json:"issued"` // fingerprint of the token that went out
	User      string   `json:"user"`
	Peer      string   `json:"peer"`
	Headers   []string `json:"headers"`
}

// startProvider runs a server script until the test ends. Its secrets are kept for the leak check.
func startProvider(t *testing.T, name string, env ...string) *provider {
	t.Helper()
	p := &provider{t: t, port: freePort(t)}
	launch(t, name, append(env, "PORT="+strconv.Itoa(p.port)),
		func(r *process) bool { return strings.Contains(r.out.String(), "ready http") },
		tools.node, "servers/"+name+".mjs")
	t.Cleanup(func() {
		var secrets []string
		p.control(http.MethodGet, "secrets", nil, &secrets)
		addSecrets(secrets...)
	})
	return p
}

// control calls the part of a server that is not its own but the script's.
func (p *provider) control(method, what string, in, out any) {
	p.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d/__ctl/%s", p.port, what), bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		p.t.Fatal(err)
	}
}

func (p *provider) log() (events []event) {
	p.t.Helper()
	p.control(http.MethodGet, "log", nil, &events)
	return events
}

// count counts the events that fit.
func (p *provider) count(fits func(event) bool) (n int) {
	p.t.Helper()
	for _, e := range p.log() {
		if fits(e) {
			n++
		}
	}
	return n
}

// refreshes counts the refreshes of an account that oidc-provider has granted.
func (p *provider) refreshes(account string) int {
	p.t.Helper()
	return p.count(func(e event) bool {
		return e.Type == "grant.success" && e.GrantType == "refresh_token" && e.Account == account
	})
}

// wantNoRefusal fails if oidc-provider has refused a refresh, or has revoked a grant because a
// refresh token was used twice.
func (p *provider) wantNoRefusal() {
	p.t.Helper()
	for _, e := range p.log() {
		if e.Type == "grant.revoked" || e.Type == "grant.error" || e.Type == "server_error" {
			p.t.Errorf("the provider notes %s: %s", e.Type, e.Error)
		}
	}
}
