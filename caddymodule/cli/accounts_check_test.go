package cli

import (
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

func TestVerdict(t *testing.T) {
	for want, c := range map[string]client.AccountCheck{
		"the provider takes its credential":                                        {OK: true},
		"the provider limits requests; ask again in 6m40s (provider_rate_limited)": {Code: "provider_rate_limited", RetryAfter: 400, ProviderStatus: 403},
		"the provider answers with something else (provider_status_503)":           {Code: "provider_status_503", RetryAfter: 300},
		"the provider refuses its credential (credential_refused)":                 {Code: "credential_refused"},
		"there is no credential (account_expired)":                                 {Code: "account_expired"},
	} {
		if got := verdict(c); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
