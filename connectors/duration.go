package connectors

import (
	"fmt"
	"time"
)

// Duration is a time.Duration written as in Go: 90s, 30m, 24h.
type Duration time.Duration

// ParseDuration reads a duration; negative ones are refused.
func ParseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration; write it like 90s, 30m or 24h", text)
	}
	return Duration(d), nil
}

// String returns the duration as text that [ParseDuration] reads.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalYAML writes the duration as text.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalYAML reads the duration from text.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	v, err := ParseDuration(text)
	if err != nil {
		return err
	}
	*d = v
	return nil
}
