package policy

import (
	"net/http"
	"strings"
)

var (
	refusePathStart = &Refusal{
		CodePath, http.StatusBadRequest,
		"begin the path with a single slash",
	}
	refusePathLength = &Refusal{
		CodeTooLong, http.StatusRequestURITooLong,
		"keep the path below 16 KiB",
	}
	refusePathByte = &Refusal{
		CodePath, http.StatusBadRequest,
		"percent-encode every byte of the path that RFC 3986 does not allow, as UTF-8; " +
			"send no fragment and no backslash",
	}
	refuseEscape = &Refusal{
		CodePath, http.StatusBadRequest,
		"write every percent sign of the path as %25, or follow it with two hexadecimal digits",
	}
	refuseDecoded = &Refusal{
		CodePath, http.StatusBadRequest,
		"remove encoded control characters, backslashes and invalid UTF-8 from the path",
	}
	refuseDots = &Refusal{
		CodePath, http.StatusBadRequest,
		"resolve . and .. before sending: no spelling of them is forwarded",
	}
	refuseParameter = &Refusal{
		CodePath, http.StatusBadRequest,
		"give every path segment with ;parameters a name, or encode the semicolon as %3B",
	}
	refuseLayers = &Refusal{
		CodePath, http.StatusBadRequest,
		"percent-encode the path once",
	}
)

// maxLayers is how often a segment is decoded in search of a dot segment. Values that are URLs
// themselves come encoded twice or three times.
const maxLayers = 4

// CheckPath tells whether a path may be sent to a provider as it stands: absolute, percent-encoded,
// without query. A path is refused if the provider, or anything on the way, could read it as
// another one than we do: dot segments in any spelling, backslashes, control characters. %2F and
// %40 inside a segment, and empty segments after the first, are accepted. It does not allocate for
// segments of ordinary length.
func CheckPath(rawPath string) *Refusal {
	if len(rawPath) > maxPath {
		return refusePathLength
	}
	if rawPath == "" || rawPath[0] != '/' || strings.HasPrefix(rawPath, "//") {
		return refusePathStart
	}
	start, escaped := 1, false
	for i := 1; i < len(rawPath); i++ {
		switch c := rawPath[i]; {
		case c == '/':
			if no := checkSegment(rawPath[start:i], escaped); no != nil {
				return no
			}
			start, escaped = i+1, false
		case c == '%':
			if i+2 >= len(rawPath) || !isHex(rawPath[i+1]) || !isHex(rawPath[i+2]) {
				return refuseEscape
			}
			escaped = true
		case !pathByte[c]:
			return refusePathByte
		}
	}
	return checkSegment(rawPath[start:], escaped)
}

// checkSegment looks at what stands between two slashes.
func checkSegment(segment string, escaped bool) *Refusal {
	if segment == "" {
		return nil
	}
	if segment[0] == ';' {
		// Servers with path parameters read ;x as an empty segment.
		return refuseParameter
	}
	if isDots(segment) {
		return refuseDots
	}
	if escaped {
		return checkDecoded(segment)
	}
	return nil
}

// checkDecoded takes off one layer of percent-encoding after the other, since a provider may decode
// twice, and looks at each.
func checkDecoded(segment string) *Refusal {
	var space [256]byte
	b := append(space[:0], segment...)
	for range maxLayers {
		n := len(b)
		b = unescape(b)
		if len(b) == n {
			return nil
		}
		if no := checkLayer(b); no != nil {
			return no
		}
	}
	if len(unescape(b)) < len(b) {
		return refuseLayers
	}
	return nil
}

// checkLayer checks a decoded segment, in which a slash may end a segment for the provider.
func checkLayer(b []byte) *Refusal {
	start := 0
	for i, c := range b {
		switch {
		case c < ' ', c == 0x7f, c == '\\', overlong(b[i:]):
			return refuseDecoded
		case c == '/':
			if isDots(b[start:i]) {
				return refuseDots
			}
			start = i + 1
		}
	}
	if isDots(b[start:]) {
		return refuseDots
	}
	return nil
}
