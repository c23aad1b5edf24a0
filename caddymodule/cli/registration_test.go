package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// registeredAt is a connection whose client was registered then.
func registeredAt(at time.Time, change func(*client.Registration)) client.Connection {
	r := &client.Registration{RedirectURI: "https://a.example.com/cb", RegisteredAt: at, Managed: true}
	if change != nil {
		change(r)
	}
	return client.Connection{Name: "social", Connector: "social", ClientID: "abc", RedirectURI: "https://a.example.com/cb", Registration: r}
}

func TestRegistrationText(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	for _, tt := range []struct {
		name   string
		change func(*client.Registration)
		want   string
		soon   string // what doctor says
	}{
		{"all is well", nil, "by Claviger, 2026-03-04 04:06:07 (1 hour ago)", ""},
		{
			"a secret that ends", func(r *client.Registration) { r.ClientSecretExpiresAt = now.Add(48 * time.Hour) },
			"by Claviger, 2026-03-04 04:06:07 (1 hour ago); its secret ends 2026-03-06 05:06:07 (in 2 days)", "a secret that ends",
		},
		{
			"a secret for long", func(r *client.Registration) { r.ClientSecretExpiresAt = now.Add(480 * time.Hour) },
			"by Claviger, 2026-03-04 04:06:07 (1 hour ago); its secret ends 2026-03-24 05:06:07 (in 20 days)", "",
		},
		{
			"a secret that has ended", func(r *client.Registration) { r.ClientSecretExpiresAt = now.Add(-time.Hour) },
			"by Claviger, 2026-03-04 04:06:07 (1 hour ago); its secret has ended: `" + program() + " connections register social`", "a secret that ends",
		},
		{
			"moved", func(r *client.Registration) { r.RedirectURI, r.Managed = "https://b.example.com/cb", false },
			"by Claviger, 2026-03-04 04:06:07 (1 hour ago); with another redirect URI: `" + program() + " connections register social`; " +
				"can be changed and deleted at the provider only", "another redirect URI",
		},
	} {
		c := registeredAt(now.Add(-time.Hour), tt.change)
		if got := registrationText(c, now); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if got := outdated(c, now.Add(soon)); !strings.HasPrefix(got, tt.soon) || (got == "") != (tt.soon == "") {
			t.Errorf("%s: doctor says %q, want %q", tt.name, got, tt.soon)
		}
	}
	given := client.Connection{Name: "own", RedirectURI: "https://a.example.com/cb"}
	if got := registrationText(given, now) + outdated(given, now); got != "" {
		t.Errorf("got %q of a client that nobody has registered", got)
	}
}

// doctor tells of a registration that is out of date.
func TestDoctorTellsOfRegistrations(t *testing.T) {
	for uri, want := range map[string]string{"https://a.example.com/cb": levelOK, "https://b.example.com/cb": levelWarn} {
		d := &doctor{}
		d.checkConnection(t.Context(), registeredAt(time.Now(), func(r *client.Registration) { r.RedirectURI = uri }))
		last := d.findings[len(d.findings)-1]
		if last.Level != want || want == levelWarn && !strings.Contains(last.Next, "connections register social") {
			t.Errorf("%s: got %+v", uri, last)
		}
	}
}

func TestRemovedClients(t *testing.T) {
	var out, left bytes.Buffer
	removedClients(&out, &left, []client.RemovedClient{{ClientID: "a", Deleted: true}, {ClientID: "b"}, {ClientID: "c", Reason: "provider_timeout"}})
	if got := out.String(); got != "Its client a is deleted at the provider.\nIts client b is left at the provider.\n" {
		t.Errorf("got %q", got)
	}
	if got := left.String(); !strings.Contains(got, "c could not be deleted at the provider (provider_timeout)") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q", got)
	}
}
