package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"
)

// AppData is what the app keeps with an account for itself. Nothing here depends on it. It is sealed.
type AppData struct {
	// Labels are short texts that lists can be filtered by: at most 32, with names as [ValidLabel] has them
	// and values of at most 200 bytes without control characters.
	Labels map[string]string `json:"labels,omitempty"`
	// Metadata is a JSON object of at most 8 KiB, which white space between its parts does not count for.
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

const (
	maxLabels     = 32
	maxLabelValue = 200
	maxMetadata   = 8 << 10
)

// ValidLabel tells whether s can be the name of a label: 1 to 63 lower-case letters, digits and ._/- that
// begin with a letter or a digit.
func ValidLabel(s string) bool {
	if s == "" || len(s) > maxName || !lowerOrDigit(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !lowerOrDigit(s[i]) && !oneOf(s[i], "._/-") {
			return false
		}
	}
	return true
}

func validLabelValue(s string) bool {
	return len(s) <= maxLabelValue && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// canonical is d as it is stored: its metadata without white space that means nothing. Anything else that is no
// JSON stays, for [AppData.Check].
func (d AppData) canonical() AppData {
	var b bytes.Buffer
	if json.Compact(&b, d.Metadata) == nil {
		d.Metadata = b.Bytes()
	}
	if len(d.Metadata) == 0 {
		d.Metadata = nil
	}
	return d
}

func (d AppData) isZero() bool { return len(d.Labels) == 0 && len(d.Metadata) == 0 }

func (d AppData) equal(o AppData) bool {
	return maps.Equal(d.Labels, o.Labels) && bytes.Equal(d.Metadata, o.Metadata)
}

// FieldError says which value is not of the allowed form, and what it must be. It shows no value. It is an
// [ErrInvalid].
type FieldError struct{ Field, Must string }

// Error implements error.
func (e *FieldError) Error() string { return e.Field + " " + e.Must }

// Unwrap returns ErrInvalid.
func (e *FieldError) Unwrap() error { return ErrInvalid }

// Check returns a [FieldError] for what cannot be kept.
func (d AppData) Check() error {
	if len(d.Labels) > maxLabels {
		return &FieldError{"labels", fmt.Sprintf("must be at most %d", maxLabels)}
	}
	for name, value := range d.Labels {
		switch {
		case !ValidLabel(name):
			return &FieldError{"labels", "must have names of 1 to 63 lower-case letters, digits and ._/-, a letter or digit first"}
		case !validLabelValue(value):
			return &FieldError{"labels." + name, fmt.Sprintf("must be at most %d bytes of text without control characters", maxLabelValue)}
		}
	}
	m := d.canonical().Metadata
	if len(m) > 0 && (len(m) > maxMetadata || m[0] != '{' || !json.Valid(m) || !utf8.Valid(m)) {
		return &FieldError{"metadata", fmt.Sprintf("must be a JSON object of at most %d KiB", maxMetadata>>10)}
	}
	return nil
}

// holds tells whether the labels have all that are wanted.
func (d AppData) holds(wanted map[string]string) bool {
	for name, value := range wanted {
		if got, ok := d.Labels[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// SetAppData changes what the app keeps with an account. change may be called more than once; when it
// returns what there is, nothing is written. A version other than zero must be the account's, else
// [ErrConflict].
func (v *Vault) SetAppData(ctx context.Context, id AccountID, version uint64, change func(AppData) AppData) (ConnectedAccount, error) {
	return v.updateAccount(ctx, id, true, func(a *ConnectedAccount) ([]Event, error) {
		if version != 0 && a.Version != version {
			return nil, ErrConflict
		}
		next := change(AppData{Labels: maps.Clone(a.Labels), Metadata: bytes.Clone(a.Metadata)}).canonical()
		if err := next.Check(); err != nil {
			return nil, err
		}
		if next.equal(a.AppData) {
			return nil, errUnchanged
		}
		a.AppData = next
		return []Event{Event{Type: EventUpdated}.about(*a)}, nil
	})
}
