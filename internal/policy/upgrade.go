package policy

import (
	"net/http"
	"strings"
)

var refuseUpgrade = &Refusal{
	CodeUpgrade, http.StatusBadRequest,
	"upgrade to websocket only: GET over HTTP/1.1 without body, Connection: Upgrade, one " +
		"Sec-WebSocket-Key of 16 bytes, Sec-WebSocket-Version: 13",
}

// upgrading tells whether the request asks to leave HTTP/1.1 request and answer.
func upgrading(r *http.Request) bool {
	return r.Header["Upgrade"] != nil || r.Header["Http2-Settings"] != nil
}

// checkUpgrade accepts the opening handshake of RFC 6455 section 4.2.1 and nothing else.
func checkUpgrade(r *http.Request) *Refusal {
	switch {
	case r.Header["Http2-Settings"] != nil,
		!only(r.Header["Upgrade"], "websocket"),
		r.Method != http.MethodGet,
		r.ProtoMajor != 1 || r.ProtoMinor != 1,
		r.ContentLength != 0 || len(r.TransferEncoding) > 0,
		!listed(r.Header["Connection"], "upgrade"),
		!only(r.Header["Sec-Websocket-Version"], "13"),
		!websocketKey(r.Header["Sec-Websocket-Key"]):
		return refuseUpgrade
	}
	return nil
}

// only tells whether a header has one value and it is want, in any case.
func only(values []string, want string) bool {
	return len(values) == 1 && strings.EqualFold(values[0], want)
}

// listed tells whether a comma-separated header names the token, in any case.
func listed(values []string, token string) bool {
	for _, v := range values {
		for more := true; more; {
			var part string
			part, v, more = strings.Cut(v, ",")
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// websocketKey tells whether there is one key and it is 16 bytes in base64.
func websocketKey(values []string) bool {
	if len(values) != 1 || len(values[0]) != 24 || values[0][22:] != "==" {
		return false
	}
	for _, c := range []byte(values[0][:22]) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}
