package sign

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dghubble/oauth1"

	"github.com/claviger-proxy/claviger/connectors"
)

// The methods of [connectors.Signer].Method.
const (
	hmacSHA1   = "HMAC-SHA1"
	hmacSHA256 = "HMAC-SHA256"
	rsaSHA1    = "RSA-SHA1"
	plaintext  = "PLAINTEXT"
)

// The names of values that OAuth 1.0a takes.
const (
	clientSecret = "client_secret"
	tokenSecret  = "token." + connectors.SlotSecret
)

var errNotOAuth1 = errors.New("the signer is not one of OAuth 1.0a")

// SignRequestToken is Sign for the call that asks for temporary credentials (RFC 5849 section 2.1). It is
// signed for the client alone, whatever token the values have. The callback is the URL to return to, or
// "oob". The answer's oauth_token and oauth_token_secret are the token and token.secret for
// SignAccessToken.
func (s *Signer) SignRequestToken(r *http.Request, values connectors.Values, callback string, body []byte, now time.Time) error {
	o, ok := s.scheme.(*oauth1Scheme)
	if !ok {
		return errNotOAuth1
	}
	c := &call{request: r, values: values, body: body, now: now}
	return c.finish(o.authorize(c, "", "", param{"oauth_callback", callback}))
}

// SignAccessToken is Sign for the call that asks for token credentials (RFC 5849 section 2.3). The values
// have the temporary credentials as token and token.secret.
func (s *Signer) SignAccessToken(r *http.Request, values connectors.Values, verifier string, body []byte, now time.Time) error {
	o, ok := s.scheme.(*oauth1Scheme)
	if !ok {
		return errNotOAuth1
	}
	c := &call{request: r, values: values, body: body, now: now}
	token, err := c.value(connectors.NameToken)
	if err != nil {
		return c.finish(nil, err)
	}
	secret, err := c.value(tokenSecret)
	if err != nil {
		return c.finish(nil, err)
	}
	return c.finish(o.authorize(c, token, secret, param{"oauth_verifier", verifier}))
}

// value is a value that must be there.
func (c *call) value(name string) (string, error) {
	if c.values[name] == "" {
		return "", fmt.Errorf("no value for {%s}", name)
	}
	return c.values[name], nil
}

// oauth1Scheme is OAuth 1.0a (RFC 5849) with its parameters in the header. The library signs; what is
// signed is put together here, because the library's own transport takes one value of each parameter only.
type oauth1Scheme struct{ declared connectors.Signer }

func newOAuth1(s *connectors.Signer) (*oauth1Scheme, error) {
	declared := *s
	declared.Method = cmp.Or(declared.Method, hmacSHA1)
	if !slices.Contains([]string{hmacSHA1, hmacSHA256, rsaSHA1, plaintext}, declared.Method) {
		return nil, errors.New("unknown method")
	}
	return &oauth1Scheme{declared}, nil
}

func (*oauth1Scheme) headers() []string { return []string{"Authorization"} }

// A form is signed with everything but PLAINTEXT; other bodies are not.
func (o *oauth1Scheme) needsBody() bool { return o.declared.Method != plaintext }

func (o *oauth1Scheme) sign(c *call) (map[string]string, error) {
	token, secret, err := o.token(c)
	if err != nil {
		return nil, err
	}
	return o.authorize(c, token, secret)
}

// token is the token that requests are signed with, and its secret; both are empty without one.
func (o *oauth1Scheme) token(c *call) (token, secret string, err error) {
	if o.declared.Token.IsZero() {
		if token = c.values[connectors.NameToken]; token != "" {
			secret, err = c.value(tokenSecret)
		}
		return token, secret, err
	}
	if token, err = c.expand("token", o.declared.Token); err == nil {
		secret, err = c.expand("token_secret", o.declared.TokenSecret)
	}
	return token, secret, err
}

// param is one parameter, plain.
type param struct{ name, value string }

// authorize makes the header for a token, or for the client alone if that is empty.
func (o *oauth1Scheme) authorize(c *call, token, tokenSecret string, more ...param) (map[string]string, error) {
	id, err := o.consumer(c)
	if err != nil {
		return nil, err
	}
	signer, err := o.signer(c)
	if err != nil {
		return nil, err
	}
	realm, err := c.optional("realm", o.declared.Realm)
	if err != nil {
		return nil, err
	}
	protocol := append([]param{
		{"oauth_consumer_key", id},
		{"oauth_nonce", rand.Text()},
		{"oauth_signature_method", signer.Name()},
		{"oauth_timestamp", strconv.FormatInt(c.now.Unix(), 10)},
		{"oauth_version", "1.0"},
	}, more...)
	if token != "" {
		protocol = append(protocol, param{"oauth_token", token})
	}
	value, err := authorization(c, signer, tokenSecret, realm, protocol)
	if err != nil {
		return nil, err
	}
	return map[string]string{"Authorization": value}, nil
}

