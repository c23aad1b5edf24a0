package oauth

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// Codes of [Client.DevicePoll]'s errors (RFC 8628 section 3.5). The first two are of [ClassTransient], the
// others of [ClassPermanent].
const (
	CodeAuthorizationPending = "authorization_pending" // the user has not decided yet
	CodeSlowDown             = "slow_down"             // as before, and the interval is 5 seconds longer from now on
	CodeAccessDenied         = "access_denied"         // the user has said no
	CodeExpiredToken         = "expired_token"         // the device code is too old; begin anew
)

const (
	defaultInterval = 5 * time.Second // RFC 8628 section 3.2
	maxInterval     = 5 * time.Minute
	maxDeviceLife   = 24 * time.Hour
	maxUserCode     = 64
)

// Device is a device that waits for the user's consent.
type Device struct {
	DeviceCode vault.Secret
	// UserCode is what the user types in at VerificationURI.
	UserCode        string
	VerificationURI string
	// VerificationURIComplete has the user code in it; empty when the provider gave none.
	VerificationURIComplete string
	Expires                 time.Time
	// Interval is how long to wait between two polls.
	Interval time.Duration
}

// DeviceStart asks for a device code (RFC 8628 section 3.1), with the given scopes beside the connection's. It
// is shown to the user, and then polled for.
func (c *Client) DeviceStart(ctx context.Context, app App, scopes []string) (Device, error) {
	k, err := c.begin(app, opDevice)
	if err != nil {
		return Device{}, err
	}
	if app.Connector.Device == nil || app.Endpoints.Device == "" {
		return Device{}, unsent(opDevice, ClassOperator, CodeIncomplete)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	k.reads = reading{}
	var d Device
	err = k.ask(ctx, func() (message, error) { return k.deviceMessage(scopes) }, func(a answer) (err error) {
		d, err = k.readDevice(a)
		return err
	})
	return d, err
}

// deviceMessage is the request for a device code. The client authenticates as at the token endpoint.
func (c *call) deviceMessage(more []string) (message, error) {
	if err := c.check(authClient); err != nil {
		return message{}, err
	}
	form, auth, err := c.authenticate(authClient, vault.Secret{})
	if err != nil {
		return message{}, err
	}
	scopes, err := c.app.scopes(c.fill, more)
	if err != nil {
		return message{}, err
	}
	resource, err := c.fill.text(c.app.Connector.Token.Resource)
	if err != nil {
		return message{}, err
	}
	form = c.spelling.spell(form)
	if resource != "" {
		form.Set("resource", resource)
	}
	maps.Copy(form, c.app.scopeParams(or(c.app.Connector.Authorize.Scope.Param, "scope"), scopes))
	params, err := c.fields(c.app.Connector.Device.Params)
	if err != nil {
		return message{}, err
	}
	for name, values := range params {
		if !form.Has(name) {
			form[name] = values
		}
	}
	return message{method: http.MethodPost, url: c.app.Endpoints.Device, auth: auth, form: form, body: bodyForm}, nil
}

func (c *call) readDevice(a answer) (Device, error) {
	doc := c.reads.document(a)
	switch {
	case !a.ok(), c.failed(doc):
		return Device{}, c.refusal(a, doc)
	case a.tooLarge:
		return Device{}, c.malformed(a, CodeAnswerTooLarge)
	}
	code, ok := readSecret(doc.find("device_code"))
	user, _ := doc.text("user_code")
	life, dead, known := remaining(c.started, doc.find("expires_in"), "")
	to, _ := doc.text("verification_uri")
	if to == "" {
		to, _ = doc.text("verification_url") // Google's, from before the RFC
	}
	complete, _ := doc.text("verification_uri_complete")
	if !ok || code.IsZero() || user == "" || len(user) > maxUserCode || !printable(user) || !known || dead ||
		!isPage(to) || complete != "" && !isPage(complete) {
		return Device{}, c.malformed(a, CodeBadTokenResponse)
	}
	interval := defaultInterval
	if n, none, ok := remaining(c.started, doc.find("interval"), ""); ok && !none {
		interval = lifetime(n, maxInterval)
	}
	return Device{
		DeviceCode: code, UserCode: user, VerificationURI: to, VerificationURIComplete: complete,
		Expires: c.started.Add(lifetime(life, maxDeviceLife)), Interval: interval,
	}, nil
}

// isPage tells whether a user can be sent there: an https URL, or one of this machine.
func isPage(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || len(text) > maxCaptured || !printable(text) {
		return false
	}
	name := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (name == "localhost" || name == "127.0.0.1" || name == "::1")
}

// DevicePoll asks once whether the user has consented, and goes through the connector's steps then. It is
// not to be called more often than d.Interval; see [CodeAuthorizationPending] for what its errors say.
func (c *Client) DevicePoll(ctx context.Context, app App, d Device) (Token, error) {
	k, err := c.begin(app, opDevice, d.DeviceCode)
	if err != nil {
		return Token{}, err
	}
	if d.DeviceCode.IsZero() {
		return Token{}, unsent(opDevice, ClassOperator, CodeIncomplete)
	}
	if app.Connector.Mode != connectors.ModeDevice {
		// The connector's grant_type is for codes of another kind.
		k.spelling.params = maps.Clone(k.spelling.params)
		delete(k.spelling.params, "grant_type")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	poll := &dialect{call: k}
	token, err := poll.present(ctx, app.Endpoints.Token, url.Values{
		"grant_type": {grantDevice}, "device_code": {d.DeviceCode.Reveal()},
	})
	if err != nil {
		return Token{}, err
	}
	return k.steps(ctx, whenConnect, token)
}
