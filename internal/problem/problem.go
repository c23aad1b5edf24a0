// Package problem writes errors as RFC 9457 problem documents.
package problem

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Header names the code of an answer that comes from Claviger and not from the provider.
const Header = "Claviger-Error"

// typeBase is where each code is explained.
const typeBase = "https://github.com/claviger-proxy/claviger/blob/main/docs/reference/errors.md#"

// Problem is an error that says what happened, in a stable code, and what to do next. It is an
// error itself, so that a handler may return it.
type Problem struct {
	// Type is filled in by [Write].
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code is stable; programs may depend on it.
	Code string `json:"code"`
	// Detail is one sentence about this occurrence.
	Detail string `json:"detail,omitempty"`
	// Next is what to do now.
	Next string `json:"next,omitempty"`
	// RequestID is the same as in the logs.
	RequestID string `json:"request_id,omitempty"`

	Account    string `json:"account,omitempty"`
	Connection string `json:"connection,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	// Reason is why an account is not ACTIVE.
	Reason string `json:"reason,omitempty"`
	// ReconnectURL is an authorization link for the user.
	ReconnectURL string `json:"reconnect_url,omitempty"`
	// Candidates are the accounts that a request without a tag could have meant.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Choices are the items of which a request has to name one.
	Choices []Choice `json:"choices,omitempty"`
	// MoreChoices tells that there are more than those.
	MoreChoices bool `json:"more_choices,omitempty"`
	// Mistakes are what is wrong, one by one, where there may be several.
	Mistakes []Mistake `json:"mistakes,omitempty"`
	// RetryAfter is also sent as a header, in whole seconds.
	RetryAfter time.Duration `json:"-"`
}

// Mistake is one thing that is wrong with a file, or that a change would break.
type Mistake struct {
	// Line counts from 1; 0 means that it is not known.
	Line    int    `json:"line,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	// Connection and Account are what would break.
	Connection string `json:"connection,omitempty"`
	Account    string `json:"account,omitempty"`
}

// Candidate is one account that may be named.
type Candidate struct {
	Account    string `json:"account"`
	Connection string `json:"connection"`
	Identifier string `json:"identifier"`
}

// Choice is one item that an account has access to.
type Choice struct {
	// Name is what the connector calls the item's kind.
	Name  string `json:"name"`
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
}

func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// Write sends p. Answers are never stored by caches.
func Write(w http.ResponseWriter, p *Problem) {
	q := *p
	q.Type = typeBase + q.Code
	if q.Title == "" {
		q.Title = http.StatusText(q.Status)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set(Header, q.Code)
	if q.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(q.RetryAfter.Seconds()))))
	}
	w.WriteHeader(q.Status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(&q) // the client has gone; there is nobody to tell
}
