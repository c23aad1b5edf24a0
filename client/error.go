package client

import (
	"encoding/json"
	"net/http"
)

// Error is a problem document (RFC 9457): what the server says when it does not do what was asked.
type Error struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code is stable; programs may depend on it. It is empty when what answered is not Claviger.
	Code string `json:"code"`
	// Detail is one sentence about this occurrence, Next what to do now.
	Detail string `json:"detail,omitempty"`
	Next   string `json:"next,omitempty"`
	// RequestID finds the occurrence in the server's log.
	RequestID string `json:"request_id,omitempty"`

	Account    string `json:"account,omitempty"`
	Connection string `json:"connection,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	Reason     string `json:"reason,omitempty"`
	// ReconnectURL is an authorization link for the user.
	ReconnectURL string      `json:"reconnect_url,omitempty"`
	Candidates   []Candidate `json:"candidates,omitempty"`
	// Mistakes are what is wrong with a connector's file, or what a change of it would break.
	Mistakes []Mistake `json:"mistakes,omitempty"`
	// Choices are the items of which a [Choice] has to name one.
	Choices []Item `json:"choices,omitempty"`
	// MoreChoices tells that there are more than those. A [Choice] may name one of the others, too.
	MoreChoices bool `json:"more_choices,omitempty"`
}

// Candidate is one account that a request without a tag could have meant.
type Candidate struct {
	Account    string `json:"account"`
	Connection string `json:"connection"`
	Identifier string `json:"identifier"`
}

// Error returns the detail, or as much as there is.
func (e *Error) Error() string {
	switch {
	case e.Detail != "":
		return e.Detail
	case e.Title != "":
		return e.Title
	}
	return http.StatusText(e.Status)
}

// problemOf reads an answer that is not a success. What is not a problem document keeps only its
// status: whoever wrote it is not us, and its body may say anything.
func problemOf(status int, body []byte) error {
	var e Error
	if err := json.Unmarshal(body, &e); err != nil || e.Code == "" {
		return &Error{Status: status, Title: http.StatusText(status), Next: "check that the address is Claviger's management API"}
	}
	e.Status = status
	return &e
}
