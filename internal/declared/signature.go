package declared

import (
	"cmp"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // where a connector wants it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// takeSignature checks the signature of a request as it was sent, and takes its headers off the rest.
func (p *Provider) takeSignature(sent, rest *call, values connectors.Values) error {
	s := p.connector.Signer
	if s == nil {
		return nil
	}
	var err error
	switch s.Kind {
	case connectors.SignerSigV4:
		err = p.checkSigV4(s, sent, values)
		for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token"} {
			rest.Header.Del(name)
		}
	case connectors.SignerOAuth1:
		err = p.checkOAuth1(s, sent, values, nil)
		rest.Header.Del("Authorization")
	case connectors.SignerWSSE:
		err = p.checkWSSE(s, sent, values)
		rest.Header.Del("X-Wsse")
	default:
		err = p.checkParts(s, sent, values)
		for _, name := range []string{s.Header, s.Timestamp, s.Nonce} {
			rest.Header.Del(name)
		}
	}
	if err != nil {
		return fmt.Errorf("the signature %w", err)
	}
	return nil
}

// expand fills a template; one that names an input without a value, and one that is not declared, is empty.
func (p *Provider) expand(t connectors.Template, values connectors.Values) (string, error) {
	if t.IsZero() || p.leftOut(t) {
		return "", nil
	}
	return t.ExpandAt(values, p.now())
}

// once is the one value of a header.
func (c *call) once(name string) (string, error) {
	list := c.Header[http.CanonicalHeaderKey(name)]
	if len(list) != 1 {
		return "", fmt.Errorf("has header %s %d times", name, len(list))
	}
	return list[0], nil
}

// checkParts checks an HMAC, or an Ed25519 signature, over parts of the request.
func (p *Provider) checkParts(s *connectors.Signer, c *call, values connectors.Values) error {
	made, err := p.madeParts(s, c, values)
	if err != nil {
		return err
	}
	message := strings.Join(partTexts(s.Parts, c, made), cmp.Or(s.Separator, "\n"))
	key, err := s.Key.ExpandAt(values, p.now())
	if err != nil {
		return err
	}
	decode := map[string]func(string) ([]byte, error){
		"": hex.DecodeString, "hex": hex.DecodeString,
		"base64": base64.StdEncoding.DecodeString, "base64url": base64.RawURLEncoding.DecodeString,
	}[s.Encoding]
	signature, err := decode(made["signature"])
	if err != nil {
		return fmt.Errorf("is not encoded as %s", s.Encoding)
	}
	if s.Kind == connectors.SignerEd25519 {
		public, err := publicOf(key)
		if err != nil {
			return err
		}
		if k, ok := public.(ed25519.PublicKey); !ok || !ed25519.Verify(k, []byte(message), signature) {
			return errSignature
		}
		return nil
	}
	hashes := map[string]func() hash.Hash{"": sha256.New, "sha256": sha256.New, "sha1": sha1.New, "sha512": sha512.New}
	mac := hmac.New(hashes[s.Hash], []byte(key))
	mac.Write([]byte(message))
	if !hmac.Equal(mac.Sum(nil), signature) {
		return errSignature
	}
	return nil
}

// madeParts are what is made for a signature, from its headers: the signature itself, too.
func (p *Provider) madeParts(s *connectors.Signer, c *call, values connectors.Values) (map[string]string, error) {
	made := map[string]string{}
	var err error
	if made["key_id"], err = p.expand(s.KeyID, values); err != nil {
		return nil, err
	}
	header, err := c.once(s.Header)
	if err != nil {
		return nil, err
	}
	pattern := regexp.QuoteMeta(cmp.Or(s.Template, "{signature}"))
	pattern = strings.ReplaceAll(pattern, `\{key_id\}`, regexp.QuoteMeta(made["key_id"]))
	for _, name := range []string{"signature", "timestamp", "nonce"} {
		pattern = strings.ReplaceAll(pattern, `\{`+name+`\}`, `(?P<`+name+`>[^\s,]+)`)
	}
	re := regexp.MustCompile(`\A` + pattern + `\z`)
	found := re.FindStringSubmatch(header)
	if found == nil {
		return nil, fmt.Errorf("is %q and not as %s", header, s.Template)
	}
	for i, name := range re.SubexpNames() {
		if name != "" {
			made[name] = found[i]
		}
	}
	for name, in := range map[string]string{"timestamp": s.Timestamp, "nonce": s.Nonce} {
		if in == "" {
			continue
		}
		if made[name], err = c.once(in); err != nil {
			return nil, err
		}
	}
	if t := made["timestamp"]; t != "" && !p.fitsText(`{now("`+cmp.Or(s.TimestampAs, "unix")+`")}`, t, nil) {
		return nil, fmt.Errorf("has the time %q", t)
	}
	if n := made["nonce"]; n != "" {
		return made, p.isNew(n, `\S{8,}`)
	}
	return made, nil
}

// partTexts are the parts of a request that are signed.
func partTexts(parts []string, c *call, made map[string]string) (texts []string) {
	pathAndQuery := c.path
	if c.URL.RawQuery != "" {
		pathAndQuery += "?" + c.URL.RawQuery
	}
	sum := sha256.Sum256(c.body)
	all := map[string]string{
		"method": c.Method, "host": c.Host, "path": c.path, "query": c.URL.RawQuery, "path_and_query": pathAndQuery,
		"url": c.URL.Scheme + "://" + c.Host + pathAndQuery, "body": string(c.body), "body_sha256": hex.EncodeToString(sum[:]),
	}
	for _, part := range parts {
		texts = append(texts, all[part]+made[part])
	}
	return texts
}

var usernameToken = regexp.MustCompile(`\AUsernameToken Username="([^"]*)", PasswordDigest="([^"]*)", Nonce="([^"]*)", Created="([^"]*)"\z`)

// checkWSSE checks a UsernameToken (OASIS WSS UsernameToken Profile 1.1 section 3.1). With hexadecimal text
// the digest is over that text, and written as such in base64.
func (p *Provider) checkWSSE(s *connectors.Signer, c *call, values connectors.Values) error {
	header, err := c.once("X-Wsse")
	if err != nil {
		return err
	}
	found := usernameToken.FindStringSubmatch(header)
	if found == nil {
		return errors.New("is no UsernameToken")
	}
	if err := p.fits(s.KeyID, found[1], values); err != nil {
		return err
	}
	if !p.fitsText(`{now("rfc3339")}`, found[4], nil) {
		return fmt.Errorf("has the time %q", found[4])
	}
	key, err := s.Key.ExpandAt(values, p.now())
	if err != nil {
		return err
	}
	nonce := []byte(found[3])
	if s.Encoding != "hex" {
		if nonce, err = base64.StdEncoding.DecodeString(found[3]); err != nil {
			return errors.New("has a nonce that is not base64")
		}
	}
	sum := sha1.Sum(slices.Concat(nonce, []byte(found[4]+key))) //nolint:gosec // the protocol has no other
	digest := sum[:]
	if s.Encoding == "hex" {
		digest = []byte(hex.EncodeToString(digest))
	}
	if base64.StdEncoding.EncodeToString(digest) != found[2] {
		return errSignature
	}
	return p.isNew(found[3], `.{16,}`)
}
