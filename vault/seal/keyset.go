package seal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/prf/hmacprf"
	"github.com/tink-crypto/tink-go/v2/secretdata"
)

const (
	// keysetPurpose and namesPurpose are what the two parts of an encrypted keyset are bound to,
	// so that a key-encryption key that is used elsewhere too cannot be made to open something
	// else as a keyset.
	keysetPurpose = "claviger/keyset/1\x00"
	namesPurpose  = "claviger/names/1\x00"
	// saltSize is the one of the XAES-256-GCM specification.
	saltSize = 12
	// maxKeys bounds a keyset. A key that is added for every month fills it in five years.
	maxKeys = 64
)

// ErrKeysetFull: the keyset has as many keys as it can.
var ErrKeysetFull = fmt.Errorf("keyset has %d keys already", maxKeys)

// NewKeyset makes a keyset with one fresh key.
func NewKeyset() (*Sealer, error) {
	s, id, err := withNewKey(keyset.NewManager(), keyset.NewManager(), true)
	if err != nil {
		return nil, fmt.Errorf("making key %s: %w", id, err)
	}
	return s, nil
}

// Add returns a sealer with one more key, and that key's ID. Values are sealed under the earlier
// primary key until the new one is promoted.
func (s *Sealer) Add() (*Sealer, string, error) {
	if len(s.keys) >= maxKeys {
		return nil, "", ErrKeysetFull
	}
	added, id, err := withNewKey(keyset.NewManagerFromHandle(s.values), keyset.NewManagerFromHandle(s.names), false)
	if err != nil {
		return nil, "", fmt.Errorf("adding a key: %w", err)
	}
	return added, id, nil
}

// Promote returns a sealer whose primary key is the one with that ID. Values sealed by s open
// with it and, if it was another key, are stale.
func (s *Sealer) Promote(id string) (*Sealer, error) {
	return s.changed(id, (*keyset.Manager).SetPrimary)
}

// Remove returns a sealer without that key, which must not be the primary one. What was sealed
// under it can never be opened again.
func (s *Sealer) Remove(id string) (*Sealer, error) {
	if id == s.Primary() {
		return nil, fmt.Errorf("key %s: the primary key cannot be removed", id)
	}
	return s.changed(id, (*keyset.Manager).Delete)
}

func (s *Sealer) changed(id string, change func(*keyset.Manager, uint32) error) (*Sealer, error) {
	n, ok := parseKeyID(id)
	if !ok || !slices.Contains(s.keys, n) {
		return nil, fmt.Errorf("%w: the keyset has no key %.16q", ErrUnknownKey, id)
	}
	values, names := keyset.NewManagerFromHandle(s.values), keyset.NewManagerFromHandle(s.names)
	if err := errors.Join(change(values, n), change(names, n)); err != nil {
		return nil, fmt.Errorf("changing key %s: %w", id, err)
	}
	return build(values, names)
}

// withNewKey adds a pair of keys with one ID: for values, and for names.
func withNewKey(values, names *keyset.Manager, primary bool) (*Sealer, string, error) {
	forNames, err := hmacprf.NewParameters(keySize, hmacprf.SHA256)
	if err != nil {
		return nil, "", err
	}
	id, err := names.AddNewKeyFromParameters(forNames)
	if err != nil {
		return nil, "", err
	}
	forValues, err := xaesgcm.NewParameters(xaesgcm.VariantTink, saltSize)
	if err != nil {
		return nil, "", err
	}
	raw, err := secretdata.NewBytesFromRand(keySize)
	if err != nil {
		return nil, "", err
	}
	k, err := xaesgcm.NewKey(raw, id, forValues)
	if err != nil {
		return nil, "", err
	}
	if _, err := values.AddKey(k); err != nil {
		return nil, "", err
	}
	if primary {
		if err := errors.Join(values.SetPrimary(id), names.SetPrimary(id)); err != nil {
			return nil, "", err
		}
	}
	s, err := build(values, names)
	return s, keyID(id), err
}

func build(values, names *keyset.Manager) (*Sealer, error) {
	v, err := values.Handle()
	if err != nil {
		return nil, err
	}
	n, err := names.Handle()
	if err != nil {
		return nil, err
	}
	return newSealer(v, n)
}

func newSealer(values, names *keyset.Handle) (*Sealer, error) {
	a, err := aead.New(values)
	if err != nil {
		return nil, fmt.Errorf("using the keyset: %w", err)
	}
	set, err := prf.NewPRFSet(names)
	if err != nil {
		return nil, fmt.Errorf("using the keyset: %w", err)
	}
	s := &Sealer{values: values, names: names, aead: a, prfs: set, primary: set.PrimaryID}
	// The primary key, then the others from the newest to the oldest.
	for i := range values.Len() {
		e, err := values.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("using the keyset: %w", err)
		}
		if _, ok := set.PRFs[e.KeyID()]; !ok || e.IsPrimary() != (e.KeyID() == s.primary) {
			return nil, ErrSealed
		}
		s.keys = append(s.keys, e.KeyID())
	}
	slices.Reverse(s.keys)
	i := slices.Index(s.keys, s.primary)
	if i < 0 || len(s.keys) != names.Len() {
		return nil, ErrSealed
	}
	s.keys = slices.Insert(slices.Delete(s.keys, i, i+1), 0, s.primary)
	return s, nil
}

