package vault

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// Secret is a string that must not be printed: a token, a client secret, a code verifier. Every
// formatter, encoder and logger shows it as REDACTED; [Secret.Reveal] is the only way out. The
// zero value is the empty secret. Secrets are compared by [Secret.Equal], not by ==.
type Secret struct {
	_ [0]func() // makes == a compile error
	// Reflection reaches unexported fields of other structs, where no method of ours is
	// called; it prints a pointer as an address.
	p *string
}

const redacted = "REDACTED"

// NewSecret wraps s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{p: &s}
}

// Secrets are secrets by name, such as the values that a user gave.
type Secrets map[string]Secret

// NewSecrets wraps the values; those that are empty are left out.
func NewSecrets(values map[string]string) Secrets {
	var s Secrets
	for name, value := range values {
		if value == "" {
			continue
		}
		if s == nil {
			s = make(Secrets, len(values))
		}
		s[name] = NewSecret(value)
	}
	return s
}

// Reveal returns the secrets themselves; see [Secret.Reveal].
func (s Secrets) Reveal() map[string]string {
	if len(s) == 0 {
		return nil
	}
	values := make(map[string]string, len(s))
	for name, one := range s {
		values[name] = one.Reveal()
	}
	return values
}

// Reveal returns the secret itself. It is called only where a secret is sealed, sent to the
// provider's token endpoint, or injected.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.p == nil }

// Len is the length of the secret in bytes, for bounds on memory.
func (s Secret) Len() int { return len(s.Reveal()) }

// Equal tells whether both are the same secret, in a time that depends on their lengths alone.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// hash is what an index may hold of a secret. purpose keeps the hashes of different fields apart.
func (s Secret) hash(purpose string) string {
	sum := sha256.Sum256([]byte("claviger/" + purpose + "\x00" + s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// String returns REDACTED.
func (s Secret) String() string { return redacted }

// GoString returns REDACTED.
func (s Secret) GoString() string { return redacted }

// Format writes REDACTED for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText makes encoders write REDACTED.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue makes log/slog write REDACTED.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

var (
	_ fmt.Formatter  = Secret{}
	_ slog.LogValuer = Secret{}
)
