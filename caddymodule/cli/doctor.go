package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
)

// The outcomes of a check.
const (
	levelOK   = "ok"
	levelWarn = "warn"
	levelFail = "fail"
)

// finding is the outcome of one check.
type finding struct {
	Level string `json:"level"`
	Check string `json:"check"`
	// Detail is one sentence, Next what to do about it.
	Detail string `json:"detail"`
	Next   string `json:"next,omitempty"`
}

// doctor collects findings. What one check learns, later ones use.
type doctor struct {
	settings *settings
	online   bool
	findings []finding

	config *config
	// server is the running server; nil when none answers.
	server *server
	ready  bool
}

func doctorCommand() caddycmd.Command {
	return caddycmd.Command{
		Name: "doctor", Short: "Checks the setup and says what to fix",
		Long: `Checks the configuration, the key file, the vault's directory, the ports, the callback URL, the clock,
the disk and each connection, and asks the running server whether it is ready. It changes nothing and
does not open the vault, so it may run beside a server. The exit status is 1 when a check has failed.`,
		CobraFunc: func(c *cobra.Command) {
			s, online := prepare(c), false
			c.Flags().BoolVar(&online, "online", false, "also connect to the providers")
			does(c, s, 0, 0, func(ctx context.Context, call *call) error { return diagnose(ctx, call, online) })
		},
	}
}

func diagnose(ctx context.Context, c *call, online bool) error {
	d := &doctor{settings: c.settings, online: online}
	d.checkConfig()
	d.checkServer(ctx)
	if d.config != nil && d.config.Apps.Claviger != nil {
		d.checkKey(ctx)
		d.checkVault()
		d.checkDisk()
		d.checkPorts(ctx)
		d.checkCallback(ctx)
	}
	d.checkClock()
	d.checkReseal(ctx)
	d.checkConnections(ctx)
	d.checkLimits(ctx)
	return d.print(c)
}

