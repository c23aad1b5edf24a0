package integration

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// An install that began at the provider goes on at the app's page of the configuration, and nothing of its query is in
// a log. Without a page it ends where it is said what to do.
func TestInboundInstall(t *testing.T) {
	const shop = `connection shopify {
		client_id abc
		client_secret canary-client-secret
		install_url https://app.example.com/installs?from=shopify
	}`
	s := start(t, options{claviger: shop})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func() (*http.Response, string) {
		t.Helper()
		resp, err := client.Get(s.callback() + "/shopify?shop=acme.myshopify.com&hmac=canary-hmac&code=canary-code")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
	resp, body := get()
	const want = "https://app.example.com/installs?from=shopify&shop=acme.myshopify.com"
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != want || body != "" {
		t.Errorf("it leads to %d %s, want %s", resp.StatusCode, got, want)
	}
	s.options.claviger = strings.Replace(shop, "install_url", "# install_url", 1)
	s.load(s.caddyfile())
	resp, body = get()
	if got := resp.Header.Get("Claviger-Error"); got != "install_not_begun_here" || resp.Header.Get("Location") != "" {
		t.Errorf("without a page it leads to %d %s", resp.StatusCode, got)
	}
	if !strings.Contains(body, "Shopify") || !strings.Contains(body, "Example App") || strings.Contains(body, "acme") {
		t.Errorf("the page is %s", body)
	}
	log := readFile(t, logFile())
	for _, word := range []string{"canary-code", "canary-hmac", "acme.myshopify.com"} {
		if strings.Contains(log, word) {
			t.Errorf("the log has %s", word)
		}
	}
}
