// Package paging reads lists that an API gives out in pages, as [connectors.Paginate] declares it.
//
// A [Walk] is the pure part: it says what the next page is asked for with, and is given the answer. [Collect]
// is the loop around it, with its bounds; it gets the pages from a function of the caller, who sends requests
// and knows credentials. A URL out of an answer is never handed to that function unless it lies under the base
// that the list came from.
package paging

import (
	"net/http"
	"net/url"
)

// Request is what the request for a page has that the declared one has not. The zero value is the declared one.
type Request struct {
	// URL is asked for in place of the declared one's, as it is; nil means that one. It lies under the base.
	URL *url.URL
	// Query are parameters to set, and Members what to set in the JSON body, by paths of members.
	Query   url.Values
	Members map[string]any
}

// Page is an answer with status 2xx.
type Page struct {
	// URL is that of the request, without a credential: a URL in the answer may be relative to it.
	URL    *url.URL
	Header http.Header
	// Body is the whole answer, which is JSON.
	Body []byte
}

// Error says why a list cannot be read on. It holds nothing of the answer.
type Error string

func (e Error) Error() string { return string(e) }

// Errors of [Walk.Take].
const (
	// ErrUnreadable: the answer is no JSON, or has no list where one is declared.
	ErrUnreadable Error = "the answer has no list where the connector says"
	// ErrMore: what says whether there are more pages is no boolean.
	ErrMore Error = "what says whether there is another page is neither true nor false"
	// ErrCursor: there should be a cursor, or a URL, and there is none that could be one.
	ErrCursor Error = "the answer says that there is another page, and not which"
	// ErrLink: the header Link cannot be read.
	ErrLink Error = "the header Link cannot be read (RFC 8288)"
	// ErrURL: what should be a URL is none.
	ErrURL Error = "the URL of the next page cannot be read"
	// ErrHost and ErrPath: the URL lies outside of the base. It must not be asked for.
	ErrHost Error = "the URL of the next page has another scheme or host than the base of the list; nothing was sent there"
	ErrPath Error = "the URL of the next page does not lie under the path of the base of the list; nothing was sent there"
)