func (d *doctor) ok(check, format string, args ...any) {
	d.findings = append(d.findings, finding{Level: levelOK, Check: check, Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(check, detail, next string) {
	d.findings = append(d.findings, finding{levelWarn, check, detail, next})
}

func (d *doctor) fail(check, detail, next string) {
	d.findings = append(d.findings, finding{levelFail, check, detail, next})
}

// print shows all findings; a failed one makes the command fail.
func (d *doctor) print(c *call) error {
	bad := 0
	for _, f := range d.findings {
		if f.Level == levelFail {
			bad++
		}
	}
	var err error
	if bad > 0 {
		err = &failure{Code: "not_healthy", Detail: plural(bad, "check") + " failed", Next: "fix what is marked with fail, then run doctor again"}
	}
	if c.json {
		if e := printJSON(c.out, d.findings); e != nil || err == nil {
			return e
		}
		return &failure{} // the document has said it all
	}
	width := 0
	for _, f := range d.findings {
		width = max(width, len(f.Check))
	}
	for _, f := range d.findings {
		fmt.Fprintf(c.out, "%-4s  %-*s  %s\n", f.Level, width, f.Check, clean(f.Detail))
		if f.Next != "" {
			fmt.Fprintf(c.out, "%*s  fix: %s\n", width+6, "", clean(f.Next))
		}
	}
	return err
}

// checkServer asks the running server for its own opinion.
func (d *doctor) checkServer(ctx context.Context) {
	s, err := d.settings.client()
	if err != nil {
		if d.config != nil || d.settings.admin != "" {
			f := failureOf(err)
			d.warn("admin", f.Detail, f.Next)
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ready, err := s.Ready(ctx)
	if err != nil {
		f := failureOf(s.failure(err))
		if f.Code == "admin_unreachable" {
			d.warn("server", f.Detail+", so only what can be seen from outside is checked", "start it with `claviger run`")
			return
		}
		d.fail("server", f.Detail, f.Next)
		return
	}
	d.server, d.ready = s, ready.Status == "ok"
	d.ok("server", "a server answers at %s", s.endpoint.address)
	for _, check := range ready.Checks {
		if check.OK {
			d.ok("ready: "+check.Name, "the server says that it is well")
			continue
		}
		d.fail("ready: "+check.Name, check.Detail, check.Next)
	}
}

// checkReseal tells of records that wait to be sealed anew.
func (d *doctor) checkReseal(ctx context.Context) {
	if d.server == nil || !d.ready {
		return
	}
	got, err := d.server.Status(ctx)
	switch {
	case err != nil || got.Resealing == nil:
	case got.Resealing.Paused:
		d.warn("re-sealing", resealing(*got.Resealing), "`"+program()+" vault reseal` goes on")
	default:
		d.ok("re-sealing", "%s", resealing(*got.Resealing))
	}
}

// checkConnections looks at every connection: through the server when there is one, else at those
// of the configuration.
func (d *doctor) checkConnections(ctx context.Context) {
	if d.server == nil {
		d.checkConfigured(ctx)
		return
	}
	n := 0
	for got, err := range d.server.AllConnections(ctx) {
		if err != nil {
			f := failureOf(d.server.failure(err))
			d.fail("connections", f.Detail, f.Next)
			return
		}
		n++
		d.checkConnection(ctx, got)
	}
	if n == 0 {
		d.warn("connections", "there are no connections yet", "add one with `claviger connections add`")
	}
}

// nextKey is what to do about a key that assertions cannot be signed with.
const nextKey = "give the connection a key that can be used; no token is got before"

func (d *doctor) checkConnection(ctx context.Context, got client.Connection) {
	name := "connection " + got.Name
	if got.Broken != "" {
		d.fail(name, got.Broken, "correct the connection, or remove it")
		return
	}
	text := "connector " + got.Connector
	if got.Auth != "" {
		text += " (auth " + got.Auth + ")"
	}
	if got.DefaultApp {
		text += ", uses the default app"
	}
	if got.HasClientSecret {
		text += ", has a client secret"
	}
	if len(got.SecretParams) > 0 {
		text += ", has the secret params " + strings.Join(got.SecretParams, ", ")
	}
	switch {
	case got.Registration != nil:
		text += ", its client was registered by Claviger"
	case got.RedirectURI != "":
		text += ", redirect URI to register: " + got.RedirectURI
	}
	d.ok(name, "%s", text)
	if got.RedirectRefused {
		d.warn(name, localRedirect, publicRedirect)
	}
	if wrong := outdated(got, time.Now().Add(soon)); wrong != "" {
		d.warn(name, "the client that was registered has "+wrong, "`"+program()+" connections register "+got.Name+"` brings it up to date")
	}
	if got.KeyError != "" {
		d.fail(name, got.KeyError, nextKey)
	}
	if got.ClientSecretInUse > 1 {
		d.warn(name, fmt.Sprintf("the provider refuses the client secrets before number %d of %d", got.ClientSecretInUse, got.ClientSecrets),
			"take away those that it takes no more, with `--remove-secret` or in the configuration")
	}
	if !d.online {
		return
	}
	k, err := d.server.Connector(ctx, got.Connector, got.Auth)
	if err != nil {
		f := failureOf(d.server.failure(err))
		d.fail(name, f.Detail, f.Next)
		return
	}
	d.checkEndpoint(ctx, name, k.TokenURL, k.BaseURL, paramValues(k.Inputs, got.Params))
}

// paramValues are the operator's values as the server uses them, for templates. No URL that is asked names a
// secret.
func paramValues(inputs []client.Input, params map[string]string) connectors.Values {
	values := connectors.Values{}
	for _, in := range inputs {
		if value, err := rules(in).Clean(cmp.Or(params[in.Name], in.Default)); err == nil && !in.Secret {
			values["app."+in.Name] = value
		}
	}
	return values
}
