package declared

import (
	"cmp"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the protocol has it
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// checkOAuth1 checks a request that is signed after RFC 5849 with the account's token, if there is one. more are
// parameters that it has beside the usual ones; nil means none.
func (p *Provider) checkOAuth1(s *connectors.Signer, c *call, values connectors.Values, more func(*fields)) error {
	params, err := oauthParams(c)
	if err != nil {
		return err
	}
	if values, err = p.ownPair(s, values); err != nil {
		return err
	}
	f := newFields()
	var signature, nonce, moment string
	f.text("oauth_consumer_key", values["client_id"])
	f.text("oauth_signature_method", cmp.Or(s.Method, "HMAC-SHA1"))
	f.some("oauth_signature", &signature)
	f.some("oauth_nonce", &nonce)
	f.some("oauth_timestamp", &moment)
	f.may["oauth_version"] = is("1.0")
	if token := values["token"]; token != "" {
		f.text("oauth_token", token)
	}
	if more != nil {
		more(f)
	}
	realm, err := p.expand(s.Realm, values)
	if err != nil {
		return err
	}
	if realm != "" {
		f.text("realm", realm)
	}
	if err := f.check("parameter", params); err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(moment, 10, 64)
	if ago := p.now().Sub(time.Unix(seconds, 0)); err != nil || ago < -time.Second || ago > drift {
		return fmt.Errorf("has the time %q", moment)
	}
	if err := p.isNew("oauth_nonce "+nonce, `.+`); err != nil {
		return err
	}
	return p.checkOAuth1Signature(s, c, params, signature, values)
}

// ownPair has the consumer and the token of a signer that brings its own under the names that the others have.
func (p *Provider) ownPair(s *connectors.Signer, values connectors.Values) (connectors.Values, error) {
	own := maps.Clone(values)
	templates := map[string]connectors.Template{"client_id": s.KeyID, "token": s.Token, "token.secret": s.TokenSecret}
	if s.Method != "RSA-SHA1" {
		templates["client_secret"] = s.Key
	}
	for name, t := range templates {
		if t.IsZero() {
			continue
		}
		text, err := t.ExpandAt(values, p.now())
		if err != nil {
			return nil, err
		}
		own[name] = text
	}
	return own, nil
}

// oauthParams are those of the header.
func oauthParams(c *call) (url.Values, error) {
	header, err := c.once("Authorization")
	if err != nil {
		return nil, err
	}
	list, ok := strings.CutPrefix(header, "OAuth ")
	if !ok {
		return nil, errors.New("is not that of OAuth 1.0a")
	}
	params := url.Values{}
	for pair := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		plain, err := url.PathUnescape(strings.Trim(value, `"`))
		if err != nil {
			return nil, err
		}
		params.Add(name, plain)
	}
	return params, nil
}

func (p *Provider) checkOAuth1Signature(s *connectors.Signer, c *call, params url.Values, signature string, values connectors.Values) error {
	key := encodeStrictly(values["client_secret"]) + "&" + encodeStrictly(values["token.secret"])
	if values["token"] == "" {
		key = encodeStrictly(values["client_secret"]) + "&"
	}
	base := oauthBase(c, params)
	var want []byte
	switch s.Method {
	case "PLAINTEXT":
		if signature != key {
			return errSignature
		}
		return nil
	case "RSA-SHA1":
		return p.checkRSA(s, base, signature, values)
	case "HMAC-SHA256":
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(base))
		want = mac.Sum(nil)
	default:
		mac := hmac.New(sha1.New, []byte(key))
		mac.Write([]byte(base))
		want = mac.Sum(nil)
	}
	if base64.StdEncoding.EncodeToString(want) != signature {
		return errSignature
	}
	return nil
}

func (p *Provider) checkRSA(s *connectors.Signer, base, signature string, values connectors.Values) error {
	key, err := s.Key.ExpandAt(values, p.now())
	if err != nil {
		return err
	}
	public, err := publicOf(key)
	if err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	sum := sha1.Sum([]byte(base)) //nolint:gosec // the protocol has it
	k, ok := public.(*rsa.PublicKey)
	if err != nil || !ok || rsa.VerifyPKCS1v15(k, crypto.SHA1, sum[:], raw) != nil {
		return errSignature
	}
	return nil
}

// oauthBase is the signature base string (RFC 5849 section 3.4.1).
func oauthBase(c *call, params url.Values) string {
	var pairs []string
	add := func(from url.Values) {
		for name, values := range from {
			for _, value := range values {
				if name != "realm" && name != "oauth_signature" {
					pairs = append(pairs, encodeStrictly(name)+"="+encodeStrictly(value))
				}
			}
		}
	}
	add(params)
	add(c.query)
	if form, err := c.form(); err == nil {
		add(form)
	}
	slices.Sort(pairs)
	return strings.Join([]string{c.Method, encodeStrictly(c.origin() + c.path), encodeStrictly(strings.Join(pairs, "&"))}, "&")
}
