// Package seal encrypts small records under a keyset that is itself encrypted by a
// key-encryption key.
//
// Begin with a [KeyProvider], such as [FileKeys], which yields the key-encryption key. Make a
// keyset once with [NewKeyset], store what [Sealer.EncryptKeyset] returns, and get the [Sealer]
// back with [DecryptKeyset]. A sealed value opens only with the [Bound] that it was sealed with:
// moved to another record, or changed by a bit, it does not open at all.
package seal

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Errors of a [Sealer] and of a [KeyProvider].
var (
	// ErrSealed: the value was altered, moved from another record, or sealed under another keyset.
	ErrSealed = errors.New("sealed value does not open")
	// ErrNoKey: the provider has no key yet.
	ErrNoKey = errors.New("there is no key")
	// ErrUnknownKey: the provider does not have the key with the ID that the message names.
	ErrUnknownKey = errors.New("key is missing")
	// ErrBadKey: a key is there, but in no form that can be used.
	ErrBadKey = errors.New("key is not usable")
	// ErrUnavailable: the key is kept elsewhere and cannot be had now; the message says why.
	ErrUnavailable = errors.New("key is out of reach")
)

// A sealed value, version 1:
//
//	offset  length
//	     0       1  format version, 1
//	     1       1  1, as Tink writes it
//	     2       4  ID of the key in the keyset, big endian
//	     6      24  nonce: salt and counter block of XAES-256-GCM
//	    30       n  ciphertext
//	  30+n      16  tag
const (
	formatVersion = 1
	tinkPrefix    = 1
	headerSize    = 6
	minSealed     = headerSize + 24 + 16
)

// Sealer seals and opens records under one keyset. It never changes, and is safe for concurrent
// use.
type Sealer struct {
	values, names *keyset.Handle
	aead          tink.AEAD
	prfs          *prf.Set
	primary       uint32
	keys          []uint32 // the primary one first
}

// Seal encrypts plain under the primary key of the keyset. What bound says is authenticated and
// not stored; the same must be given to [Sealer.Open].
func (s *Sealer) Seal(ctx context.Context, bound Bound, plain []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := s.aead.Encrypt(plain, bound.encode())
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	sealed := make([]byte, 0, 1+len(c))
	return append(append(sealed, formatVersion), c...), nil
}

// Open returns what was sealed with the same bound, or [ErrSealed].
func (s *Sealer) Open(ctx context.Context, bound Bound, sealed []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(sealed) < minSealed {
		return nil, fmt.Errorf("%w: too short", ErrSealed)
	}
	if sealed[0] != formatVersion {
		return nil, fmt.Errorf("%w: unknown format version %d", ErrSealed, sealed[0])
	}
	plain, err := s.aead.Decrypt(sealed[1:], bound.encode())
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// KeyOf returns the ID of the key that sealed was sealed under, as its header says, or "" when it
// is no sealed value.
func KeyOf(sealed []byte) string {
	if len(sealed) < headerSize || sealed[0] != formatVersion || sealed[1] != tinkPrefix {
		return ""
	}
	return keyID(binary.BigEndian.Uint32(sealed[2:headerSize]))
}

// Stale tells whether sealed should be sealed anew: its key is not the primary one, or it is in
// another format.
func (s *Sealer) Stale(sealed []byte) bool { return KeyOf(sealed) != s.Primary() }

// nameSize is the length in bytes of what Name returns, before it is encoded. Among a million
// names, two have the same once in 10^26 vaults.
const nameSize = 16

// Name returns what can stand in an index for a name that must not be readable there: 32
// hexadecimal digits, by the primary key. The same name gives the same digits again, and another
// purpose gives others.
func (s *Sealer) Name(purpose, name string) (string, error) {
	return s.name(s.primary, purpose, name)
}

// Names returns what Name has returned for the name while each of the keys was the primary one,
// beginning with the one that is.
func (s *Sealer) Names(purpose, name string) ([]string, error) {
	out := make([]string, len(s.keys))
	for i, k := range s.keys {
		var err error
		if out[i], err = s.name(k, purpose, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Sealer) name(key uint32, purpose, name string) (string, error) {
	b, err := s.prfs.PRFs[key].ComputePRF(append(appendLength(nil, len(purpose)), purpose+name...), nameSize)
	if err != nil {
		return "", fmt.Errorf("hiding a name: %w", err)
	}
	return hex.EncodeToString(b), nil
}
