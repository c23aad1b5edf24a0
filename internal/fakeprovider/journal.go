package fakeprovider

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// An Entry is one request the provider received. It is in the log from the moment it arrives.
type Entry struct {
	Time   time.Time
	Method string
	Path   string
	// Host is the Host header.
	Host string
	// URI is the request line's target as it was sent, query included.
	URI string
	// Header is what arrived, credentials included.
	Header http.Header
	// Form is what was posted to /oauth/token or /revoke, and nil elsewhere.
	Form url.Values
	// User is whom the access token was minted for, valid or not, or empty.
	User string
	// Token is the fingerprint of the access token, or empty; see [Fingerprint].
	Token string
	// Status is the answer's status; zero until there is one, and if the connection was cut before.
	Status int
}

// Fingerprint returns the first 12 hexadecimal digits of the SHA-256 of a token.
func Fingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])[:12]
}

// journal keeps entries in the order of arrival.
type journal struct {
	now func() time.Time

	mu      sync.Mutex
	entries []*Entry
}

func (j *journal) begin(r *http.Request, user, token string) *Entry {
	e := &Entry{
		Time: j.now(), Method: r.Method, Path: r.URL.Path, Host: r.Host, URI: r.RequestURI,
		Header: r.Header.Clone(), Form: cloneForm(r.PostForm), User: user,
	}
	if token != "" {
		e.Token = Fingerprint(token)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	return e
}

func (j *journal) answered(e *Entry, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Status = status
}

func (j *journal) count(match func(*Entry) bool) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, e := range j.entries {
		if match(e) {
			n++
		}
	}
	return n
}

func cloneForm(f url.Values) url.Values {
	if f == nil {
		return nil
	}
	return url.Values(http.Header(f).Clone())
}

// Log returns the requests received since the start or the last ResetLog, in the order of arrival.
func (s *Server) Log() []Entry {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	list := make([]Entry, len(s.journal.entries))
	for i, e := range s.journal.entries {
		list[i] = *e
		list[i].Header, list[i].Form = e.Header.Clone(), cloneForm(e.Form)
	}
	return list
}

// Requests returns how many requests for exactly this path the log has.
func (s *Server) Requests(path string) int {
	return s.journal.count(func(e *Entry) bool { return e.Path == path })
}

// TokenCalls returns how many calls of the token endpoint the log has, those with one of the grant
// types only if any are given.
func (s *Server) TokenCalls(grantType ...string) int {
	return s.journal.count(func(e *Entry) bool {
		return e.Path == tokenPath && (len(grantType) == 0 || slices.Contains(grantType, e.Form.Get("grant_type")))
	})
}

// ResetLog empties the log. It does not empty Secrets.
func (s *Server) ResetLog() {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.entries = nil
}
