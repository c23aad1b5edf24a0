package sign

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/claviger-proxy/claviger/connectors"
)

// Errors about certificates are constants, too.
var (
	errNoCertificate     = errors.New("is PEM without a certificate")
	errBrokenCertificate = errors.New("is PEM whose certificate cannot be read")
	errOtherKey          = errors.New("is the certificate of another key")
	errUnwritable        = errors.New("has control characters, or is not UTF-8")
)

// CheckJWT tells whether the key of a JWT can be used, without signing anything. Errors are those of [JWT].
func CheckJWT(j *connectors.JWT, values connectors.Values, now time.Time) error {
	_, err := jwtKey(j, values, now)
	return err
}

// CheckSAML tells whether the key and the certificate of a SAML assertion can be used, and belong together. Errors
// are those of [SAML].
func CheckSAML(s *connectors.SAML, values connectors.Values, now time.Time) error {
	_, _, err := samlKey(s, values, now)
	return err
}

// samlKey reads the key and its certificate.
func samlKey(s *connectors.SAML, values connectors.Values, now time.Time) (*rsa.PrivateKey, *x509.Certificate, error) {
	text, err := s.Key.ExpandAt(values, now)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	key, err := rsaKey(text)
	if err != nil {
		return nil, nil, fmt.Errorf("key: %w", err)
	}
	if text, err = s.Cert.ExpandAt(values, now); err != nil {
		return nil, nil, fmt.Errorf("cert: %w", err)
	}
	cert, err := certificate(text)
	switch {
	case err != nil:
	case !key.PublicKey.Equal(cert.PublicKey):
		err = errOtherKey
	case now.Before(cert.NotBefore):
		err = fmt.Errorf("is not valid before %s", cert.NotBefore.UTC().Format(time.DateTime))
	case now.After(cert.NotAfter):
		err = fmt.Errorf("has ended at %s", cert.NotAfter.UTC().Format(time.DateTime))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cert: %w", err)
	}
	return key, cert, nil
}

// certificate reads the first certificate in PEM. Other blocks, such as its private key, may stand beside it.
func certificate(text string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(strings.TrimSpace(pasted.Replace(text))))
	if block == nil {
		return nil, errNotPEM
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errBrokenCertificate
		}
		return cert, nil
	}
	return nil, errNoCertificate
}

// writable tells whether a text comes out of an XML document as it went in: line breaks and tabs are changed in
// attributes, and other control characters, with two code points that are none, have no place in it at all (XML 1.0
// sections 2.2 and 3.3.3).
func writable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\uFFFE' || r == '\uFFFF'
	})
}
