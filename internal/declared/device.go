package declared

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// interval is how long a device has to wait between two polls.
const interval = 5 * time.Second

// device is one that waits for the user's consent (RFC 8628).
type device struct {
	asked   time.Time
	polls   int
	allowed bool
	used    bool
}

// startDevice answers a device authorization request. The client may authenticate as at the token endpoint.
func (p *Provider) startDevice(c *call) (*answer, error) {
	f, headers, whole := newFields(), newFields(), newFields()
	p.authenticates(whole, headers)
	f.text("client_id", p.values["client_id"])
	for name, t := range whole.must {
		if f.must[name] == nil {
			f.may[name] = t
		}
	}
	headers.may, headers.must = headers.must, map[string]test{}
	if err := p.scopeFields(f, p.wanted()); err != nil {
		return nil, err
	}
	if t := p.connector.Token.Resource; !t.IsZero() {
		f.may["resource"] = func(got string) error { return p.fits(t, got, p.values) }
	}
	f.renamed(p.connector.Token.FieldNames, nil)
	p.templates(f, p.connector.Device.Params, p.values)
	if err := headers.checkHeaders(c); err != nil {
		return nil, err
	}
	got, err := c.form()
	if err != nil {
		return nil, err
	}
	if err := f.check("field", got); err != nil {
		return nil, err
	}
	p.minted++
	id := fmt.Sprintf("device-%d-of-%s+/=", p.minted, p.connector.Name)
	p.devices[id] = &device{asked: p.now()}
	return document{
		"device_code": id, "user_code": "ABCD-EFGH", "verification_uri": "https://device.example.com/",
		"verification_uri_complete": "https://device.example.com/?user_code=ABCD-EFGH",
		"expires_in":                600, "interval": int(interval / time.Second),
	}.answerJSON(http.StatusOK), nil
}

// pollDevice answers a device that asks whether the user has consented.
func (p *Provider) pollDevice(c *call) (*answer, error) {
	k := p.tokenCall()
	var id string
	k.fields.text("grant_type", grantDevice)
	k.fields.some("device_code", &id)
	if p.connector.Mode != connectors.ModeDevice { // what is added is for the codes of the mode
		k.params = nil
	}
	if err := p.check(k, c); err != nil {
		return nil, err
	}
	d, ok := p.devices[id]
	switch {
	case !ok || d.used:
		return nil, errors.New("the device code was never given, or used before")
	case p.now().Sub(d.asked) < interval:
		return nil, errors.New("the device does not wait between two polls")
	}
	d.polls++
	d.asked = p.now()
	r := &p.connector.Token.Response
	if a := p.refused(r, false); a != nil {
		return a, nil
	}
	if !d.allowed {
		return p.refuse(r, connectors.ErrorCase{Code: "authorization_pending"}), nil
	}
	d.used = true
	s := p.begin(p.newGrant(""))
	a := p.sayToken(s, false)
	p.done(s, phaseConnect)
	return a, nil
}
