package oauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const deviceMode = "mode: device\ndevice: {url: BASE/device}\ntoken: {url: BASE/token, client_auth: none}\n"

func TestDeviceStart(t *testing.T) {
	const answer = `{"device_code":"canary-device-code","user_code":"WDJB-MJHT","verification_uri":"https://id.example.com/device",
		"verification_uri_complete":"https://id.example.com/device?user_code=WDJB-MJHT","expires_in":1800,"interval":7}`
	whole := oauth.Device{
		DeviceCode: vault.NewSecret(deviceCode), UserCode: "WDJB-MJHT", VerificationURI: "https://id.example.com/device",
		VerificationURIComplete: "https://id.example.com/device?user_code=WDJB-MJHT", Expires: now.Add(30 * time.Minute), Interval: 7 * time.Second,
	}
	least := oauth.Device{
		DeviceCode: vault.NewSecret(deviceCode), UserCode: "A B", VerificationURI: "http://127.0.0.1:9/d",
		Expires: now.Add(time.Minute), Interval: 5 * time.Second,
	}
	tests := []struct {
		name, yaml string
		scopes     []string
		answer     string
		want       string
		device     oauth.Device
	}{
		{
			name: "GitHub: a public client", yaml: deviceMode, scopes: []string{"repo", "gist"}, answer: answer, device: whole,
			want: "POST /device\n\nclient_id=id&scope=repo+gist",
		},
		{
			name:   "Google: verification_url, and no interval",
			yaml:   "authorize: {url: BASE/authorize, scope: {separator: ',', always: [openid]}}\ndevice: {url: BASE/device, params: {access_type: offline}}\ntoken: {url: BASE/token, client_auth: none, resource: https://api.example.com}\n",
			answer: `{"device_code":"canary-device-code","user_code":"A B","verification_url":"http://127.0.0.1:9/d","expires_in":"60"}`, device: least,
			want: "POST /device\n\naccess_type=offline&client_id=id&resource=https%3A%2F%2Fapi.example.com&scope=openid",
		},
		{
			name: "a confidential client", yaml: "mode: device\ndevice: {url: BASE/device}\ntoken: {url: BASE/token, client_auth: basic_raw}\n", answer: answer, device: whole,
			want: "POST /device\nAuthorization: Basic aWQ6Y2FuYXJ5LWNsaWVudCtzZWNyZXQvJQ==\n\n",
		},
		{
			name:   "a client by other names, and token answers in another form",
			yaml:   "mode: device\ndevice: {url: BASE/device}\ntoken: {url: BASE/token, client_auth: post, field_names: {client_id: app}, omit: [client_secret], response: {format: form, success_when: {path: ok, equals: 1}}}\n",
			answer: answer, device: whole, want: "POST /device\n\napp=id",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(test.answer))
			app := declared(t, base, test.yaml)
			got, err := newClient(oauth.Options{}).DeviceStart(t.Context(), app, test.scopes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.device, got, revealed); diff != "" {
				t.Errorf("device (-want +got):\n%s", diff)
			}
			sameWire(t, <-requests, test.want)
		})
	}
}

func TestDeviceStartErrors(t *testing.T) {
	answer := func(member string) string {
		members := map[string]string{"device_code": `"canary-device-code"`, "user_code": `"U"`, "verification_uri": `"https://x.example.com"`, "expires_in": "60"}
		name, value, _ := strings.Cut(member, ":")
		members[name] = value
		var list []string
		for name, value := range members {
			if value != "" {
				list = append(list, `"`+name+`":`+value)
			}
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	malformed, bad := oauth.ClassMalformed, oauth.CodeBadTokenResponse
	tests := []struct {
		name   string
		status int
		body   string
		class  oauth.Class
		code   string
	}{
		{"html", 200, "<html>canary-description", malformed, bad},
		{"no device code", 200, answer("device_code:"), malformed, bad},
		{"a device code with a line break", 200, answer(`device_code:"a\nb"`), malformed, bad},
		{"no user code", 200, answer("user_code:"), malformed, bad},
		{"a user code with a line break", 200, answer(`user_code:"a\nb"`), malformed, bad},
		{"a user code that fills the screen", 200, answer(`user_code:"` + strings.Repeat("x", 65) + `"`), malformed, bad},
		{"no page", 200, answer("verification_uri:"), malformed, bad},
		{"a page that is a script", 200, answer(`verification_uri:"javascript:alert(1)"`), malformed, bad},
		{"a page without TLS", 200, answer(`verification_uri:"http://x.example.com"`), malformed, bad},
		{"a page with a user", 200, answer(`verification_uri:"https://google.com@x.example.com"`), malformed, bad},
		{"a page with a line break", 200, answer(`verification_uri:"https://x.example.com/\u202e"`), malformed, bad},
		{"a second page that is a file", 200, answer(`verification_uri_complete:"file:///etc/passwd"`), malformed, bad},
		{"no life", 200, answer("expires_in:"), malformed, bad},
		{"no life left", 200, answer("expires_in:0"), malformed, bad},
		{"too large", 200, strings.Repeat(" ", 64<<10+1), malformed, oauth.CodeAnswerTooLarge},
		{"an error inside", 200, `{"error":"unauthorized_client","error_description":"canary-description"}`, oauth.ClassOperator, "unauthorized_client"},
		{"refused", 401, `{"error":"invalid_client"}`, oauth.ClassOperator, "invalid_client"},
		{"busy", 503, "", oauth.ClassTransient, "provider_status_503"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, _ := record(t, replies(test.status, "Content-Type: application/json", test.body))
			got, err := newClient(oauth.Options{}).DeviceStart(t.Context(), declared(t, base, deviceMode), nil)
			if diff := cmp.Diff(oauth.Device{}, got, revealed); diff != "" {
				t.Errorf("device beside the error (-want +got):\n%s", diff)
			}
			if own := wantError(t, oauth.Token{}, err, test.class, test.code); own.Op != "device" || own.Status != test.status {
				t.Errorf("got %+v", own)
			}
		})
	}
	for _, edit := range []func(*oauth.App){
		func(a *oauth.App) { a.Connector.Device = nil }, func(a *oauth.App) { a.Endpoints.Device = "" },
	} {
		app := declared(t, "http://127.0.0.1:1999", deviceMode)
		edit(&app)
		_, err := newClient(oauth.Options{}).DeviceStart(t.Context(), app, nil)
		wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeIncomplete)
	}
	for _, yaml := range []string{consent + "token: {url: BASE/token, client_auth: none}", strings.Replace(deviceMode, "client_auth: none", "client_auth: post", 1)} {
		app := declared(t, "http://127.0.0.1:1999", yaml)
		app.ClientSecret = vault.Secret{}
		_, err := newClient(oauth.Options{}).DeviceStart(t.Context(), app, nil)
		if own := wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeIncomplete); !own.Unsent {
			t.Error("the error does not say that nothing was sent")
		}
	}
}

