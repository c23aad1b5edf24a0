package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// gadgets is the provider of the connector gadget, without a network. Its user consents when told to.
type gadgets struct {
	mu    sync.Mutex
	token string
}

func (g *gadgets) answers(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.token = token
}

func (g *gadgets) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	body, status := g.token, http.StatusOK
	if strings.Contains(body, `"error"`) {
		status = http.StatusBadRequest
	}
	if r.URL.Path == "/device" {
		status, body = http.StatusOK, `{"device_code":"canary-device-code","user_code":"WDJB-MJHT","verification_uri":"https://gadget.example.com/activate",
			"verification_uri_complete":"https://gadget.example.com/activate?user_code=WDJB-MJHT","expires_in":600,"interval":1}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// setupGadget is an API with the connection gadget, whose provider's users are waited for, and that provider.
func setupGadget(t *testing.T) (*kit, *gadgets) {
	t.Helper()
	g := &gadgets{token: `{"error":"authorization_pending"}`}
	k := setup(t, func(o *api.Options) {
		withOwn(t, vault.Connection{Name: "gadget", Connector: "gadget", ClientID: "x"})(o)
		var err error
		o.Consent, err = consent.New(consent.Options{Vault: o.Vault, Connections: o.Connections, OAuth: oauth.New(oauth.Options{Transport: g}), API: g})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			o.Consent.Tend(ctx)
		}()
		t.Cleanup(func() {
			cancel()
			<-done
		})
	})
	return k, g
}

// over waits for the end of a link.
func (k *kit) over(id string) client.LinkState {
	k.t.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		l, err := k.Link(k.t.Context(), id)
		if err != nil {
			k.t.Fatal(err)
		}
		if l.Over() {
			return l
		}
		if time.Since(begun) > 20*time.Second {
			k.t.Fatalf("the link is still %s", l.Status)
		}
	}
}

func TestDeviceLink(t *testing.T) {
	k, g := setupGadget(t)
	got := k.send("POST", "/claviger/links", `{"connection":"gadget","identifier":"ada","device":true}`)
	if got.status != 201 || strings.Contains(got.text, "canary") || strings.Contains(got.text, `"url"`) || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %s %v", got.status, got.text, got.header)
	}
	g.answers(`{"error":"access_denied"}`)
	page, err := k.Links(t.Context(), client.LinkQuery{Status: client.LinkStarted})
	if err != nil || len(page.Items) != 1 || !strings.HasSuffix(got.header.Get("Location"), page.Items[0].ID) {
		t.Fatalf("the links are %+v, %v", page, err)
	}
	denied := k.over(page.Items[0].ID)
	if denied.Status != client.LinkFailed || denied.Code != "access_denied" || denied.Detail == "" || denied.Next == "" || denied.ConnectedAccountID != "" {
		t.Errorf("the link is %+v", denied)
	}

	g.answers(`{"access_token":"canary-access","token_type":"bearer"}`)
	l, err := k.CreateLink(t.Context(), client.NewLink{Connection: "gadget", Identifier: "ada", Device: true})
	if err != nil {
		t.Fatal(err)
	}
	want := client.Link{
		ID: l.ID, ExpiresAt: l.ExpiresAt, ConnectedAccountID: l.ConnectedAccountID, Connection: "gadget", Identifier: "ada",
		UserCode: "WDJB-MJHT", VerificationURI: "https://gadget.example.com/activate", Interval: 1,
		VerificationURIComplete: "https://gadget.example.com/activate?user_code=WDJB-MJHT",
	}
	if diff := cmp.Diff(want, l); diff != "" || time.Until(l.ExpiresAt).Round(time.Minute) != 10*time.Minute {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := k.over(l.ID); got.Status != client.LinkConnected || got.ConnectedAccountID != l.ConnectedAccountID || got.Code != "" {
		t.Errorf("the link is %+v", got)
	}
	if a, err := k.Account(t.Context(), l.ConnectedAccountID); err != nil || a.Status != client.StatusActive {
		t.Errorf("the account is %s, %v", a.Status, err)
	}
	k.noCanaries("GET /links", "GET /links/"+l.ID, "GET /events")
	for _, path := range []string{"/links", "/links/" + l.ID} {
		if got := k.send("GET", "/claviger"+path, ""); strings.Contains(got.text, "WDJB") {
			t.Errorf("%s shows the user code", path)
		}
	}
}

func TestDeviceLinkRefused(t *testing.T) {
	k, _ := setupGadget(t)
	tests := []struct {
		name, body string
		status     int
		code, says string
	}{
		{"return URL", `{"connection":"gadget","identifier":"ada","device":true,"return_url":"https://app.example.com"}`, 400, "field_invalid", "return_url"},
		{"state", `{"connection":"gadget","identifier":"ada","device":true,"state":"x"}`, 400, "field_invalid", "state"},
		{"not a boolean", `{"connection":"gadget","identifier":"ada","device":"yes"}`, 400, "field_invalid", "device must be true or false"},
		{"connection", `{"connection":"radio","identifier":"ada","device":true}`, 404, "connection_not_found", "radio"},
		{"identifier", `{"connection":"gadget","identifier":"a b","device":true}`, 400, "identifier_invalid", ""},
		{"unknown", `{"connection":"gadget","identifier":"ada","device":true,"user_code":"x"}`, 400, "field_unknown", "user_code"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := k.send("POST", "/claviger/links", tt.body)
			if got.wants(t, tt.status, tt.code); !strings.Contains(got.problem.Detail, tt.says) {
				t.Errorf("detail is %q", got.problem.Detail)
			}
		})
	}
	plain := setup(t, nil)
	_, err := plain.CreateLink(t.Context(), client.NewLink{Connection: "mail", Identifier: "ada", Device: true})
	refused(t, err, 409, "device_not_offered")
}

// stored is a link that has come so far.
func (k *kit) stored(connection, identifier string, status vault.LinkStatus, outcome string, left time.Duration) vault.Link {
	k.t.Helper()
	c, err := k.set.ByName(connection)
	if err != nil {
		k.t.Fatal(err)
	}
	l := vault.Link{
		ConnectionID: c.ID, Identifier: identifier, Expires: time.Now().Add(left), Token: vault.NewSecret(fmt.Sprint("canary-link-", status, outcome, left)),
		State: vault.NewSecret(fmt.Sprint("canary-state-", status, outcome, left)), Held: vault.NewSecret("canary-held"),
	}
	if err := k.vault.CreateLink(k.t.Context(), &l); err != nil {
		k.t.Fatal(err)
	}
	l.Status, l.Outcome = status, outcome
	if err := k.vault.PutLink(k.t.Context(), &l); err != nil {
		k.t.Fatal(err)
	}
	return l
}

func TestLinkStates(t *testing.T) {
	k := setup(t, nil)
	k.second("work")
	tests := []struct {
		name, connection, identifier string
		status                       vault.LinkStatus
		outcome                      string
		left                         time.Duration
		want, code                   string
	}{
		{"open", "mail", "ada", vault.LinkOpen, "", time.Minute, "open", ""},
		{"open for too long", "mail", "ben", vault.LinkOpen, "", -time.Second, "expired", "link_expired"},
		{"started", "work", "ada", vault.LinkStarted, "", time.Minute, "started", ""},
		{"started too long ago", "mail", "ada", vault.LinkStarted, "", -time.Second, "expired", "link_expired"},
		{"taken", "mail", "ada", vault.LinkTaken, "", -time.Second, "started", ""},
		{"taken, and forgotten", "mail", "ada", vault.LinkTaken, "", -2 * time.Minute, "expired", "link_expired"},
		{"polled", "mail", "ada", vault.LinkPolled, "", -2 * time.Second, "started", ""},
		{"choice", "work", "ben", vault.LinkChoice, "", time.Minute, "choice", ""},
		{"used", "mail", "ada", vault.LinkUsed, "", -time.Hour, "connected", ""},
		{"denied", "mail", "ada", vault.LinkFailed, "access_denied", time.Minute, "failed", "access_denied"},
		{"failed at its end", "mail", "ada", vault.LinkFailed, "link_expired", time.Minute, "expired", "link_expired"},
		{"failed for what is not known here", "mail", "ada", vault.LinkFailed, "of_tomorrow", time.Minute, "failed", "of_tomorrow"},
	}
	byStatus, byConnection, byIdentifier := map[string][]string{}, map[string][]string{}, map[string][]string{}
	for _, tt := range tests {
		l := k.stored(tt.connection, tt.identifier, tt.status, tt.outcome, tt.left)
		want := client.LinkState{
			ID: string(l.ID), Status: tt.want, Connection: tt.connection, Identifier: tt.identifier,
			Code: tt.code, CreatedAt: l.CreatedAt, ExpiresAt: l.Expires,
		}
		if tt.want == "connected" {
			want.ConnectedAccountID = string(l.AccountID)
		}
		got, err := k.Link(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if (got.Detail != "") != (tt.code != "") || (got.Next != "") != (tt.code != "") {
			t.Errorf("%s: detail %q, next %q", tt.name, got.Detail, got.Next)
		}
		got.Detail, got.Next = "", ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		byStatus[tt.want] = append(byStatus[tt.want], want.ID)
		byConnection[tt.connection] = append(byConnection[tt.connection], want.ID)
		byIdentifier[tt.identifier] = append(byIdentifier[tt.identifier], want.ID)
	}
	check := func(q client.LinkQuery, want []string) {
		t.Helper()
		for _, q.Limit = range []int{0, 1, 5} {
			var got []string
			for l, err := range k.AllLinks(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, l.ID)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", q, diff)
			}
		}
	}
	for status, want := range byStatus {
		check(client.LinkQuery{Status: status}, want)
	}
	for name, want := range byConnection {
		check(client.LinkQuery{Connection: name}, want)
	}
	for name, want := range byIdentifier {
		check(client.LinkQuery{Identifier: name}, want)
	}
	check(client.LinkQuery{Identifier: "ada", Connection: "work", Status: "open"}, nil)
	k.noCanaries("GET /links")

	for _, bad := range []string{"status=used", "identifier=a+b", "limit=0", "after=x", "status=open&status=open"} {
		k.send("GET", "/claviger/links?"+bad, "").wants(t, 400, "parameter_invalid")
	}
	k.send("GET", "/claviger/links?account=x", "").wants(t, 400, "parameter_unknown")
	k.send("GET", "/claviger/links?connection=nowhere", "").wants(t, 404, "connection_not_found")
}

func TestRevokeLink(t *testing.T) {
	k := setup(t, nil)
	l, err := k.CreateLink(t.Context(), client.NewLink{Connection: "mail", Identifier: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.RevokeLink(t.Context(), l.ID); err != nil {
		t.Fatal(err)
	}
	got, err := k.Link(t.Context(), l.ID)
	if err != nil || got.Status != client.LinkFailed || got.Code != "link_revoked" {
		t.Errorf("the link is %+v, %v", got, err)
	}
	for _, status := range []vault.LinkStatus{vault.LinkStarted, vault.LinkPolled, vault.LinkChoice} {
		if err := k.RevokeLink(t.Context(), string(k.stored("mail", "ada", status, "", time.Minute).ID)); err != nil {
			t.Errorf("%s: %v", status, err)
		}
	}
	for id, code := range map[string]string{
		l.ID: "link_closed", string(k.stored("mail", "ada", vault.LinkUsed, "", 0).ID): "link_used",
		string(k.stored("mail", "ada", vault.LinkTaken, "", 0).ID): "link_used",
	} {
		if e := refused(t, k.RevokeLink(t.Context(), id), 410, code); strings.Contains(e.Next, "{") || e.Detail == "" {
			t.Errorf("%s: %+v", code, e)
		}
	}
	for _, id := range []string{"lnk_x", string(vault.NewLinkID()), "x%00y", url.PathEscape("a/b")} {
		k.send("DELETE", "/claviger/links/"+id, "").wants(t, 404, "link_not_found")
		k.send("GET", "/claviger/links/"+id, "").wants(t, 404, "link_not_found")
	}
	k.send("DELETE", "/claviger/links/"+l.ID, `{"force":true}`).wants(t, 400, "field_unknown")
	k.send("DELETE", "/claviger/links/"+l.ID+"?force=1", "").wants(t, 400, "parameter_unknown")
}
