package policy

// pathByte holds the bytes that may stand in a path as they are: pchar of RFC 3986 without %, the
// slash, and the brackets that net/url leaves alone. Anything else would be encoded anew by
// net/url, which decodes %2F on the way.
var pathByte = func() (t [256]bool) {
	const marks = "-._~" + "!$&'()*+,;=" + ":@" + "/" + "[]"
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	for i := range len(marks) {
		t[marks[i]] = true
	}
	return t
}()

// isDots tells whether a server may take s for . or .., having cut off parameters, an encoded query
// or fragment, and trailing spaces.
func isDots[T string | []byte](s T) bool {
	dots := 0
	for dots < len(s) && s[dots] == '.' {
		dots++
	}
	if dots != 1 && dots != 2 {
		return false
	}
	for i := dots; i < len(s); i++ {
		switch s[i] {
		case ' ':
		case ';', '?', '#':
			return true
		default:
			return false
		}
	}
	return true
}

// overlong tells whether b begins with a UTF-8 sequence that is longer than it needs to be, as %C0%AE
// is for a dot. Lenient decoders turn those into ASCII.
func overlong(b []byte) bool {
	if len(b) < 2 || b[1]&0xC0 != 0x80 {
		return false
	}
	switch b[0] {
	case 0xC0, 0xC1:
		return true
	case 0xE0:
		return b[1] < 0xA0
	case 0xF0:
		return b[1] < 0x90
	}
	return false
}

// unescape decodes valid percent escapes in place and leaves the others.
func unescape(b []byte) []byte {
	out := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '%' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
			c = unhex(b[i+1])<<4 | unhex(b[i+2])
			i += 2
		}
		b[out] = c
		out++
	}
	return b[:out]
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
