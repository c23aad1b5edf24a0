package caddymodule

import "net/http"

var rateLimited = counter("rate_limited_total", "Answers of providers to requests that say that they limit those.", "connector")

// noteLimit notes an answer that says that the provider limits requests. The body is not looked at: most
// answers are no limit, and none of them is to be slower for that.
func noteLimit(resp *http.Response, h *hop) {
	k := h.target.Connection.Connector()
	if !k.Rate.Limits(resp.StatusCode, resp.Header, nil) {
		return
	}
	h.outcome = outcomeLimited
	rateLimited.WithLabelValues(k.Name).Inc()
}
