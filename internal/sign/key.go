package sign

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

// Errors about keys are constants: those of the parsers may show a piece of what they read.
var (
	errNotPEM     = errors.New("is no PEM: it must begin with -----BEGIN")
	errNoKey      = errors.New("is PEM without a private key")
	errPassphrase = errors.New("is protected by a passphrase, which must be taken off first")
	errOpenSSH    = errors.New("is in the form of OpenSSH and must be converted to PKCS #8")
	errBrokenKey  = errors.New("is PEM whose private key cannot be read")
	errKeyKind    = errors.New("is a private key of a kind that cannot sign")
	errNotRSA     = errors.New("is not an RSA private key")
	errNotEd25519 = errors.New("is not an Ed25519 private key: PEM, or its 32 or 64 bytes as hex or base64")
	errNotHex     = errors.New("is not hex")
	errNotBase64  = errors.New("is not base64")
)

// pasted undoes what happens to line breaks in environment variables and JSON.
var pasted = strings.NewReplacer(`\r\n`, "\n", `\n`, "\n")

// privateKey reads a private key in PEM: PKCS #1, PKCS #8 or SEC 1. Blocks that are no private key, such as
// the parameters of a curve or a certificate, may stand beside it. Line breaks may be the two characters \n.
func privateKey(text string) (crypto.Signer, error) {
	block, rest := pem.Decode([]byte(strings.TrimSpace(pasted.Replace(text))))
	if block == nil {
		return nil, errNotPEM
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errPassphrase
			}
			key, err = parseKey(block)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errPassphrase
		case "OPENSSH PRIVATE KEY":
			return nil, errOpenSSH
		default:
			continue
		}
		if err != nil {
			return nil, errBrokenKey
		}
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errKeyKind
	}
	return nil, errNoKey
}

func parseKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

func rsaKey(text string) (*rsa.PrivateKey, error) {
	key, err := privateKey(text)
	if err != nil {
		return nil, err
	}
	if key, ok := key.(*rsa.PrivateKey); ok {
		return key, nil
	}
	return nil, errNotRSA
}

// ed25519Key reads a private key in PEM, or its seed, or its seed and public key (RFC 8032 section 5.1.5),
// in hex or base64.
func ed25519Key(text string) (ed25519.PrivateKey, error) {
	if strings.Contains(text, "-----BEGIN") {
		key, err := privateKey(text)
		if err != nil {
			return nil, err
		}
		if key, ok := key.(ed25519.PrivateKey); ok {
			return key, nil
		}
		return nil, errNotEd25519
	}
	raw, err := secret(text, "hex")
	if err != nil {
		raw, _ = secret(text, "base64")
	}
	switch len(raw) {
	case ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(raw), nil
	case ed25519.PrivateKeySize:
		// A public key that is not its own would let two signatures give the private key away.
		if key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize]); bytes.Equal(key, raw) {
			return key, nil
		}
	}
	return nil, errNotEd25519
}

// secret decodes a shared secret; see [connectors.JWT].KeyEncoding. Base64 may be of either alphabet, with
// padding or without.
func secret(text, encoding string) ([]byte, error) {
	switch encoding {
	case "hex":
		raw, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil {
			return nil, errNotHex
		}
		return raw, nil
	case "base64":
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(strings.TrimSpace(text), "="))
		raw, err := base64.RawStdEncoding.DecodeString(text)
		if err != nil {
			return nil, errNotBase64
		}
		return raw, nil
	}
	return []byte(text), nil
}