// consumer is the consumer key: KeyID, or else the client's ID.
func (o *oauth1Scheme) consumer(c *call) (string, error) {
	if o.declared.KeyID.IsZero() {
		return c.value(connectors.NameClientID)
	}
	return c.expand("key_id", o.declared.KeyID)
}

// secret is the consumer secret, or the private key: Key where it is the key of RSA or stands beside KeyID,
// and else the client's secret.
func (o *oauth1Scheme) secret(c *call) (string, error) {
	if o.declared.Key.IsZero() || o.declared.KeyID.IsZero() && o.declared.Method != rsaSHA1 {
		return c.value(clientSecret)
	}
	return c.expand("key", o.declared.Key)
}

// signer is the library's for the method.
func (o *oauth1Scheme) signer(c *call) (oauth1.Signer, error) {
	secret, err := o.secret(c)
	if err != nil {
		return nil, err
	}
	switch o.declared.Method {
	case rsaSHA1:
		return rsaSigner(secret)
	case hmacSHA256:
		return &oauth1.HMAC256Signer{ConsumerSecret: secret}, nil
	case plaintext:
		return plainSigner(secret), nil
	}
	return &oauth1.HMACSigner{ConsumerSecret: secret}, nil
}

func rsaSigner(text string) (oauth1.Signer, error) {
	key, err := rsaKey(text)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return &oauth1.RSASigner{PrivateKey: key}, nil
}

// plainSigner is the method PLAINTEXT (RFC 5849 section 3.4.4), which the library lacks.
type plainSigner string

func (plainSigner) Name() string { return plaintext }

func (s plainSigner) Sign(tokenSecret, _ string) (string, error) {
	return oauth1.PercentEncode(string(s)) + "&" + oauth1.PercentEncode(tokenSecret), nil
}

// authorization signs the request with the protocol parameters, and writes the header (RFC 5849 section
// 3.5.1).
func authorization(c *call, signer oauth1.Signer, tokenSecret, realm string, protocol []param) (string, error) {
	base, err := baseString(c, signer.Name(), protocol)
	if err != nil {
		return "", err
	}
	signature, err := signer.Sign(tokenSecret, base)
	if err != nil {
		return "", errors.New("key: cannot sign") // the library's error is about the key
	}
	var fields []string
	if realm != "" {
		fields = append(fields, `realm="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm)+`"`)
	}
	for _, p := range append(slices.Clone(protocol), param{"oauth_signature", signature}) {
		fields = append(fields, p.name+`="`+oauth1.PercentEncode(p.value)+`"`)
	}
	return "OAuth " + strings.Join(fields, ", "), nil
}

// baseString is what is signed (RFC 5849 section 3.4.1).
func baseString(c *call, method string, protocol []param) (string, error) {
	params := slices.Clone(protocol)
	query, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil {
		return "", ErrQuery
	}
	form, err := c.form(method)
	if err != nil {
		return "", err
	}
	for _, values := range []url.Values{query, form} {
		for name, list := range values {
			if strings.HasPrefix(name, "oauth_") {
				return "", ErrOAuthParam
			}
			for _, value := range list {
				params = append(params, param{name, value})
			}
		}
	}
	for i, p := range params {
		params[i] = param{oauth1.PercentEncode(p.name), oauth1.PercentEncode(p.value)}
	}
	slices.SortFunc(params, func(a, b param) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	pairs := make([]string, len(params))
	for i, p := range params {
		pairs[i] = p.name + "=" + p.value
	}
	return strings.ToUpper(c.method()) + "&" + oauth1.PercentEncode(c.baseURI()) + "&" + oauth1.PercentEncode(strings.Join(pairs, "&")), nil
}

// form is the body's parameters, if it is a form and the method signs something.
func (c *call) form(method string) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || method == plaintext {
		return nil, nil
	}
	body, err := c.read()
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, ErrQuery
	}
	return form, nil
}

// baseURI is the URL without its query and without a default port (RFC 5849 section 3.4.1.2).
func (c *call) baseURI() string {
	u := c.request.URL
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(c.host())
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	return scheme + "://" + host + cmp.Or(u.EscapedPath(), "/")
}
