package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/claviger-proxy/claviger/client"
)

// Exit statuses beside 0.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitHTTP     = 22 // as curl's own for an answer of 400 and above
	exitNotReady = 1
)

// failure is an error as a person at a terminal, or a program with --json, gets it.
type failure struct {
	// Code is stable. It is the server's own when the server refused.
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Next   string `json:"next,omitempty"`
	// ReconnectURL is an authorization link for the user of an account that needs consent.
	ReconnectURL string             `json:"reconnect_url,omitempty"`
	Candidates   []client.Candidate `json:"candidates,omitempty"`
	Choices      []client.Item      `json:"choices,omitempty"`
	MoreChoices  bool               `json:"more_choices,omitempty"`
	Mistakes     []client.Mistake   `json:"mistakes,omitempty"`
	RequestID    string             `json:"request_id,omitempty"`
	// exit is the exit status; zero means 1.
	exit int
	// err is what is behind it, where somebody asks for that.
	err error
}

func (f *failure) Error() string { return f.Detail }

func (f *failure) Unwrap() error { return f.err }

// usage is a mistake in the command's arguments.
func usage(format string, args ...any) error {
	return &failure{Code: "usage", Detail: fmt.Sprintf(format, args...), exit: exitUsage}
}

// failed is any other mistake, with what to do about it.
func failed(code, detail, next string) error {
	return &failure{Code: code, Detail: detail, Next: next}
}

// failureOf puts any error into the form that is printed.
func failureOf(err error) *failure {
	var f *failure
	var e *client.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &e):
		return refusal(e)
	case errors.Is(err, context.Canceled):
		return &failure{Code: "interrupted", Detail: "interrupted"}
	}
	return &failure{Code: "failed", Detail: err.Error()}
}

// refusal is a problem document of the server.
func refusal(e *client.Error) *failure {
	f := &failure{
		Code: e.Code, Detail: e.Error(), Next: e.Next, ReconnectURL: e.ReconnectURL,
		Candidates: e.Candidates, Choices: e.Choices, MoreChoices: e.MoreChoices, Mistakes: e.Mistakes, RequestID: e.RequestID,
	}
	if f.Code == "" {
		f.Code = "unexpected_answer"
		f.Detail = fmt.Sprintf("the admin endpoint answered %d %s, which is not Claviger's answer", e.Status, http.StatusText(e.Status))
	}
	return f
}

// report prints a failure: a sentence and its code, then what to do next.
func report(w io.Writer, f *failure, asJSON bool) {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		_ = e.Encode(f)
		return
	}
	fmt.Fprintf(w, "%s: %s", binary, f.Detail)
	if f.Code != "" && f.Code != "usage" && f.Code != "failed" {
		fmt.Fprintf(w, " (%s)", f.Code)
	}
	fmt.Fprintln(w)
	for _, c := range f.Candidates {
		fmt.Fprintf(w, "  %s  %s/%s\n", c.Account, c.Connection, c.Identifier)
	}
	for _, c := range f.Choices {
		fmt.Fprintf(w, "  %s  %s\n", c.ID, c.Label)
	}
	if f.MoreChoices {
		fmt.Fprintln(w, "  and more, which may be chosen by their IDs as well")
	}
	if len(f.Mistakes) > 1 { // else the sentence has it
		for _, m := range f.Mistakes {
			fmt.Fprintf(w, "  %s\n", m)
		}
	}
	if f.RequestID != "" {
		fmt.Fprintf(w, "request: %s\n", f.RequestID)
	}
	if f.Next != "" {
		fmt.Fprintf(w, "next: %s\n", f.Next)
	}
	if f.ReconnectURL != "" {
		fmt.Fprintf(w, "reconnect: %s\n", f.ReconnectURL)
	}
}
