package vault

const (
	maxIdentifier = 200
	maxName       = 63
)

// ValidIdentifier tells whether s can be an account's identifier: 1 to 200 bytes of letters,
// digits and ._@+=:|~- that begin with a letter or a digit.
func ValidIdentifier(s string) bool {
	if s == "" || len(s) > maxIdentifier || !alphanumeric(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !alphanumeric(s[i]) && !oneOf(s[i], "._@+=:|~-") {
			return false
		}
	}
	return true
}

// ValidName tells whether s can be the name of a connection or a project: 1 to 63 lower-case
// letters, digits, '-' and '_' that begin with a letter or a digit.
func ValidName(s string) bool {
	if s == "" || len(s) > maxName || !lowerOrDigit(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !lowerOrDigit(s[i]) && !oneOf(s[i], "-_") {
			return false
		}
	}
	return true
}

func lowerOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func alphanumeric(c byte) bool { return lowerOrDigit(c) || c >= 'A' && c <= 'Z' }

func oneOf(c byte, set string) bool {
	for i := 0; i < len(set); i++ {
		if set[i] == c {
			return true
		}
	}
	return false
}
