package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
)

// doctor tells when it is not the first of several client secrets that works.
func TestDoctorTellsOfSecrets(t *testing.T) {
	for inUse, want := range map[int]string{0: levelOK, 1: levelOK, 3: levelWarn} {
		d := &doctor{}
		d.checkConnection(t.Context(), client.Connection{Name: "mail", Connector: "gmail", HasClientSecret: true, ClientSecrets: 3, ClientSecretInUse: inUse})
		last := d.findings[len(d.findings)-1]
		if last.Level != want || want == levelWarn && !strings.Contains(last.Detail, "before number 3 of 3") {
			t.Errorf("secret %d is in use: got %+v", inUse, last)
		}
	}
}

// doctor tells when the provider will not take the redirect URI.
func TestDoctorTellsOfTheRedirectURI(t *testing.T) {
	for refused, want := range map[bool]string{false: levelOK, true: levelWarn} {
		d := &doctor{}
		c := client.Connection{Name: "chat", Connector: "slack", RedirectURI: "http://localhost:8091/oauth/callback/chat", RedirectRefused: refused}
		d.checkConnection(t.Context(), c)
		if last := d.findings[len(d.findings)-1]; last.Level != want || refused && (last.Detail != localRedirect || last.Next != publicRedirect) {
			t.Errorf("refused is %t: got %+v", refused, last)
		}
		if got := slices.Contains(connectionFacts(c, time.Now()), fact{"mind", localRedirect + ": " + publicRedirect}); got != refused {
			t.Errorf("refused is %t: shown is %t", refused, got)
		}
	}
}

func TestSecretsText(t *testing.T) {
	for _, tt := range []struct {
		n, inUse int
		want     string
	}{
		{0, 0, "none"},
		{1, 0, "set"},
		{2, 1, "2, of which the first is sent"},
		{3, 2, "3, of which number 2 is sent: the provider refuses those before"},
	} {
		if got := secretsText(tt.n, tt.inUse); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// doctor tells of a key that no assertion can be signed with, of the server's connections and of those in a file.
func TestDoctorTellsOfKeys(t *testing.T) {
	d := &doctor{}
	d.checkConnection(t.Context(), client.Connection{Name: "hr", Connector: "sap-successfactors", KeyError: "saml.cert: has ended at 2026-01-02 03:04:05"})
	if last := d.findings[len(d.findings)-1]; last.Level != levelFail || !strings.Contains(last.Detail, "has ended at") {
		t.Errorf("got %+v", last)
	}
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HR_KEY", "canary-key")
	for name, tt := range map[string]struct {
		params map[string]string
		want   string
	}{
		"a bad key":  {map[string]string{"private_key": "{env.HR_KEY}", "certificate": "{env.HR_KEY}"}, "saml.key: is no PEM"},
		"not to see": {map[string]string{"private_key": "{env.HR_NOWHERE}", "certificate": "{env.HR_NOWHERE}"}, ""},
	} {
		d := &doctor{}
		d.checkWritten(t.Context(), &appConfig{Connections: map[string]configConnection{"hr": {Connector: "sap-successfactors", Params: tt.params}}}, "hr", catalog)
		last := d.findings[len(d.findings)-1]
		if (last.Level == levelFail) != (tt.want != "") || !strings.Contains(last.Detail, tt.want) || strings.Contains(last.Detail, "canary") {
			t.Errorf("%s: got %+v", name, last)
		}
	}
}
