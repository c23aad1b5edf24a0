package consent

import "strings"

const redacted = "REDACTED"

// RedactURI returns a URI as it may be logged: without its query, which may hold a code and
// a state, and without a link's token. It takes request targets as well as whole URLs, such as
// those in Location headers, ours or not.
func RedactURI(uri string) string {
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		uri = uri[:i+1] + redacted
	}
	marker := "/" + linkSegment + "/"
	if i := strings.Index(uri, marker); i >= 0 {
		uri = uri[:i+len(marker)] + redacted
	}
	return uri
}
