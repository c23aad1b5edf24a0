package caddymodule

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

const (
	// maxPeek is how much of an answer is looked at. What does not end within it is no error.
	maxPeek = 4 << 10
	// maxDecoded is how long it may be when it was compressed.
	maxDecoded = 64 << 10
)

// expired tells whether the provider refuses the credential. For that the beginning of a JSON answer may be
// read and put back.
func expired(resp *http.Response, k *connectors.Connector) bool {
	return k.TokenExpired(resp.StatusCode, resp.Header, func() []byte { return peek(resp) })
}

// peek returns the answer's JSON object, decompressed, and leaves the answer as it was. It returns
// nothing for other answers and for those that are too long. It waits for the end of the object, or
// for as much as it looks at.
func peek(resp *http.Response) []byte {
	if resp.StatusCode == http.StatusSwitchingProtocols || resp.ContentLength == 0 || resp.ContentLength > maxPeek || !holdsJSON(resp.Header) {
		return nil
	}
	coding := strings.Join(resp.Header["Content-Encoding"], ",")
	zipped := strings.EqualFold(coding, "gzip")
	if !zipped && coding != "" && !strings.EqualFold(coding, "identity") {
		return nil
	}
	p := &peeked{ReadCloser: resp.Body}
	resp.Body = p
	if zipped {
		if p.fill(func([]byte) bool { return false }); !errors.Is(p.err, io.EOF) {
			return nil
		}
		return unzip(p.head)
	}
	var o object
	p.fill(o.take)
	if !o.ended {
		return nil
	}
	return p.head[:o.size]
}

// holdsJSON tells whether a body is declared as JSON. Event streams and JSON lines are not.
func holdsJSON(h http.Header) bool {
	mediaType, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	mediaType = strings.TrimSpace(mediaType)
	const suffix = "+json"
	n := len(mediaType) - len(suffix)
	return strings.EqualFold(mediaType, "application/json") || n > 0 && strings.EqualFold(mediaType[n:], suffix)
}

// unzip returns what was compressed, or nothing if it is too long or damaged.
func unzip(data []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxDecoded+1))
	if err != nil || len(plain) > maxDecoded {
		return nil
	}
	return plain
}

// peeked is the body of an answer whose beginning has been read. Its reader gets that first, then
// the error that came with it, then the rest.
type peeked struct {
	io.ReadCloser
	head []byte
	next int
	err  error
}

// fill reads until enough says so of what has come so far, until maxPeek, or until an error.
func (p *peeked) fill(enough func(more []byte) bool) {
	buf := make([]byte, maxPeek)
	for p.err == nil && len(p.head) < maxPeek {
		n, err := p.ReadCloser.Read(buf[len(p.head):])
		p.head, p.err = buf[:len(p.head)+n], err
		if enough(p.head[len(p.head)-n:]) {
			return
		}
	}
}

func (p *peeked) Read(b []byte) (int, error) {
	if p.next < len(p.head) {
		n := copy(b, p.head[p.next:])
		p.next += n
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.ReadCloser.Read(b)
}

// object finds the end of a JSON object in text that comes in pieces.
type object struct {
	size            int // of what has been looked at
	depth           int
	quoted, escaped bool
	ended           bool
}

// take goes on with the next piece, and tells whether there is nothing more to find: the object has
// ended, or the text is none.
func (o *object) take(more []byte) bool {
	for _, c := range more {
		o.size++
		switch {
		case o.escaped:
			o.escaped = false
		case o.quoted:
			o.quoted, o.escaped = c != '"', c == '\\'
		case c == '{', c == '[' && o.depth > 0:
			o.depth++
		case o.depth == 0:
			if !strings.ContainsRune(" \t\r\n", rune(c)) {
				return true
			}
		case c == '"':
			o.quoted = true
		case c == '}', c == ']':
			o.depth--
			if o.ended = o.depth == 0; o.ended {
				return true
			}
		}
	}
	return false
}
