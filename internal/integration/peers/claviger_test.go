//go:build peers

package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// connection is one connection in the Caddyfile.
type connection struct {
	name, connector string
	id, secret      string
	port            int
	scopes          string
	params          map[string]string // beside the port
}

// claviger is the binary at work.
type claviger struct {
	t                       *testing.T
	dir                     string
	proxyPort, callbackPort int
	adminPort               int
	api                     *client.Client
	http                    *http.Client
}

// callbackOf is a connection's redirect URI when its pages are at that port.
func callbackOf(port int, connection string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/oauth/callback/%s", port, connection)
}

// startClaviger runs the binary until the test ends. Everything that it writes stays for the leak
// check.
func startClaviger(t *testing.T, callbackPort int, connections ...connection) *claviger {
	t.Helper()
	return startClavigerWith(t, callbackPort, "", connections...)
}

// lazily are lines of the global option: nothing is refreshed ahead of the requests.
const lazily = "\t\trefresh {\n\t\t\tidle_after 1ms\n\t\t}\n"

// startClavigerWith is startClaviger with further lines of the global option.
func startClavigerWith(t *testing.T, callbackPort int, options string, connections ...connection) *claviger {
	t.Helper()
	dir, err := os.MkdirTemp(tools.scratch, strings.ReplaceAll(t.Name(), "/", "_"))
	if err != nil {
		t.Fatal(err)
	}
	c := &claviger{t: t, dir: dir, proxyPort: freePort(t), callbackPort: callbackPort, adminPort: freePort(t)}
	pool := &http.Transport{MaxIdleConnsPerHost: crowd}
	c.http = &http.Client{Transport: pool}
	if c.api, err = client.New(client.Options{Base: c.admin()}); err != nil {
		t.Fatal(err)
	}
	writeConnectors(t, filepath.Join(dir, "connectors"))
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(c.caddyfile(options, connections)), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir}
	for i, k := range connections {
		env = append(env, fmt.Sprintf("ID_%d=%s", i, k.id), fmt.Sprintf("SECRET_%d=%s", i, k.secret))
		addSecrets(k.secret)
		for name, value := range k.params {
			env = append(env, fmt.Sprintf("PARAM_%d_%s=%s", i, name, value))
		}
	}
	p := launch(t, "claviger", env, func(*process) bool {
		ready, err := c.api.Ready(context.Background())
		return err == nil && ready.Status == "ok"
	}, tools.claviger, "run", "--config", file)
	t.Cleanup(func() {
		c.keep(p)
		pool.CloseIdleConnections() // a server waits seconds for connections without a request
	})
	return c
}

// caddyfile is the sidecar of the README, with every log that Caddy can write.
func (c *claviger) caddyfile(options string, connections []connection) string {
	var blocks strings.Builder
	blocks.WriteString(options)
	for i, k := range connections {
		fmt.Fprintf(&blocks, "\t\tconnection %s {\n\t\t\tconnector %s\n\t\t\tparam port %d\n", k.name, k.connector, k.port)
		if k.id != "" {
			fmt.Fprintf(&blocks, "\t\t\tclient_id {env.ID_%d}\n", i)
		}
		if k.secret != "" {
			fmt.Fprintf(&blocks, "\t\t\tclient_secret {env.SECRET_%d}\n", i)
		}
		for name := range k.params {
			fmt.Fprintf(&blocks, "\t\t\tparam %s {env.PARAM_%d_%s}\n", name, i, name)
		}
		if k.scopes != "" {
			fmt.Fprintf(&blocks, "\t\t\tscopes %s\n", k.scopes)
		}
		blocks.WriteString("\t\t}\n")
	}
	return fmt.Sprintf(`{
	admin 127.0.0.1:%[1]d
	persist_config off
	log {
		level DEBUG
		output file %[2]s/claviger.log
	}
	metrics
	servers {
		protocols h1 h2 h2c
		log_credentials
	}
	claviger {
		vault badger %[2]s/vault
		key file %[2]s/key
		connectors %[2]s/connectors
		callback http://127.0.0.1:%[3]d/oauth/callback
		app_name "Example App"
%[4]s	}
}
http://:%[5]d {
	bind 127.0.0.1
	log
	claviger_proxy
}
http://:%[3]d {
	bind 127.0.0.1
	log
	claviger_consent
	claviger_health
}
`, c.adminPort, c.dir, c.callbackPort, blocks.String(), c.proxyPort)
}

// keep saves what the leak check looks at beside files: the process's own output, the configuration
// and the metrics.
func (c *claviger) keep(p *process) {
	for _, at := range []string{"/config/", "/metrics", "/claviger/accounts", "/claviger/connections", "/claviger/status"} {
		resp, err := http.Get(c.admin() + at)
		if err != nil {
			c.t.Error(err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			c.t.Errorf("GET %s: %s, %v", at, resp.Status, err)
		}
		c.write("admin"+strings.ReplaceAll(at, "/", "_"), string(body))
	}
	c.write("output", p.out.String())
}

func (c *claviger) write(name, text string) {
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Error(err)
	}
}

func (c *claviger) admin() string { return fmt.Sprintf("http://127.0.0.1:%d", c.adminPort) }
func (c *claviger) proxy() string { return fmt.Sprintf("http://127.0.0.1:%d", c.proxyPort) }
func (c *claviger) pages() string { return fmt.Sprintf("http://127.0.0.1:%d", c.callbackPort) }

// link makes an authorization link, whose URL is a secret.
func (c *claviger) link(connection, identifier string) string {
	c.t.Helper()
	return c.newLink(client.NewLink{Connection: connection, Identifier: identifier}).URL
}

func (c *claviger) newLink(n client.NewLink) client.Link {
	c.t.Helper()
	l, err := c.api.CreateLink(c.t.Context(), n)
	if err != nil {
		c.t.Fatal(err)
	}
	addSecrets(path.Base(l.URL), l.UserCode)
	return l
}

// account returns an account, and fails unless it has that status.
func (c *claviger) account(connection, identifier, status string) client.Account {
	c.t.Helper()
	a, err := c.api.FindAccount(c.t.Context(), connection, identifier)
	if err != nil {
		c.t.Fatal(err)
	}
	if a.Status != status {
		c.t.Fatalf("account %s/%s is %s (%s), want %s", connection, identifier, a.Status, a.Reason, status)
	}
	return a
}

// wantNoAccount fails if there is an account that could be used.
func (c *claviger) wantNoAccount(connection, identifier string) {
	c.t.Helper()
	if a, err := c.api.FindAccount(c.t.Context(), connection, identifier); err == nil {
		c.t.Errorf("account %s/%s exists, %s", connection, identifier, a.Status)
	}
}

// answer is what came back through the proxy.
type answer struct {
	status int
	body   string
}

// get asks the proxy for a path with an account's tag.
func (c *claviger) get(at, account string) (answer, error) {
	return c.do(http.MethodGet, at, account, "")
}

func (c *claviger) do(method, at, account, body string) (answer, error) {
	return c.doSlot(method, at, account, "", body)
}

// doSlot is do with one of the account's further tokens, if slot names one.
func (c *claviger) doSlot(method, at, account, slot, body string) (answer, error) {
	req, err := http.NewRequest(method, c.proxy()+at, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Connected-Account", account)
	if slot != "" {
		req.Header.Set("Connected-Slot", slot)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text)}, err
}

// problem reads a problem document; its code is empty when the answer is none of ours.
func (a answer) problem() (p client.Error) {
	if json.Unmarshal([]byte(a.body), &p) != nil {
		return client.Error{}
	}
	return p
}
