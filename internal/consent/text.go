package consent

import (
	"net/url"
	"strings"
	"unicode"
)

// maxText is how many characters of a provider's text are kept.
const maxText = 200

// cleanText makes a provider's text fit to be shown: one line of at most 200 characters, without
// control characters and without those that turn the direction of writing.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d': // joiners are part of names in some scripts
			return r
		case r == unicode.ReplacementChar, unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		case unicode.IsControl(r), unicode.In(r, unicode.Z):
			return ' '
		}
		return r
	}, s[:min(len(s), 16*maxText)])
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxText {
		s = strings.TrimSpace(string(runes[:maxText]))
	}
	return s
}

// cleanAvatar keeps an https URL.
func cleanAvatar(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxAvatar || u.Scheme != "https" || u.Host == "" || u.User != nil || !printable(s) {
		return ""
	}
	return u.String()
}
