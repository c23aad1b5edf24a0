package sign

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/claviger-proxy/claviger/connectors"
)

const defaultLifetime = 5 * time.Minute

// JWT returns the token that j declares, signed, in the compact form. A member of the header or a claim
// whose template names an optional input without a value is left out. Errors say which part is wrong.
func JWT(j *connectors.JWT, values connectors.Values, now time.Time) (string, error) {
	key, err := jwtKey(j, values, now)
	if err != nil {
		return "", err
	}
	header, err := members("header", j.Header, values, now)
	if err != nil {
		return "", err
	}
	claims, err := members("claim", j.Claims, values, now)
	if err != nil {
		return "", err
	}
	lifetime := time.Duration(j.Lifetime)
	if lifetime == 0 {
		lifetime = defaultLifetime
	}
	claims["iat"], claims["exp"] = now.Unix(), now.Add(lifetime).Unix()
	if j.NBF {
		claims["nbf"] = now.Unix()
	}
	if j.JTI {
		claims["jti"] = rand.Text()
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range header {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	return compact(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(j.Alg), Key: key}, options, claims)
}

// compact signs the claims. The library's errors are not shown, because they are about the key.
func compact(key jose.SigningKey, options *jose.SignerOptions, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", errors.New("claims: cannot be written as JSON")
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		return "", fmt.Errorf("key: cannot sign with %s", key.Algorithm)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("key: cannot sign with %s", key.Algorithm)
	}
	return signed.CompactSerialize()
}

// members fills the templates of a JSON object; what names it in errors.
func members(what string, templates map[string]connectors.Template, values connectors.Values, now time.Time) (map[string]any, error) {
	filled := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		t := templates[name]
		if leftOut(t, values) {
			continue
		}
		value, err := t.ExpandAt(values, now)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", what, name, err)
		}
		filled[name] = value
	}
	return filled, nil
}

// jwtKey reads the key, and checks that it is one for the algorithm.
func jwtKey(j *connectors.JWT, values connectors.Values, now time.Time) (any, error) {
	text, err := j.Key.ExpandAt(values, now)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if strings.HasPrefix(j.Alg, "HS") {
		raw, err := secret(text, j.KeyEncoding)
		if err == nil && len(raw) == 0 {
			err = errors.New("is empty")
		}
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		return padded(raw), nil
	}
	key, err := privateKey(text)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	var fits bool
	var wanted string
	switch j.Alg {
	case "RS256", "RS384", "RS512", "PS256":
		_, fits = key.(*rsa.PrivateKey)
		wanted = "an RSA key"
	case "ES256":
		fits, wanted = onCurve(key, elliptic.P256()), "a key on the curve P-256"
	case "ES384":
		fits, wanted = onCurve(key, elliptic.P384()), "a key on the curve P-384"
	case "EdDSA":
		_, fits = key.(ed25519.PrivateKey)
		wanted = "an Ed25519 key"
	default:
		return nil, errors.New("alg: is unknown")
	}
	if !fits {
		return nil, fmt.Errorf("key: %s needs %s", j.Alg, wanted)
	}
	return key, nil
}

// padded is a secret with zero bytes after it, which an HMAC makes of a short one anyway (RFC 2104 section
// 2). Some providers give out shorter ones than RFC 7518 section 3.2 allows, and the library refuses those.
func padded(secret []byte) []byte {
	return append(secret, make([]byte, max(0, sha512.Size-len(secret)))...)
}

func onCurve(key any, curve elliptic.Curve) bool {
	k, ok := key.(*ecdsa.PrivateKey)
	return ok && k.Curve == curve
}
