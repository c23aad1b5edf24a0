// Package consent runs the browser journey at whose end an account is connected: from an
// authorization link over the provider's consent page, or a form of our own, to a stored grant. Accounts whose
// credential needs no consent are connected without a browser, too, by [Flow.Connect].
//
// Start with [New]. [Flow.Begin] issues a link for one user of the app; the Flow itself is the
// [http.Handler] for the browser. Next to the callback URL, say https://accounts.example.com/oauth/callback,
// it answers
//
//	GET  /oauth/link/{token}           shows who asks for what; burns nothing
//	POST /oauth/link/{token}           starts: a cookie, and 303 to the provider, or to the form
//	GET  /oauth/form?link=lnk_…        what to fill in, to the browser that started only
//	POST /oauth/form?link=lnk_…        goes on to the provider, or tries the credential out, and completes
//	GET  /oauth/callback/{connection}  completes: 303 to the app, or to our own page; without anything to complete, where a
//	                                   connector declares installs that begin at the provider, 303 to the app's page for those
//	GET  /oauth/choice?link=lnk_…      what to choose from, to the browser that started only
//	POST /oauth/choice?link=lnk_…      chooses, and completes
//	GET  /oauth/device?link=lnk_…      a code to type in at the provider, to the browser that started only
//	GET  /oauth/done?link=lnk_…        what came of it, to the browser that started only
//
// A link works once. The journey is bound to the browser that started it by a cookie, to the
// connection by a redirect URI of its own, and to the code by PKCE or, with OAuth 1.0a, by the temporary token. Nothing is stored of an account
// before its user has consented, and the account, its grant and the used link are one write.
//
// No code, state, token or verifier is logged here. Two secrets are in URLs nevertheless: the
// link's token, in the path only, and the callback's code and state, in the query only. They also
// pass through the Location header of our redirects. A web server that logs URIs or response
// headers must put them through [RedactURI] or an equal filter first.
package consent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// defaultAppName is what pages say when they do not know better.
const defaultAppName = "the app"

// Times of a journey.
const (
	defaultLinkTTL = 15 * time.Minute
	journeyTime    = 10 * time.Minute // from the button to the callback
	installTime    = 15 * time.Minute // the same where an app is installed on the way
	formTime       = 20 * time.Minute // the same where there is a form to fill in
	reuseLeft      = 2 * time.Minute  // a link closer to its end is not handed out again
	completeTime   = 60 * time.Second // exchange, identity and save
	revokeTime     = 30 * time.Second
	reissueTime    = 15 * time.Second
)

// Options are what a [Flow] works with. Vault, Connections and OAuth are required.
type Options struct {
	Vault       *vault.Vault
	Connections *connection.Set
	OAuth       *oauth.Client
	// API sends the request that asks a provider who the account is. Nil means a transport of its
	// own that takes no proxy from the environment, and connects to where Guard lets it.
	API   http.RoundTripper
	Guard *netguard.Guard
	// Callback is the configured callback URL; each connection's redirect URI is this and its name.
	// It must be https, or http on a loopback host. Nil means that there is none: then no links are
	// made, and no pages served.
	Callback *url.URL
	// ReturnURLs are where a browser may be sent in the end. An entry without a path
	// (https://app.example.com) allows every URL of that origin; one with a path allows exactly
	// that URL, its query included. Entries are https, or http on a loopback host.
	ReturnURLs []string
	// LinkTTL is how long a link waits for its user; zero means 15 minutes. Once the user has
	// pressed the button, ten minutes are left to finish, 15 where an app is installed on the way, 20 where there is a
	// form to fill in, or as long as the first code lives that is to be typed in on another machine.
	LinkTTL time.Duration
	// AppName is what the pages call the app; empty means "the app".
	AppName string
	Log     *zap.Logger
	Now     func() time.Time
	// OnConnected is called after an account has been written.
	OnConnected func(vault.ConnectedAccount)
	// Notify is told of consents that have begun or failed, after that has been written. It must not
	// block.
	Notify func(Event)
}

// Event is something in a journey that others may want to know of.
type Event struct {
	// Name is consent_started or consent_failed. That one is complete the vault tells.
	Name       string
	Link       vault.LinkID
	Account    vault.AccountID
	Connection string
	Connector  string
	// Reason is the code of a failed consent.
	Reason string
}

// Flow issues authorization links and takes browsers through consent. It is safe for concurrent use.
type Flow struct {
	vault       *vault.Vault
	set         *connection.Set
	oauth       *oauth.Client
	api         http.RoundTripper
	callback    url.URL // zero when there is none
	dir         string  // of the callback's path, without a slash at the end
	returns     returnURLs
	linkTTL     time.Duration
	appName     string
	log         *zap.Logger
	now         func() time.Time
	onConnected func(vault.ConnectedAccount)
	notify      func(Event)
	reissues    singleflight.Group
	devices     *devices
}

