//go:build peers

package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	Client    string   `json:"client"`
	Proof     string   `json:"proof"` // how the client has authenticated
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
	req, err := http.NewRequest(method, p.url("/__ctl/"+what), bytes.NewReader(body))
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

// post sends a form to the provider itself, as somebody who is not Claviger.
func (p *provider) post(path string, form url.Values, out any) (status int) {
	p.t.Helper()
	resp, err := http.PostForm(p.url(path), form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, out); err != nil {
			p.t.Fatal(err)
		}
	}
	return resp.StatusCode
}

func (p *provider) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path) }

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
