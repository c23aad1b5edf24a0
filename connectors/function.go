package connectors

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // some providers want the digest of a secret in this form
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxRandom = 64

// function is one of the functions of templates. It gets the values of its arguments.
type function struct {
	least, most int
	do          func(args []string, now time.Time) (string, error)
	// literals are the arguments, by position, that must be written in quotes, with what they may be.
	literals map[int]func(string) error
	// Bytes are no text: they can only be the argument of a function that takes them.
	givesBytes, takesBytes bool
}

var functions = map[string]function{
	"b64":       encoding(base64.StdEncoding.EncodeToString),
	"b64url":    encoding(base64.RawURLEncoding.EncodeToString),
	"hex":       encoding(hex.EncodeToString),
	"md5":       digest(func(b []byte) []byte { d := md5.Sum(b); return d[:] }),  //nolint:gosec // see the import
	"sha1":      digest(func(b []byte) []byte { d := sha1.Sum(b); return d[:] }), //nolint:gosec // see the import
	"sha256":    digest(func(b []byte) []byte { d := sha256.Sum256(b); return d[:] }),
	"sha512":    digest(func(b []byte) []byte { d := sha512.Sum512(b); return d[:] }),
	"hmac256":   {least: 2, most: maxCallArgs, do: hmac256, givesBytes: true, takesBytes: true},
	"urlencode": ofText(url.QueryEscape),
	"lower":     ofText(strings.ToLower),
	"upper":     ofText(strings.ToUpper),
	"host":      {least: 1, most: 1, do: hostOf},
	"path":      {least: 1, most: 1, do: pathOf},
	"join":      {least: 2, most: maxCallArgs, do: joined},
	"replace":   {least: 3, most: 3, do: replaced, literals: map[int]func(string) error{1: checkReplaced, 2: checkAny}},
	"jwt_claim": {least: 2, most: 2, do: jwtClaim, literals: map[int]func(string) error{1: checkMember}},
	"now":       {least: 1, most: 1, do: moment, literals: map[int]func(string) error{0: checkMoment}},
	"random":    {least: 1, most: 1, do: random, literals: map[int]func(string) error{0: checkRandom}},
	"uuid":      {do: uuid},
}

// ofText is a function of all its arguments one after the other.
func ofText(f func(string) string) function {
	return function{least: 1, most: maxCallArgs, do: func(args []string, _ time.Time) (string, error) {
		return f(strings.Join(args, "")), nil
	}}
}

// encoding is ofText for a function that makes text of bytes.
func encoding(f func([]byte) string) function {
	t := ofText(func(s string) string { return f([]byte(s)) })
	t.takesBytes = true
	return t
}

// digest is ofText for a function that makes bytes of bytes.
func digest(f func([]byte) []byte) function {
	t := encoding(func(b []byte) string { return string(f(b)) })
	t.givesBytes = true
	return t
}

// joined puts its first argument between the others.
func joined(args []string, _ time.Time) (string, error) {
	return strings.Join(args[1:], args[0]), nil
}

// replaced is its first argument with the third in all places of the second.
func replaced(args []string, _ time.Time) (string, error) {
	return strings.ReplaceAll(args[0], args[1], args[2]), nil
}

func checkReplaced(text string) error {
	if text == "" {
		return errors.New("what is replaced must not be empty")
	}
	return nil
}

func checkAny(string) error { return nil }

// hostOf is the host of a URL, with a port that is not 443, as a URL is written here: in lower case. Of
// anything else it is the text itself.
func hostOf(args []string, _ time.Time) (string, error) {
	u, err := url.Parse(args[0])
	if err != nil || u.Host == "" || u.User != nil {
		return args[0], nil
	}
	return strings.TrimSuffix(lowerASCII(u.Host), ":443"), nil
}

// pathOf is the path of a URL as it is written there, without the slashes that it begins and ends with. Anything
// else has none.
func pathOf(args []string, _ time.Time) (string, error) {
	u, err := url.Parse(args[0])
	if err != nil || u.Host == "" || u.User != nil {
		return "", errors.New("the value is no URL")
	}
	return strings.Trim(u.EscapedPath(), "/"), nil
}

func hmac256(args []string, _ time.Time) (string, error) {
	mac := hmac.New(sha256.New, []byte(args[0]))
	mac.Write([]byte(strings.Join(args[1:], "")))
	return string(mac.Sum(nil)), nil
}

// moments are the forms in which now writes the time, which is in UTC.
var moments = map[string]func(time.Time) string{
	"unix":    func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
	"unix_ms": func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) },
	"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"date":    func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"http":    func(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") },
	"basic":   func(t time.Time) string { return t.UTC().Format("20060102T150405Z") },
}

// momentNames are the names of the moments.
var momentNames = []string{"unix", "unix_ms", "rfc3339", "date", "http", "basic"}

func moment(args []string, now time.Time) (string, error) { return moments[args[0]](now), nil }

func checkMoment(form string) error {
	if moments[form] == nil {
		return errors.New(`the form is "unix", "unix_ms", "rfc3339", "date", "http" or "basic"`)
	}
	return nil
}

// random is a number of random bytes, URL-safe.
func random(args []string, _ time.Time) (string, error) {
	n, _ := strconv.Atoi(args[0]) // see checkRandom
	b := make([]byte, n)
	rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func checkRandom(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > maxRandom {
		return fmt.Errorf("the number of bytes is from \"1\" to \"%d\"", maxRandom)
	}
	return nil
}

// uuid is a random UUID (RFC 9562 section 5.4).
func uuid([]string, time.Time) (string, error) {
	b := make([]byte, 16)
	rand.Read(b) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// JWTClaims returns the claims of a token that is a JWT (RFC 7519). Its signature is not checked. A token that
// has not exactly two dots costs no more than finding the third.
func JWTClaims(token string) ([]byte, bool) {
	_, rest, _ := strings.Cut(token, ".")
	claims, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.IndexByte(signature, '.') >= 0 {
		return nil, false
	}
	body, err := base64.RawURLEncoding.DecodeString(claims)
	return body, err == nil && json.Valid(body)
}

// jwtClaim reads a claim of a JWT. Its signature is not checked: it comes from the provider itself.
func jwtClaim(args []string, _ time.Time) (string, error) {
	if body, ok := JWTClaims(args[0]); ok {
		if text, ok := member(body, args[1]); ok && text != "" {
			return text, nil
		}
	}
	return "", fmt.Errorf("there is no claim %s", args[1])
}

func checkMember(path string) error {
	if !memberPath.MatchString(path) {
		return errors.New("a claim is named by member names separated by dots")
	}
	return nil
}