// Check tells whether the callback and the return URLs are usable, for a configuration that is only
// being validated. [New] checks them too.
func (o Options) Check() error {
	if _, err := checkCallback(o.Callback); err != nil {
		return err
	}
	_, err := newReturnURLs(o.ReturnURLs)
	return err
}

// New checks the options and returns a flow. It does no I/O.
func New(o Options) (*Flow, error) {
	if o.Vault == nil || o.Connections == nil || o.OAuth == nil {
		return nil, errors.New("consent needs a vault, connections and an OAuth client")
	}
	callback, err := checkCallback(o.Callback)
	if err != nil {
		return nil, err
	}
	returns, err := newReturnURLs(o.ReturnURLs)
	if err != nil {
		return nil, err
	}
	f := &Flow{
		vault: o.Vault, set: o.Connections, oauth: o.OAuth, api: o.API, callback: callback,
		dir: strings.TrimSuffix(path.Dir(callback.Path), "/"), returns: returns,
		linkTTL: o.LinkTTL, appName: o.AppName, log: o.Log, now: o.Now,
		onConnected: o.OnConnected, notify: o.Notify, devices: newDevices(),
	}
	if f.api == nil {
		f.api = connection.NewTransport(identityTime, o.Guard)
	}
	f.fillDefaults()
	return f, nil
}

func (f *Flow) fillDefaults() {
	if f.linkTTL <= 0 {
		f.linkTTL = defaultLinkTTL
	}
	if f.appName == "" {
		f.appName = defaultAppName
	}
	if f.log == nil {
		f.log = zap.NewNop()
	}
	if f.now == nil {
		f.now = time.Now
	}
	if f.onConnected == nil {
		f.onConnected = func(vault.ConnectedAccount) {}
	}
	if f.notify == nil {
		f.notify = func(Event) {}
	}
}

// checkCallback returns the callback URL in the form that redirect URIs are made from; zero if there is
// none.
func checkCallback(u *url.URL) (url.URL, error) {
	if u == nil {
		return url.URL{}, nil
	}
	clean := strings.TrimSuffix(u.Path, "/")
	switch last := path.Base(clean); {
	case !webURL(u):
		return url.URL{}, fmt.Errorf("callback %q must be https, or http on a loopback host", u.Redacted())
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.RawPath != "":
		return url.URL{}, fmt.Errorf("callback %q must have neither query, fragment nor escapes", u.Redacted())
	case clean == "" || clean != path.Clean(clean):
		return url.URL{}, fmt.Errorf("callback %q needs a plain path, such as /oauth/callback", u.Redacted())
	case last == linkSegment || last == doneSegment || last == choiceSegment || last == deviceSegment || last == formSegment:
		return url.URL{}, fmt.Errorf("callback %q ends in a name that is used for other pages; call it /oauth/callback", u.Redacted())
	}
	return url.URL{Scheme: u.Scheme, Host: u.Host, Path: clean}, nil
}

// Callback returns the redirect URI of a connection, which its app at the provider must have
// registered exactly like this; empty when there is no callback.
func (f *Flow) Callback(connectionName string) string {
	if !f.hasCallback() {
		return ""
	}
	return f.callback.String() + "/" + connectionName
}

func (f *Flow) hasCallback() bool { return f.callback.Host != "" }

// at is the URL of a page next to the callback.
func (f *Flow) at(segments ...string) string {
	return f.callback.Scheme + "://" + f.callback.Host + f.dir + "/" + strings.Join(segments, "/")
}

// journey is one link on its way, and the connection that it is for.
type journey struct {
	link       vault.Link
	connection *connection.Connection
	// wanted are the items that were asked for beforehand; see [Request].Choice.
	wanted map[string]string
	// stateless tells that the callback had no state, so that who came back need not be who was sent.
	stateless bool
	// form is what the user is to fill in before the journey can go on; nil if there is nothing.
	form *form
	// wait is how long the provider wants not to be asked, when the journey ends for that.
	wait time.Duration
}

func (f *Flow) tell(j *journey, name, reason string) {
	f.notify(Event{
		Name: name, Link: j.link.ID, Account: j.link.AccountID,
		Connection: j.connection.Name, Connector: j.connection.Connector().Name, Reason: reason,
	})
}

// fields name the journey in a log line. They hold IDs only.
func (j *journey) fields(more ...zap.Field) []zap.Field {
	list := []zap.Field{zap.String("account", string(j.link.AccountID)), zap.String("connection", j.connection.Name)}
	if j.link.ID != "" { // there is none without a browser
		list = append(list, zap.String("link", string(j.link.ID)))
	}
	return append(list, more...)
}

func (f *Flow) expired(l vault.Link) bool { return !f.now().Before(l.Expires) }

// detached is ctx without its cancellation, because a browser that goes away must not break off
// work whose code is spent already.
func detached(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}