func TestDevicePoll(t *testing.T) {
	const grantType = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
	steps := "steps:\n  - when: connect\n    request: {url: BASE/me, form: {a: '{token}'}}\n    capture: {id: id}\n"
	tests := []struct{ name, yaml, want string }{
		{"GitHub", deviceMode, "POST /token\n\nclient_id=id&device_code=canary-device-code&" + grantType},
		{
			"beside a code that has a grant_type of its own",
			consent + "device: {url: BASE/device}\ntoken: {url: BASE/token, client_auth: none, params: {grant_type: web_server, x: y}}\n",
			"POST /token\n\nclient_id=id&device_code=canary-device-code&" + grantType + "&x=y",
		},
		{
			"with names and a grant_type of its own",
			strings.Replace(deviceMode, "client_auth: none", "client_auth: none, params: {grant_type: device_code}, field_names: {device_code: code}", 1),
			"POST /token\n\nclient_id=id&code=canary-device-code&grant_type=device_code",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a","refresh_token":"r"}`), ok(`{"id":7}`))
			app := declared(t, base, test.yaml+steps)
			token, err := newClient(oauth.Options{}).DevicePoll(t.Context(), app, oauth.Device{DeviceCode: vault.NewSecret(deviceCode)})
			if err != nil {
				t.Fatal(err)
			}
			sameToken(t, token, oauth.Token{Access: vault.NewSecret("a"), Refresh: vault.NewSecret("r"), Captured: map[string]string{"id": "7"}})
			sameWire(t, <-requests, test.want)
			sameWire(t, <-requests, "POST /me\n\na=a")
			if p := app.Connector.Token.Params; strings.Contains(test.yaml, "grant_type") && len(p) > 0 && p["grant_type"].IsZero() {
				t.Error("the connector was changed")
			}
			// A device has been consented to: its refresh is that of a code.
			if _, err := newClient(oauth.Options{}).Refresh(t.Context(), app, vault.Grant{}); err == nil {
				t.Error("a device without a refresh token was refreshed")
			}
		})
	}
}

func TestDevicePollErrors(t *testing.T) {
	tests := []struct {
		name   string
		status int
		code   string
		class  oauth.Class
	}{
		{"pending", 400, oauth.CodeAuthorizationPending, oauth.ClassTransient},
		{"pending, as GitHub says it", 200, oauth.CodeAuthorizationPending, oauth.ClassTransient},
		{"pending, as Google says it", 428, oauth.CodeAuthorizationPending, oauth.ClassTransient},
		{"slow down", 400, oauth.CodeSlowDown, oauth.ClassTransient},
		{"denied", 403, oauth.CodeAccessDenied, oauth.ClassPermanent},
		{"expired", 400, oauth.CodeExpiredToken, oauth.ClassPermanent},
		{"unknown code", 400, "invalid_grant", oauth.ClassPermanent},
		{"refused client", 401, "invalid_client", oauth.ClassOperator},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, _ := record(t, replies(test.status, "Content-Type: application/json", `{"error":"`+test.code+`","error_description":"canary-device-code"}`))
			app := declared(t, base, deviceMode)
			token, err := newClient(oauth.Options{}).DevicePoll(t.Context(), app, oauth.Device{DeviceCode: vault.NewSecret(deviceCode)})
			if own := wantError(t, token, err, test.class, test.code); own.Op != "device" {
				t.Errorf("got %+v", own)
			}
		})
	}
	base, _ := record(t, replies(400, "X-A: b", `{"error":"canary-device-code"}`))
	app := declared(t, base, deviceMode)
	token, err := newClient(oauth.Options{}).DevicePoll(t.Context(), app, oauth.Device{DeviceCode: vault.NewSecret(deviceCode)})
	wantError(t, token, err, oauth.ClassOperator, oauth.CodeProviderError)
	token, err = newClient(oauth.Options{}).DevicePoll(t.Context(), app, oauth.Device{})
	wantError(t, token, err, oauth.ClassOperator, oauth.CodeIncomplete)
	// For other calls these codes say nothing about the grant.
	base, _ = record(t, replies(403, "X-A: b", `{"error":"access_denied"}`))
	token, err = newClient(oauth.Options{}).Refresh(t.Context(), declared(t, base, deviceMode), grant)
	wantError(t, token, err, oauth.ClassOperator, "access_denied")
}
