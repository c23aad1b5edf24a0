package seal

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

const (
	// keysetPurpose is what an encrypted keyset is bound to, so that a key-encryption key that
	// is used elsewhere too cannot be made to open something else as a keyset.
	keysetPurpose = "claviger/keyset/1"
	// saltSize is the one of the XAES-256-GCM specification.
	saltSize = 12
)

// NewKeyset makes a keyset with one fresh key.
func NewKeyset() (*Sealer, error) {
	return withNewKey(keyset.NewManager())
}

// Rotate returns a sealer whose keyset has one more key, which is the primary one. Values sealed
// by s open with it and are stale.
func (s *Sealer) Rotate() (*Sealer, error) {
	return withNewKey(keyset.NewManagerFromHandle(s.handle))
}

func withNewKey(m *keyset.Manager) (*Sealer, error) {
	params, err := xaesgcm.NewParameters(xaesgcm.VariantTink, saltSize)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	id, err := m.AddNewKeyFromParameters(params)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return newSealer(h)
}

// EncryptKeyset returns the keyset encrypted by the key-encryption key k. It is the only thing
// that k ever encrypts.
func (s *Sealer) EncryptKeyset(ctx context.Context, k Key) ([]byte, error) {
	var b bytes.Buffer
	err := s.handle.WriteWithContext(ctx, keyset.NewBinaryWriter(&b), tinkAEAD{k.AEAD}, []byte(keysetPurpose))
	if err != nil {
		return nil, fmt.Errorf("encrypting the keyset with key %s: %w", k.ID, err)
	}
	return b.Bytes(), nil
}

// DecryptKeyset returns the sealer of a keyset that was encrypted by k, or [ErrSealed] when it
// was encrypted by another key or altered.
func DecryptKeyset(ctx context.Context, k Key, encrypted []byte) (*Sealer, error) {
	h, err := keyset.ReadWithContext(ctx, keyset.NewBinaryReader(bytes.NewReader(encrypted)), tinkAEAD{k.AEAD}, []byte(keysetPurpose))
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("decrypting the keyset with key %s: %w", k.ID, ErrSealed)
	}
	return newSealer(h)
}

// tinkAEAD makes our AEAD one of Tink's.
type tinkAEAD struct{ a AEAD }

func (t tinkAEAD) EncryptWithContext(ctx context.Context, plain, bound []byte) ([]byte, error) {
	return t.a.Encrypt(ctx, plain, bound)
}

func (t tinkAEAD) DecryptWithContext(ctx context.Context, sealed, bound []byte) ([]byte, error) {
	return t.a.Decrypt(ctx, sealed, bound)
}
