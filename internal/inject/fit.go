package inject

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/claviger-proxy/claviger/connectors"
)

// maxText is how long a value may be; no server takes longer headers.
const maxText = 16 << 10

// fits returns why a text cannot stand in the place. What a query, a path or a body needs escaped is
// escaped later. The errors do not show the text.
func (p place) fits(text string) error {
	if err := plain(text); err != nil {
		return err
	}
	switch p.in {
	case connectors.InHeader, connectors.InBasic:
		return headerText(text)
	case connectors.InCookie:
		return cookieText(text)
	case connectors.InPath:
		if strings.ContainsAny(text, `/\`) || text == "." || text == ".." {
			return errors.New("it must be one segment of a path")
		}
	}
	return nil
}

// plain is what holds in all places.
func plain(text string) error {
	if len(text) > maxText {
		return errors.New("it must not be longer than 16 KiB")
	}
	return oneLine(text)
}

func oneLine(text string) error {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("it must be text on one line without control characters")
	}
	return nil
}

// headerText checks the value of a header: printable ASCII. Spaces at its ends would be lost.
func headerText(text string) error {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return errors.New("it must be printable ASCII on one line")
		}
	}
	if strings.TrimSpace(text) != text {
		return errors.New("it must not begin or end with a space")
	}
	return nil
}

// cookieText checks the value of a cookie (RFC 6265 section 4.1.1).
func cookieText(text string) error {
	if !visible(text) || strings.ContainsAny(text, `",;\`) {
		return errors.New("it must be ASCII without spaces, quotes, commas, semicolons and backslashes")
	}
	return nil
}

// visible tells whether text is ASCII without spaces and control characters.
func visible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
