package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func TestIdempotencyKey(t *testing.T) {
	k := setup(t, nil)
	const body = `{"connection":"mail","identifier":"ada"}`
	first := k.send("POST", "/claviger/links", body, "Idempotency-Key: k-1")
	if first.status != 201 || first.header.Get("Idempotent-Replayed") != "" {
		t.Fatalf("got %d %s", first.status, first.text)
	}
	again := k.send("POST", "/claviger/links", body, "Idempotency-Key: k-1")
	if again.status != 201 || again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" ||
		again.header.Get("Location") != first.header.Get("Location") || again.header.Get("Cache-Control") != "no-store" ||
		again.header.Get("Content-Type") != "application/json" {
		t.Errorf("again: %d %v %s, want %s", again.status, again.header, again.text, first.text)
	}
	if page, err := k.Links(t.Context(), client.LinkQuery{}); err != nil || len(page.Items) != 1 {
		t.Errorf("there are %d links, %v", len(page.Items), err)
	}
	for _, other := range []struct{ method, target, body string }{
		{"POST", "/claviger/links", `{"connection":"mail","identifier":"bob"}`},
		{"POST", "/claviger/accounts", body},
		{"PUT", "/claviger/accounts/mail/ada", ""},
		{"POST", "/claviger/links?x=1", body},
	} {
		k.send(other.method, other.target, other.body, "Idempotency-Key: k-1").wants(t, 422, "idempotency_key_reused")
	}
	if got := k.send("GET", "/claviger/links", "", "Idempotency-Key: k-1"); got.status != 200 {
		t.Errorf("a GET has nothing to do with it: %d", got.status)
	}
}

// What has failed may be done anew, with the same key.
func TestIdempotencyKeyOfFailure(t *testing.T) {
	k := setup(t, nil)
	const body = `{"connection":"later","identifier":"ada"}`
	k.send("POST", "/claviger/links", body, "Idempotency-Key: k").wants(t, 404, "connection_not_found")
	k.second("later")
	if got := k.send("POST", "/claviger/links", body, "Idempotency-Key: k"); got.status != 201 || got.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("got %d %s", got.status, got.text)
	}
}

func TestIdempotencyKeyTogether(t *testing.T) {
	k := setup(t, nil)
	answers := make([]answer, 20)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			answers[i] = k.send("POST", "/claviger/links", `{"connection":"mail","identifier":"ada"}`, "Idempotency-Key: k")
		})
	}
	wait.Wait()
	made := 0
	for _, a := range answers {
		switch {
		case a.status == 201 && a.header.Get("Idempotent-Replayed") == "":
			made++
		case a.status == 409:
			a.wants(t, 409, "request_in_progress")
			if a.header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		case a.status != 201:
			t.Errorf("got %d %s", a.status, a.text)
		}
	}
	if page, err := k.Links(t.Context(), client.LinkQuery{}); err != nil || len(page.Items) != 1 || made != 1 {
		t.Errorf("%d links for %d requests, %v", len(page.Items), made, err)
	}
}

func TestIdempotencyKeyInvalid(t *testing.T) {
	k := setup(t, nil)
	for _, bad := range []string{"", strings.Repeat("x", 256), "a\tb", "ü"} {
		k.send("PUT", "/claviger/accounts/mail/ada", "", "Idempotency-Key: "+bad).wants(t, 400, "idempotency_key_invalid")
	}
	r, err := http.NewRequestWithContext(t.Context(), "PUT", k.url+"/claviger/accounts/mail/ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Idempotency-Key"] = []string{"a", "a"}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("twice: %d", res.StatusCode)
	}
	if page, err := k.Accounts(t.Context(), client.AccountQuery{}); err != nil || len(page.Items) != 0 {
		t.Errorf("there are %d accounts, %v", len(page.Items), err)
	}
}

// Each route that changes something takes a key, and what it does is done once.
func TestIdempotencyKeyEverywhere(t *testing.T) {
	k := setup(t, nil)
	a := k.account("mail", "ada", nil)
	for i, r := range []struct{ method, target, body string }{
		{"PATCH", "/claviger/accounts/" + string(a.ID), `{"labels":{"team":"red"}}`},
		{"POST", "/claviger/webhooks", `{"name":"hook","url":"https://example.com/hook"}`},
		{"POST", "/claviger/webhooks/hook/secret", ""},
		{"DELETE", "/claviger/webhooks/hook", ""},
		{"POST", "/claviger/connections", `{"name":"two","connector":"demo","client_id":"x","client_secret":"canary-posted-client-secret","params":{"port":"9090"}}`},
		{"DELETE", "/claviger/connections/two", ""},
		{"DELETE", "/claviger/accounts/" + string(a.ID), ""},
	} {
		key := fmt.Sprintf("Idempotency-Key: k-%d", i)
		first := k.send(r.method, r.target, r.body, key)
		again := k.send(r.method, r.target, r.body, key)
		if first.status > 299 || again.status != first.status || again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s %s: %d %s, again %d %s", r.method, r.target, first.status, first.text, again.status, again.text)
		}
	}
}

// What was forgotten is not in an answer that is kept.
func TestIdempotencyKeyOfForget(t *testing.T) {
	k := setup(t, nil)
	k.account("mail", "ada", func(a *vault.ConnectedAccount, _ *vault.Grant) { a.Identity.Name = "Ada Lovelace" })
	for i := range 2 {
		got := k.send("POST", "/claviger/vault/forget", `{"identifier":"ada"}`, "Idempotency-Key: k")
		if got.status != 200 || got.header.Get("Idempotent-Replayed") != "" || strings.Contains(got.text, "Ada Lovelace") != (i == 0) {
			t.Errorf("request %d: %d %v %s", i, got.status, got.header, got.text)
		}
	}
}
