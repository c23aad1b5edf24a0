package oauth_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// What the provider has made of a client is told also where it is not what was asked for: the secret and the token
// before may be spent.
func TestReregisterOtherwise(t *testing.T) {
	const (
		secret  = `,"client_secret":"` + clientSecret + `-2","client_secret_expires_at":0`
		managed = `,"registration_client_uri":"BASE/register/abc/2","registration_access_token":"` + registrationToken + `-2"`
	)
	past, future := time.Unix(1000000000, 0).UTC(), time.Unix(4102444800, 0).UTC()
	rotated := func(r *oauth.Registered) {
		r.Secret, r.SecretExpires = vault.NewSecret(clientSecret+"-2"), time.Time{}
	}
	for _, tt := range []struct {
		name, answer string
		ended        bool // the secret that is known
		code         string
		want         func(r *oauth.Registered) // beside where it is managed
		elsewhere    bool
	}{
		{"a redirect URI more", secret + managed + `,"redirect_uris":["` + redirectURI + `","https://old.example.com"]`, false, oauth.CodeOtherRedirect, rotated, false},
		{"another way to authenticate", secret + managed + `,"token_endpoint_auth_method":"none"`, false, oauth.CodeOtherAuth, rotated, false},
		{"managed elsewhere", secret + strings.Replace(managed, "BASE", "https://evil.example.com", 1), false, oauth.CodeManagementHost, rotated, true},
		{"a number for a secret", `,"client_secret":7` + managed, false, oauth.CodeBadClient, nil, false},
		{"a secret until who knows when", strings.Replace(secret, ":0", `:"soon"`, 1) + managed, false, oauth.CodeBadClient, rotated, false},
		{"a new secret that has ended", strings.Replace(secret, ":0", ":1000000000", 1) + managed, false, oauth.CodeSecretEnded, func(r *oauth.Registered) {
			rotated(r)
			r.SecretExpires = past
		}, false},
		{"no secret for one that has ended", managed, true, oauth.CodeSecretEnded, nil, false},
		{"the secret that has ended", `,"client_secret":"` + clientSecret + `"` + managed, true, oauth.CodeSecretEnded, nil, false},
		{"no secret, and its end", `,"client_secret_expires_at":1000000000` + managed, false, oauth.CodeSecretEnded, func(r *oauth.Registered) { r.SecretExpires = past }, false},
		{"no secret, and a later end", `,"client_secret_expires_at":4102444800` + managed, true, "", func(r *oauth.Registered) { r.SecretExpires = future }, false},
		{"a secret for one that has ended", secret + managed, true, "", rotated, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := ""
			base = serve(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.ReplaceAll(`{"client_id":"abc"`+tt.answer+`}`, "BASE", base))
			})
			known := oauth.Registered{
				ClientID: "abc", Secret: vault.NewSecret(clientSecret), SecretExpires: future, URI: base + "/register/abc", Token: vault.NewSecret(registrationToken),
			}
			if tt.ended {
				known.SecretExpires = past
			}
			want := known
			want.Token = vault.NewSecret(registrationToken + "-2")
			if !tt.elsewhere {
				want.URI += "/2"
			}
			if tt.want != nil {
				tt.want(&want)
			}
			app := registrant(t, base, registering+"register: {with: dynamic, url: BASE/register}")
			got, err := newClient(oauth.Options{}).Reregister(t.Context(), app, registration, known)
			if tt.code != "" {
				e := wantError(t, oauth.Token{}, err, oauth.ClassMalformed, tt.code)
				if diff := cmp.Diff(oauth.Registered{}, got, revealed); diff != "" {
					t.Errorf("got a client beside the error:\n%s", diff)
				}
				if _, stray := e.Stray(); stray {
					t.Error("a client in use is said to be of no use")
				}
				got, _ = e.Changed()
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, revealed); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
		})
	}
}
