package cli

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// admin is an admin endpoint without a network, that answers by the number of the request.
type admin func(n int) (status int, body string)

// away has no admin endpoint listen.
const away = 0

// atAdmin counts the requests to an admin endpoint.
type atAdmin struct {
	admin
	n int
}

func (a *atAdmin) RoundTrip(r *http.Request) (*http.Response, error) {
	a.n++
	status, body := a.admin(a.n)
	if status == away {
		return nil, errors.New("connection refused")
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// A server that is away for a moment does not end the waiting, as the link goes on without this command.
func TestAwait(t *testing.T) {
	const open, denied = `{"id":"lnk_1","status":"open"}`, `{"id":"lnk_1","status":"failed","code":"access_denied","detail":"declined","next":"x"}`
	for name, tt := range map[string]struct {
		admin      admin
		code, next string
		took       time.Duration
	}{
		"over": {func(int) (int, string) { return 200, denied }, "access_denied", "x", 0},
		"away for a moment, often": {func(n int) (int, string) {
			switch {
			case n == 100:
				return 200, denied
			case n%20 == 0:
				return 200, open
			}
			return away, ""
		}, "access_denied", "x", 99 * awaitEvery},
		"in trouble for a moment": {func(n int) (int, string) {
			if n == 3 {
				return 200, denied
			}
			return 503, `{"code":"vault_unavailable","status":503}`
		}, "access_denied", "x", 2 * awaitEvery},
		"away":         {func(int) (int, string) { return away, "" }, "failed", "accounts list", awaitErrors},
		"in trouble":   {func(int) (int, string) { return 503, `{"code":"vault_unavailable","status":503}` }, "vault_unavailable", "accounts list", awaitErrors},
		"no such link": {func(int) (int, string) { return 404, `{"code":"link_not_found","status":404}` }, "link_not_found", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				made, err := client.New(client.Options{Base: "http://127.0.0.1:2019", HTTP: &http.Client{Transport: &atAdmin{admin: tt.admin}}, Retries: -1})
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				err = await(t.Context(), &call{settings: new(settings), out: io.Discard, err: new(bytes.Buffer)}, &server{Client: made}, client.Link{ID: "lnk_1"})
				f := failureOf(err)
				if took := time.Since(begun); f.Code != tt.code || !strings.Contains(f.Next, tt.next) || took != tt.took {
					t.Errorf("after %s: %s, next %q; want %s after %s", took, f.Code, f.Next, tt.code, tt.took)
				}
			})
		})
	}
}
