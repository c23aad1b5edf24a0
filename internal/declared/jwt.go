package declared

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512" // for crypto.Hash
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// defaultLifetime is that of a JWT whose declaration says nothing.
const defaultLifetime = 5 * time.Minute

// verify checks a JWT that the other side has signed. One that is the credential itself may come again.
func (p *Provider) verify(j *connectors.JWT, token string, values connectors.Values) error {
	if j == nil {
		return errors.New("no JWT is declared")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("is no JWT")
	}
	head, err := members(parts[0])
	if err != nil {
		return err
	}
	claims, err := members(parts[1])
	if err != nil {
		return err
	}
	if err := p.checkHead(j, head, values); err != nil {
		return fmt.Errorf("has a JWT whose header %w", err)
	}
	if err := p.checkClaims(j, claims, values); err != nil {
		return fmt.Errorf("has a JWT whose claim %w", err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	key, err := j.Key.ExpandAt(values, p.now())
	if err != nil {
		return err
	}
	return verifySignature(j, key, parts[0]+"."+parts[1], signature)
}

// members are those of a part of a JWT, as text.
func members(part string) (url.Values, error) {
	body, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	texts := url.Values{}
	for name, value := range all {
		texts.Set(name, text(value))
	}
	return texts, nil
}

func (p *Provider) checkHead(j *connectors.JWT, head url.Values, values connectors.Values) error {
	f := newFields()
	f.text("alg", j.Alg)
	f.text("typ", "JWT")
	p.templates(f, j.Header, values)
	f.may["typ"] = f.must["typ"]
	delete(f.must, "typ")
	return f.check("member", head)
}

func (p *Provider) checkClaims(j *connectors.JWT, claims url.Values, values connectors.Values) error {
	f := newFields()
	var iat, exp, jti string
	f.some("iat", &iat)
	f.some("exp", &exp)
	if j.JTI {
		f.some("jti", &jti)
	}
	if j.NBF {
		f.must["nbf"] = func(got string) error { return is(iat)(got) } // iat is looked at first
	}
	p.templates(f, j.Claims, values)
	if err := f.check("claim", claims); err != nil {
		return err
	}
	issued, err := epoch(iat)
	if err != nil {
		return err
	}
	ends, err := epoch(exp)
	if err != nil {
		return err
	}
	life := time.Duration(j.Lifetime)
	if life == 0 {
		life = defaultLifetime
	}
	switch now := p.now(); {
	case issued.After(now.Add(time.Second)):
		return errors.New("iat is in the future")
	case !ends.After(now):
		return errExpired
	case ends.Sub(issued) != life:
		return fmt.Errorf("exp is %s after iat, and not %s", ends.Sub(issued), life)
	case jti == "" || p.connector.Mode == connectors.ModeJWT:
		return nil
	}
	return p.isNew("jti "+jti, `.+`)
}

var errExpired = errors.New("exp is over")

func epoch(text string) (time.Time, error) {
	var n int64
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return time.Time{}, fmt.Errorf("time %q is no number of seconds", text)
	}
	return time.Unix(n, 0), nil
}

// verifySignature checks what a key in PEM, or a secret, has signed.
func verifySignature(j *connectors.JWT, key, message string, signature []byte) error {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[j.Alg[2:]]
	if strings.HasPrefix(j.Alg, "HS") {
		secret, err := decodeKey(j.KeyEncoding, key)
		if err != nil {
			return err
		}
		mac := hmac.New(hash.New, secret)
		mac.Write([]byte(message))
		if !hmac.Equal(mac.Sum(nil), signature) {
			return errSignature
		}
		return nil
	}
	public, err := publicOf(key)
	if err != nil {
		return err
	}
	ok := false
	if edwards, is := public.(ed25519.PublicKey); is {
		ok = j.Alg == "EdDSA" && ed25519.Verify(edwards, []byte(message), signature)
	} else if hash != 0 {
		h := hash.New()
		h.Write([]byte(message))
		ok = verifyDigest(j.Alg, public, hash, h.Sum(nil), signature)
	}
	if !ok {
		return errSignature
	}
	return nil
}

var errSignature = errors.New("has a signature that does not hold")

func verifyDigest(alg string, public crypto.PublicKey, hash crypto.Hash, digest, signature []byte) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if strings.HasPrefix(alg, "PS") {
			return rsa.VerifyPSS(public, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return strings.HasPrefix(alg, "RS") && rsa.VerifyPKCS1v15(public, hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		half := (public.Curve.Params().BitSize + 7) / 8
		if !strings.HasPrefix(alg, "ES") || len(signature) != 2*half || hash.Size() != half {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return ecdsa.Verify(public, digest, r, s)
	}
	return false
}

func decodeKey(encoding, key string) ([]byte, error) {
	switch encoding {
	case "hex":
		return hex.DecodeString(key)
	case "base64":
		return base64.StdEncoding.DecodeString(key)
	}
	return []byte(key), nil
}
