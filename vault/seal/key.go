package seal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// A KeyProvider yields the key-encryption keys that protect a vault's keyset. It may be remote.
type KeyProvider interface {
	// Active returns the key that new encryption uses, or ErrNoKey.
	Active(ctx context.Context) (Key, error)
	// Find returns the key with that ID, active or retired, or ErrUnknownKey naming it.
	Find(ctx context.Context, id string) (Key, error)
}

// KeyCreator is implemented by a [KeyProvider] that can make the first key. It is asked only for
// a vault that is empty, and never replaces a key.
type KeyCreator interface {
	CreateKey(ctx context.Context) error
}

// KeyChecker is implemented by a [KeyProvider] that can tell at little cost, such as reading a
// file, whether it still has the key with that ID. The error is the one of Find.
type KeyChecker interface {
	CheckKey(ctx context.Context, id string) error
}

// Key is a key-encryption key. Its ID says which key it is and nothing about its bytes.
type Key struct {
	ID   string
	AEAD AEAD
}

// AEAD encrypts and authenticates with a key that may be kept elsewhere.
type AEAD interface {
	Encrypt(ctx context.Context, plain, bound []byte) ([]byte, error)
	// Decrypt returns [ErrSealed] for what was encrypted by another key, or altered. Any other
	// error says that the key could not be asked.
	Decrypt(ctx context.Context, sealed, bound []byte) ([]byte, error)
}

// The text form of a key, one line:
//
//	claviger-key-1:<32 random bytes in base64, with padding>
const (
	keyTextPrefix = "claviger-key-1:"
	keySize       = 32
	// minDistinct is far below what 32 random bytes have: fewer different ones than this
	// come up once in more than 10^20 keys.
	minDistinct = 12
)

// NewKeyText makes a key and returns its text form, with a line feed at the end.
func NewKeyText() string {
	b := make([]byte, keySize)
	rand.Read(b) // never fails
	return keyTextPrefix + base64.StdEncoding.EncodeToString(b) + "\n"
}

// ParseKey reads the text form of a key. Space around it is ignored. An error is [ErrBadKey] and
// shows nothing of the text.
func ParseKey(text string) (Key, error) {
	raw, err := keyBytes(strings.TrimSpace(text))
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	a, err := newLocalAEAD(raw)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	sum := sha256.Sum256(append([]byte("claviger key id\x00"), raw...))
	return Key{ID: hex.EncodeToString(sum[:8]), AEAD: a}, nil
}

func keyBytes(text string) ([]byte, error) {
	if text == "" {
		return nil, errors.New("it is empty")
	}
	enc, ok := strings.CutPrefix(text, keyTextPrefix)
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q; a key is made by the program, not a pass-phrase", keyTextPrefix)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(enc)
	if err != nil {
		return nil, errors.New("what follows the prefix is not base64")
	}
	if len(raw) != keySize {
		return nil, fmt.Errorf("it has %d bytes instead of %d", len(raw), keySize)
	}
	if weak(raw) {
		return nil, errors.New("it is not random")
	}
	return raw, nil
}

// weak tells whether raw looks like a pass-phrase or a pattern.
func weak(raw []byte) bool {
	var seen [256]bool
	distinct, printable := 0, 0
	for _, c := range raw {
		if !seen[c] {
			seen[c] = true
			distinct++
		}
		if c >= ' ' && c <= '~' {
			printable++
		}
	}
	return distinct < minDistinct || printable == len(raw)
}

// localAEAD is a key in this process.
type localAEAD struct{ a tink.AEAD }

func newLocalAEAD(raw []byte) (localAEAD, error) {
	params, err := xaesgcm.NewParameters(xaesgcm.VariantNoPrefix, saltSize)
	if err != nil {
		return localAEAD{}, err
	}
	k, err := xaesgcm.NewKey(secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), 0, params)
	if err != nil {
		return localAEAD{}, err
	}
	m := keyset.NewManager()
	id, err := m.AddKey(k)
	if err != nil {
		return localAEAD{}, err
	}
	if err := m.SetPrimary(id); err != nil {
		return localAEAD{}, err
	}
	h, err := m.Handle()
	if err != nil {
		return localAEAD{}, err
	}
	a, err := aead.New(h)
	return localAEAD{a}, err
}

func (l localAEAD) Encrypt(_ context.Context, plain, bound []byte) ([]byte, error) {
	return l.a.Encrypt(plain, bound)
}

func (l localAEAD) Decrypt(_ context.Context, sealed, bound []byte) ([]byte, error) {
	plain, err := l.a.Decrypt(sealed, bound)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
