package consent

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// This file is the other place of the package where secrets leave their type: into what a link holds, which
// is sealed with the link.

// held is what a journey needs later, as JSON in [vault.Link].Held:
//
//	{"wanted": {"cloud_id": "c-1"}, "temporary": {"token": "t", "secret": "s"}}
//	{"device": {"device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://id.example.com/device", "interval": 5000000000}}
//	{"form": {"typed": ["site"], "values": {"site": "acme"}, "tries": 1, "last": "credential_refused"}}
//	{"choice": {"grant": {"access": "a", …}, "entry": 0, "items": [{"id": "c-1", "label": "One", "kept": {"cloud_id": "c-1"}}]}}
type held struct {
	// Wanted are the items that the app has named with the link, by the names that they are captured under.
	Wanted map[string]string `json:"wanted,omitempty"`
	// Temporary are the temporary credentials of OAuth 1.0a, while a browser is at the provider.
	Temporary *heldPair `json:"temporary,omitempty"`
	// Device is there while the user is to consent on another machine.
	Device *heldDevice `json:"device,omitempty"`
	// Choice is there while the user has to choose.
	Choice *heldChoice `json:"choice,omitempty"`
	// Form is there once the user has been shown a form.
	Form *heldForm `json:"form,omitempty"`
}

type heldPair struct {
	Token  string `json:"token"`
	Secret string `json:"secret"`
}

// heldChoice is a grant that waits for a choice.
type heldChoice struct {
	Grant heldGrant `json:"grant"`
	// Told is who the account is, where the token's answer has told that.
	Told vault.Identity `json:"told"`
	// Stateless is that of the journey.
	Stateless bool `json:"stateless,omitempty"`
	// Entry is the number of the connector's discovery that has found the items.
	Entry int    `json:"entry"`
	Items []item `json:"items"`
	// More tells that there were more items than are kept.
	More bool `json:"more,omitempty"`
}

// heldGrant is a grant but for its inputs, which the link has.
type heldGrant struct {
	Access         string            `json:"access"`
	Refresh        string            `json:"refresh,omitempty"`
	IDToken        string            `json:"id_token,omitempty"`
	Scopes         []string          `json:"scopes,omitzero"` // none is not the same as unknown
	ObtainedAt     time.Time         `json:"obtained_at"`
	Expires        time.Time         `json:"expires,omitzero"`
	RefreshExpires time.Time         `json:"refresh_expires,omitzero"`
	ClientID       string            `json:"client_id,omitempty"`
	RedirectURI    string            `json:"redirect_uri,omitempty"`
	Captured       map[string]string `json:"captured,omitempty"`
	Slots          map[string]string `json:"slots,omitempty"`
}

var errHeld = errors.New("what the link holds cannot be read")

// heldBy is what a link holds.
func heldBy(l vault.Link) (h held, err error) {
	if l.Held.IsZero() {
		return held{}, nil
	}
	if json.Unmarshal([]byte(l.Held.Reveal()), &h) != nil { // its error may show a value
		return held{}, errHeld
	}
	return h, nil
}

// secret is h for a link.
func (h held) secret() (vault.Secret, error) {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // it is no HTML, and a record has only so much room
	if err := e.Encode(h); err != nil {
		return vault.Secret{}, errHeld
	}
	if text.String() == "{}\n" {
		return vault.Secret{}, nil
	}
	return vault.NewSecret(text.String()), nil
}

// heldForm is what has been done with a form. It has no secret.
type heldForm struct {
	// Typed are the names of those of the link's inputs that its user has typed in.
	Typed []string `json:"typed,omitempty"`
	// Values is what stands in the fields when the form is shown again.
	Values map[string]string `json:"values,omitempty"`
	// Tries is how often the provider was asked, and Last the code that came of it.
	Tries int    `json:"tries,omitempty"`
	Last  string `json:"last,omitempty"`
}

// shown are the values of those inputs that are no secrets.
func shown(inputs []connectors.Input, values vault.Secrets) map[string]string {
	list := map[string]string{}
	for _, in := range inputs {
		if value, ok := values[in.Name]; ok && !in.Secret {
			list[in.Name] = value.Reveal()
		}
	}
	return list
}

func holdPair(token, secret vault.Secret) *heldPair {
	return &heldPair{Token: token.Reveal(), Secret: secret.Reveal()}
}

// heldDevice is what the provider is asked with whether the user has consented, and what the user is shown.
type heldDevice struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete,omitempty"`
	// Interval is in nanoseconds. It grows when the provider asks for that.
	Interval time.Duration `json:"interval"`
}

func holdDevice(d oauth.Device) *heldDevice {
	return &heldDevice{
		DeviceCode: d.DeviceCode.Reveal(), UserCode: d.UserCode, VerificationURI: d.VerificationURI,
		VerificationURIComplete: d.VerificationURIComplete, Interval: d.Interval,
	}
}

// device is the device of a link with this expiry.
func (h heldDevice) device(expires time.Time) oauth.Device {
	return oauth.Device{
		DeviceCode: vault.NewSecret(h.DeviceCode), UserCode: h.UserCode, VerificationURI: h.VerificationURI,
		VerificationURIComplete: h.VerificationURIComplete, Interval: h.Interval, Expires: expires,
	}
}

func holdGrant(g vault.Grant) heldGrant {
	return heldGrant{
		Access: g.Access.Reveal(), Refresh: g.Refresh.Reveal(), IDToken: g.IDToken.Reveal(), Scopes: g.Scopes,
		ObtainedAt: g.ObtainedAt, Expires: g.Expires, RefreshExpires: g.RefreshExpires,
		ClientID: g.ClientID, RedirectURI: g.RedirectURI, Captured: g.Captured, Slots: g.Slots.Reveal(),
	}
}

// grant is the grant of a link with these inputs.
func (h heldGrant) grant(inputs vault.Secrets) vault.Grant {
	return vault.Grant{
		Access: vault.NewSecret(h.Access), Refresh: vault.NewSecret(h.Refresh), IDToken: vault.NewSecret(h.IDToken), Scopes: h.Scopes,
		ObtainedAt: h.ObtainedAt, Expires: h.Expires, RefreshExpires: h.RefreshExpires,
		ClientID: h.ClientID, RedirectURI: h.RedirectURI, Captured: h.Captured, Slots: vault.NewSecrets(h.Slots), Inputs: inputs,
	}
}

// item is one of several sites, tenants or the like that an account has.
type item struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	// Kept is what is captured if it is chosen.
	Kept map[string]string `json:"kept"`
}
