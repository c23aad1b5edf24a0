package oauth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// dialect stands between x/oauth2, which speaks plain RFC 6749, and one provider, for one call. It
// rewrites the token request into the form that the connector declares, and the answer back.
//
//	x/oauth2 --form POST--> encode --provider's form--> endpoint
//	x/oauth2 <--RFC JSON--- decode <--provider's JSON-- endpoint
type dialect struct {
	client *Client
	app    App
	op     string
	// params are added to the request.
	params map[string]string
	// secrets are what the request holds; an error code that repeats one is not passed on.
	secrets []vault.Secret
	// started is what lifetimes in the answer count from: before the request, so that a slow answer
	// does not lengthen them.
	started time.Time
	// token is the whole result: x/oauth2's own token has no place for all of it.
	token Token
}

// RoundTrip sends the token request exactly once.
func (d *dialect) RoundTrip(r *http.Request) (*http.Response, error) {
	m, err := d.encode(r)
	if err != nil {
		return nil, err
	}
	a, err := d.client.send(r.Context(), d.op, m)
	if err != nil {
		return nil, err
	}
	if d.token, err = d.decode(a); err != nil {
		return nil, err
	}
	return d.plainAnswer(r)
}

// encode turns the request of x/oauth2 into the provider's.
func (d *dialect) encode(r *http.Request) (message, error) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return message{}, unsent(d.op, ClassOperator, CodeIncomplete)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return message{}, unsent(d.op, ClassOperator, CodeIncomplete)
	}
	for name, value := range d.params {
		if !form.Has(name) { // the grant itself is never overwritten
			form.Set(name, value)
		}
	}
	call := d.app.Connector.Token
	return message{
		method:  http.MethodPost,
		url:     r.URL.String(),
		headers: call.Headers,
		auth:    d.app.authorization(),
		form:    form,
		body:    call.Body,
	}, nil
}

// plainAnswer is the token as an answer of RFC 6749 section 5.1.
func (d *dialect) plainAnswer(r *http.Request) (*http.Response, error) {
	body, err := json.Marshal(map[string]string{
		"access_token": d.token.Access.Reveal(),
		"token_type":   "Bearer",
	})
	if err != nil {
		return nil, &Error{Op: d.op, Class: ClassMalformed, Code: CodeBadTokenResponse}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}, nil
}

// authorization returns the client's Authorization header, empty when it authenticates in the
// body or not at all.
func (a App) authorization() string {
	switch a.Connector.Token.ClientAuth {
	case connectors.ClientAuthBasic, connectors.ClientAuthBasicRaw:
		return a.basic()
	}
	return ""
}

// basic returns HTTP Basic credentials. RFC 6749 section 2.3.1 wants both halves form-encoded
// before they are joined; basic_raw is for providers that do not decode them.
func (a App) basic() string {
	id, secret := a.ClientID, a.ClientSecret.Reveal()
	if a.Connector.Token.ClientAuth != connectors.ClientAuthBasicRaw {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

var _ http.RoundTripper = (*dialect)(nil)
