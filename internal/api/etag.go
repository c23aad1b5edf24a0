package api

import (
	"net/http"
	"strconv"
	"strings"
)

// CodePrecondition is for a record that is not the one of If-Match any more.
const CodePrecondition = "precondition_failed"

// tag says which version of a record the answer shows (RFC 9110 section 8.8.3).
func tag(w http.ResponseWriter, version uint64) {
	w.Header().Set("ETag", strconv.Quote(strconv.FormatUint(version, 10)))
}

// ifMatch is the version that the record must have for the request to be done; zero means any. Of a list
// one may be given only, because a record has one version at a time.
func ifMatch(r *http.Request) (uint64, error) {
	lines := r.Header.Values("If-Match")
	if len(lines) == 0 || len(lines) == 1 && strings.TrimSpace(lines[0]) == "*" {
		return 0, nil
	}
	text, err := strconv.Unquote(strings.TrimSpace(lines[0]))
	version, wrong := strconv.ParseUint(text, 10, 64)
	if len(lines) > 1 || err != nil || wrong != nil || version == 0 {
		// A tag that we have never given, a weak one among them, is that of no record.
		return 0, errPrecondition
	}
	return version, nil
}

var errPrecondition = refuse(CodePrecondition, "the record is not the one that If-Match names any more", "")
