package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/claviger-proxy/claviger/vault"
)

// dialect stands between x/oauth2, which speaks plain RFC 6749, and one provider, for one call. It
// rewrites the token request into the form that the connector declares, and the answer back.
//
//	x/oauth2 --form POST--> encode --provider's form----> endpoint
//	x/oauth2 <--RFC JSON--- decode <--provider's answer-- endpoint
type dialect struct {
	*call
	// more are standard fields that x/oauth2 does not write.
	more url.Values
	// without are standard fields that it writes and that this call has not.
	without []string
	// token is the whole result: x/oauth2's own token has no place for all of it.
	token Token
}

// RoundTrip sends the token request, once but for what [call.ask] says.
func (d *dialect) RoundTrip(r *http.Request) (*http.Response, error) {
	form, err := d.standard(r)
	if err != nil {
		return nil, err
	}
	err = d.ask(r.Context(), func() (message, error) { return d.encode(r.URL.String(), maps.Clone(form)) }, func(a answer) (err error) {
		d.token, err = d.decode(a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d.plainAnswer(r)
}

// standard reads the fields of x/oauth2's request.
func (d *dialect) standard(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, unsent(d.op, ClassOperator, CodeIncomplete)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, unsent(d.op, ClassOperator, CodeIncomplete)
	}
	return form, nil
}

// encode turns the request of x/oauth2 into the provider's. Who asks is added here for all ways to say so.
func (d *dialect) encode(to string, form url.Values) (message, error) {
	who, auth, err := d.authenticate(authClient, vault.Secret{})
	if err != nil {
		return message{}, err
	}
	maps.Copy(form, who)
	maps.Copy(form, d.more)
	for _, name := range d.without {
		form.Del(name)
	}
	if form, err = d.write(form); err != nil {
		return message{}, err
	}
	headers, err := d.fill.headers(d.spelling.headers...)
	if err != nil {
		return message{}, err
	}
	if err := d.sign(form, headers); err != nil {
		return message{}, err
	}
	return message{
		method: d.spelling.method, url: to, accept: d.reads.accept(), headers: headers,
		auth: auth, form: form, body: d.spelling.body,
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

// run lets x/oauth2 write the request for the endpoint and read the answer.
func (d *dialect) run(ctx context.Context, endpoint string, do func(context.Context, *oauth2.Config) (*oauth2.Token, error)) (Token, error) {
	if err := d.check(authClient); err != nil {
		return Token{}, err
	}
	resource, err := d.fill.text(d.app.Connector.Token.Resource)
	if err != nil {
		return Token{}, err
	}
	if d.more == nil {
		d.more = url.Values{}
	}
	if resource != "" {
		d.more.Set("resource", resource)
	}
	if endpoint == "" {
		return Token{}, unsent(d.op, ClassOperator, CodeIncomplete)
	}
	// The style is explicit: x/oauth2 probes otherwise, and a failed probe burns the code.
	config := &oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: endpoint, AuthStyle: oauth2.AuthStyleInParams}}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: d})
	if _, err := do(ctx, config); err != nil {
		return Token{}, d.translate(err)
	}
	return d.token, nil
}

// present is run for a grant that consists of these fields.
func (d *dialect) present(ctx context.Context, endpoint string, fields url.Values) (Token, error) {
	return d.run(ctx, endpoint, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		plain := clientcredentials.Config{
			TokenURL: config.Endpoint.TokenURL, AuthStyle: config.Endpoint.AuthStyle, EndpointParams: fields,
		}
		return plain.Token(ctx)
	})
}

// translate takes our own error out of what net/http and x/oauth2 wrapped around it. Theirs hold
// the URL or the body.
func (d *dialect) translate(err error) error {
	if e := own(err); e != nil {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", d.op, context.Canceled)
	}
	// The dialect makes every other error itself; what is left is an endpoint that is no URL.
	return unsent(d.op, ClassOperator, CodeIncomplete)
}

var _ http.RoundTripper = (*dialect)(nil)
