package policy

import (
	"net/http"
	"strings"
)

var refuseBrowser = &Refusal{
	CodeBrowser, http.StatusForbidden,
	"call from a program, not from a web page: send neither Origin nor a Sec-Fetch-Site of another site",
}

// checkBrowser refuses what a web page may have sent. Browsers cannot leave these headers out, and
// programs do not set them, with one exception: WebSocket libraries send an Origin made of the host
// they connect to.
func checkBrowser(r *http.Request, upgrade bool) *Refusal {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "none" && site != "same-origin" {
			return refuseBrowser
		}
	}
	origins := r.Header["Origin"]
	if origins == nil || upgrade && ownOrigin(origins, r.Host) {
		return nil
	}
	return refuseBrowser
}

// ownOrigin tells whether there is one origin and its host and port are those of the request.
func ownOrigin(origins []string, host string) bool {
	if len(origins) != 1 || host == "" {
		return false
	}
	_, authority, ok := strings.Cut(origins[0], "://")
	return ok && strings.EqualFold(authority, host)
}
