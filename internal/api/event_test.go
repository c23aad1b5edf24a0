package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// events are those that a query gives, in short.
func (k *kit) events(q client.EventQuery) (list []string) {
	k.t.Helper()
	for e, err := range k.AllEvents(k.t.Context(), q) {
		if err != nil {
			k.t.Fatal(err)
		}
		list = append(list, strings.TrimPrefix(e.Type, "connected_account.")+" "+e.Data.Identifier)
	}
	return list
}

func TestEvents(t *testing.T) {
	k := setup(t, nil)
	ada := k.account("mail", "ada", nil)
	ben := k.account("mail", "ben", nil)
	if _, err := k.Disconnect(t.Context(), string(ada.ID)); err != nil {
		t.Fatal(err)
	}
	if err := k.vault.DeleteAccount(t.Context(), ben.ID); err != nil {
		t.Fatal(err)
	}
	const created, updated, deleted = string(vault.EventCreated), string(vault.EventStatusUpdated), string(vault.EventDeleted)
	tests := []struct {
		name string
		q    client.EventQuery
		want []string
	}{
		{"all", client.EventQuery{}, []string{"created ada", "created ben", "status_updated ada", "deleted ben"}},
		{"account by ID", client.EventQuery{Account: string(ada.ID)}, []string{"created ada", "status_updated ada"}},
		{"account that is gone", client.EventQuery{Account: string(ben.ID)}, []string{"created ben", "deleted ben"}},
		{"account by name", client.EventQuery{Account: "mail/ada"}, []string{"created ada", "status_updated ada"}},
		{"type", client.EventQuery{Types: []string{created}}, []string{"created ada", "created ben"}},
		{"types", client.EventQuery{Types: []string{updated, deleted}}, []string{"status_updated ada", "deleted ben"}},
		{"both", client.EventQuery{Account: string(ada.ID), Types: []string{updated}}, []string{"status_updated ada"}},
		{"since", client.EventQuery{Since: time.Now().Add(-time.Hour)}, []string{"created ada", "created ben", "status_updated ada", "deleted ben"}},
		{"since later", client.EventQuery{Since: time.Now().Add(time.Hour)}, nil},
		{"pages", client.EventQuery{PageQuery: client.PageQuery{Limit: 1}}, []string{"created ada", "created ben", "status_updated ada", "deleted ben"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, k.events(tt.q)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvent(t *testing.T) {
	k := setup(t, nil)
	ada := k.account("mail", "ada", nil)
	page, err := k.Events(t.Context(), client.EventQuery{})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("got %+v, %v", page, err)
	}
	if old := time.Since(page.AsOf); old < 0 || old > time.Minute || page.AsOf.Before(page.Items[0].Timestamp) {
		t.Errorf("the page is as of %s, and its event of %s", page.AsOf, page.Items[0].Timestamp)
	}
	e := page.Items[0]
	want := client.Event{ID: e.ID, Type: "connected_account.created", Timestamp: e.Timestamp, Data: client.EventData{
		ID: string(ada.ID), ConnectionID: string(ada.ConnectionID), Connection: "mail", Connector: "demo", Identifier: "ada", Status: "ACTIVE",
	}}
	if diff := cmp.Diff(want, e); diff != "" || !strings.HasPrefix(e.ID, "evt_") || time.Since(e.Timestamp) > time.Minute {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := k.Event(t.Context(), e.ID); err != nil || got != e {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = k.Event(t.Context(), "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	refused(t, err, 404, "record_not_found")
}

func TestEventsSince(t *testing.T) {
	k := setup(t, nil)
	k.account("mail", "ada", nil)
	now := time.Now()
	for since, ok := range map[string]bool{
		"1h": true, "90m": true, "7d": true, "0s": true, now.Add(-time.Minute).Format(time.RFC3339): true,
		now.Add(-time.Minute).In(time.FixedZone("", 3*3600)).Format(time.RFC3339Nano): true,
		"": false, "-1h": false, "d": false, "-1d": false, "99999d": false, "yesterday": false, "2026-05-04": false, "1": false,
	} {
		got := k.send("GET", "/claviger/events?since="+url.QueryEscape(since), "")
		if ok && got.status != http.StatusOK {
			t.Errorf("%q: got %d %s", since, got.status, got.text)
		}
		if !ok {
			got.wants(t, 400, "parameter_invalid")
		}
		if found := strings.Contains(got.text, "evt_"); found != (ok && since != "0s") {
			t.Errorf("%q: the event is there: %t", since, found)
		}
	}
}

func TestEventsRefused(t *testing.T) {
	k := setup(t, nil)
	for _, tt := range []struct {
		query, code, says string
		status            int
	}{
		{"type=created", "parameter_invalid", "connected_account.created, connected_account.updated", 400},
		{"type=connected_account.created&type=x", "parameter_invalid", "must be one of", 400},
		{"since=1h&since=2h", "parameter_invalid", "twice", 400},
		{"account=a/b/c", "account_tag_invalid", "", 400},
		{"account=mail/nobody", "account_not_found", "", 404},
		{"account=nowhere/ada", "connection_not_found", "", 404},
		{"types=x", "parameter_unknown", "", 400},
		{"limit=0", "parameter_invalid", "limit", 400},
		{"after=x", "parameter_invalid", "after", 400},
	} {
		got := k.send("GET", "/claviger/events?"+tt.query, "")
		got.wants(t, tt.status, tt.code)
		if !strings.Contains(got.problem.Detail, tt.says) {
			t.Errorf("%s: %q does not say %q", tt.query, got.problem.Detail, tt.says)
		}
	}
}