// Primary is the ID of the key that values are sealed under.
func (s *Sealer) Primary() string { return keyID(s.primary) }

// Keys are the IDs of all keys, the primary one first, then from the newest to the oldest.
func (s *Sealer) Keys() []string {
	ids := make([]string, len(s.keys))
	for i, k := range s.keys {
		ids[i] = keyID(k)
	}
	return ids
}

// keyID is the ID of a key as people see it: 8 hexadecimal digits.
func keyID(id uint32) string { return fmt.Sprintf("%08x", id) }

func parseKeyID(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 16, 32)
	return uint32(n), err == nil && text == keyID(uint32(n))
}

// EncryptKeyset returns the keyset encrypted by the key-encryption key k and bound to clear, which
// is authenticated and not stored. A keyset is the only thing that k ever encrypts:
//
//	4 bytes length, Tink's EncryptedKeyset of the keys for values | the one of the keys for names
func (s *Sealer) EncryptKeyset(ctx context.Context, k Key, clear []byte) ([]byte, error) {
	values, err := encryptHandle(ctx, s.values, k, keysetPurpose, clear)
	if err != nil {
		return nil, err
	}
	names, err := encryptHandle(ctx, s.names, k, namesPurpose, clear)
	if err != nil {
		return nil, err
	}
	out := appendLength(make([]byte, 0, 4+len(values)+len(names)), len(values))
	return append(append(out, values...), names...), nil
}

func encryptHandle(ctx context.Context, h *keyset.Handle, k Key, purpose string, clear []byte) ([]byte, error) {
	var b bytes.Buffer
	var unreachable error
	a := tinkAEAD{watched{k.AEAD, &unreachable}}
	err := h.WriteWithContext(ctx, keyset.NewBinaryWriter(&b), a, append([]byte(purpose), clear...))
	if unreachable != nil {
		err = unreachable
	}
	if err != nil {
		return nil, fmt.Errorf("encrypting the keyset with key %s: %w", k.ID, err)
	}
	return b.Bytes(), nil
}

// DecryptKeyset returns the sealer of a keyset that was encrypted by k and bound to clear, or
// [ErrSealed] when it was encrypted by another key, or altered.
func DecryptKeyset(ctx context.Context, k Key, clear, encrypted []byte) (*Sealer, error) {
	fail := func(err error) (*Sealer, error) {
		return nil, fmt.Errorf("decrypting the keyset with key %s: %w", k.ID, err)
	}
	if len(encrypted) < 4 || uint64(binary.BigEndian.Uint32(encrypted)) > uint64(len(encrypted)-4) {
		return fail(ErrSealed)
	}
	n := 4 + int(binary.BigEndian.Uint32(encrypted))
	values, err := decryptHandle(ctx, k, encrypted[4:n], keysetPurpose, clear)
	if err != nil {
		return fail(err)
	}
	names, err := decryptHandle(ctx, k, encrypted[n:], namesPurpose, clear)
	if err != nil {
		return fail(err)
	}
	s, err := newSealer(values, names)
	if err != nil {
		return fail(err)
	}
	return s, nil
}

func decryptHandle(ctx context.Context, k Key, encrypted []byte, purpose string, clear []byte) (*keyset.Handle, error) {
	var unreachable error
	a := tinkAEAD{watched{k.AEAD, &unreachable}}
	h, err := keyset.ReadWithContext(ctx, keyset.NewBinaryReader(bytes.NewReader(encrypted)), a, append([]byte(purpose), clear...))
	switch {
	case err == nil:
		return h, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case unreachable != nil:
		return nil, unreachable
	}
	return nil, ErrSealed
}

// watched keeps an error of a key that is kept elsewhere, such as "permission denied", which says
// more than that a value does not open. Tink would hide it.
type watched struct {
	AEAD
	err *error
}

func (w watched) Encrypt(ctx context.Context, plain, bound []byte) ([]byte, error) {
	sealed, err := w.AEAD.Encrypt(ctx, plain, bound)
	*w.err = err
	return sealed, err
}

func (w watched) Decrypt(ctx context.Context, sealed, bound []byte) ([]byte, error) {
	plain, err := w.AEAD.Decrypt(ctx, sealed, bound)
	if err != nil && !errors.Is(err, ErrSealed) {
		*w.err = err
	}
	return plain, err
}

// tinkAEAD makes our AEAD one of Tink's.
type tinkAEAD struct{ a AEAD }

func (t tinkAEAD) EncryptWithContext(ctx context.Context, plain, bound []byte) ([]byte, error) {
	return t.a.Encrypt(ctx, plain, bound)
}

func (t tinkAEAD) DecryptWithContext(ctx context.Context, sealed, bound []byte) ([]byte, error) {
	return t.a.Decrypt(ctx, sealed, bound)
}
