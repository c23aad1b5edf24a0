package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// checkConfig reads the configuration and lets every module of it check itself, as `validate` does.
// Without a file, the default that `run` would write is looked at.
func (d *doctor) checkConfig() {
	c, err := d.settings.findConfig()
	if errors.Is(err, fs.ErrNotExist) {
		dir, _ := filepath.Abs(dataDir())
		c, err = parseConfig(filepath.Join(dir, caddyfileName), defaultConfig(dir, hasIPv6()))
		if err == nil {
			d.ok("config", "there is none yet; `claviger run` will write %s", c.Path)
			d.config = c
		}
		return
	}
	if err != nil {
		f := failureOf(err)
		d.fail("config", f.Detail, f.Next)
		return
	}
	d.config = c
	if c.Apps.Claviger == nil {
		d.fail("config", c.Path+" has no claviger app", "add `claviger { … }` to its global options")
		return
	}
	if err := validate(c.Raw); err != nil {
		d.fail("config", c.Path+": "+strings.ReplaceAll(err.Error(), "\n", "; "), "correct it there")
		return
	}
	d.ok("config", "%s is valid", c.Path)
}

// validate provisions all modules and starts none. Their logs go nowhere, and the admin endpoint of
// the configuration is left alone.
func validate(raw json.RawMessage) error {
	var c *caddy.Config
	if err := caddy.StrictUnmarshalJSON(caddy.RemoveMetaFields(raw), &c); err != nil {
		return err
	}
	silent := &caddy.CustomLog{BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output":"discard"}`)}}
	c.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{caddy.DefaultLoggerName: silent}}
	return caddy.Validate(c)
}

// checkKey looks at the key file. Whether it is the vault's key, only the server knows, as it alone
// has the environment and rights that other providers need.
func (d *doctor) checkKey(ctx context.Context) {
	app := d.config.Apps.Claviger
	if app.Key.Provider != "file" {
		return
	}
	path := fill(app.Key.Active)
	_, err := seal.FileKeys{Path: path}.Active(ctx)
	switch {
	case err == nil:
		d.ok("key", "%s is a key that only this user can read", path)
	case errors.Is(err, seal.ErrNoKey) && vaultIsEmpty(fill(app.Vault.Path)):
		d.ok("key", "%s is not there yet; the first start makes it", path)
	case errors.Is(err, seal.ErrNoKey):
		d.fail("key", path+" is missing, and the vault cannot be opened without it", "put the key file back; a new one does not open this vault")
	case errors.Is(err, fs.ErrPermission):
		d.fail("key", path+" cannot be read by this user", "run doctor as the user that runs the server, or correct the file's owner")
	default:
		d.fail("key", err.Error(), "correct the file named in `key file`")
	}
}

func vaultIsEmpty(dir string) bool {
	files, err := os.ReadDir(dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(files) == 0
}

// checkVault looks at the directory from outside: its lock belongs to the server.
func (d *doctor) checkVault() {
	v := d.config.Apps.Claviger.Vault
	switch {
	case v.Backend != "badger":
		return
	case v.InMemory:
		d.warn("vault", "it is in memory, so every account is lost when the server stops", "use `vault badger <directory>`")
		return
	}
	dir, err := filepath.Abs(fill(v.Path))
	if err != nil {
		d.fail("vault", err.Error(), "name an absolute path")
		return
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.ok("vault", "%s is not there yet; the first start makes it", dir)
		return
	case err != nil:
		d.fail("vault", dir+" cannot be looked at: "+cause(err), "run doctor as the user that runs the server")
		return
	case !info.IsDir():
		d.fail("vault", dir+" is not a directory", "name a directory in `vault badger`")
		return
	case looseMode(info):
		d.fail("vault", fmt.Sprintf("other users have access to %s (mode %04o)", dir, info.Mode().Perm()), "run chmod 700 "+dir)
		return
	}
	d.checkHolder(dir)
}

// checkHolder says who has the vault open.
func (d *doctor) checkHolder(dir string) {
	pid, alive := holder(dir)
	switch {
	case d.ready:
		d.ok("vault", "%s is closed to other users, and open in the running server", dir)
	case alive:
		d.warn("vault", fmt.Sprintf("%s is in use by process %d, which is no server that answers here", dir, pid),
			fmt.Sprintf("if that is the server, name its admin endpoint with --admin; else stop process %d", pid))
	default:
		d.ok("vault", "%s is closed to other users, and no process has it open", dir)
	}
}

// checkConfigured checks the connections of the configuration without a server.
func (d *doctor) checkConfigured(ctx context.Context) {
	if d.config == nil || d.config.Apps.Claviger == nil {
		return
	}
	app := d.config.Apps.Claviger
	catalog, err := connectors.Builtin()
	if err != nil {
		d.fail("connectors", err.Error(), "install the program again")
		return
	}
	for _, dir := range app.Connectors {
		if more, err := catalog.LoadDir(os.DirFS(fill(dir)), "."); err == nil { // else checkConfig has said it
			catalog = catalog.With(more...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(app.Connections)) {
		d.checkWritten(ctx, app, name, catalog)
	}
}

// checkWritten checks one connection of the configuration.
func (d *doctor) checkWritten(ctx context.Context, app *appConfig, name string, catalog *connectors.Catalog) {
	c, check := app.Connections[name], "connection "+name
	k, ok := catalog.Lookup(fill(c.Connector))
	if !ok {
		d.fail(check, fmt.Sprintf("there is no connector %q", c.Connector), suggest(catalog, c.Connector))
		return
	}
	if k, ok = k.Way(c.Auth); !ok {
		return // checkConfig has said it
	}
	text := "connector " + k.Name
	if c.Auth != "" {
		text += " (auth " + c.Auth + ")"
	}
	redirect := ""
	if app.Callback != "" && k.Mode.Consents() {
		redirect = strings.TrimSuffix(fill(app.Callback), "/") + "/" + name
		text += ", redirect URI to register: " + redirect
	}
	d.ok(check, "%s", text)
	if k.RefusesRedirect(redirect) {
		d.warn(check, localRedirect, publicRedirect)
	}
	values := connectors.Values{}
	for _, in := range k.App {
		if value, err := in.Clean(cmp.Or(fill(c.Params[in.Name]), in.Default)); err == nil {
			values["app."+in.Name] = value
		}
	}
	if err := connection.CheckKeys(k, values, time.Now()); err != nil {
		d.fail(check, err.Error(), nextKey)
	}
	if !d.online {
		return
	}
	for _, in := range k.App { // no URL that is asked names a secret
		if in.Secret {
			delete(values, "app."+in.Name)
		}
	}
	d.checkEndpoint(ctx, check, k.Token.URL.String(), k.API.BaseURL.String(), values)
}

func suggest(catalog *connectors.Catalog, name string) string {
	if near := catalog.Suggest(name); len(near) > 0 {
		return "did you mean " + strings.Join(near, " or ") + "?"
	}
	return "`claviger connectors list` shows them all"
}
