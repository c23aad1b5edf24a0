package transfer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// The key of the test vector. It protects nothing.
const (
	testIdentity  = "AGE-SECRET-KEY-1RZDW8X755VT8ECSWP9PTEMXFJTK6WGL60AJEXFWVKMTMYR2XFS6QKDDM6X"
	testRecipient = "age1rgj8778ec3rx3e7gh9l5n4hfgnuxdsn65k7jkjr5q8nczunw0pqqp66njv"
)

var testHeader = transfer.Header{Project: "default", CreatedAt: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}

// at is a time on the day of the tests.
func at(hour, minute int) time.Time { return time.Date(2026, 5, 4, hour, minute, 0, 0, time.UTC) }

// sample is what the test vector of version 4 holds.
func sample() []transfer.Item {
	return append(third(), transfer.Item{Account: &transfer.Account{
		ID: "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A9", Connection: "staff", Connector: "github", Identifier: "grace",
		Status: vault.StatusPendingAuth, CreatedAt: at(12, 8), AppData: vault.AppData{
			Labels:   map[string]string{"plan.example.com/tier": "pro", "team": "K\u00fcche & <Bad>"},
			Metadata: json.RawMessage(`{"crm":{"id":1e3,"tags":["a",null]}}`),
		},
	}})
}

// third is what the test vector of version 3 holds.
func third() []transfer.Item {
	return append(
		second(),
		transfer.Item{Connection: &transfer.Connection{
			Name: "staff", Connector: "github", Origin: vault.OriginAPI, ClientID: "github-client", ClientSecret: vault.NewSecret("fictional client secret 2"),
			FurtherSecrets: []vault.Secret{vault.NewSecret("fictional client secret 3")},
			EarlierClients: []vault.OAuthClient{
				{ID: "github-client-before", Secrets: []vault.Secret{vault.NewSecret("fictional client secret 4"), vault.NewSecret("fictional client secret 5")}},
				{ID: "github-client-public"},
			},
		}},
		transfer.Item{Account: &transfer.Account{
			ID: "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A8", Connection: "staff", Connector: "github", Identifier: "ada",
			Status: vault.StatusActive, CreatedAt: at(12, 7), Grant: &vault.Grant{Access: vault.NewSecret("fictional-access-4"), ClientID: "github-client-before"},
		}},
	)
}

// second is what the test vector of version 2 holds.
func second() []transfer.Item {
	return append(
		first(),
		transfer.Item{Connection: &transfer.Connection{
			Name: "desk", Connector: "helpdesk", Way: "key", Origin: vault.OriginAPI, Params: map[string]string{"region": "eu"},
			SecretParams: vault.NewSecrets(map[string]string{"app_key": "-----BEGIN KEY-----\nfictional app key\n-----END KEY-----\n"}),
		}},
		transfer.Item{Account: &transfer.Account{
			ID: "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A6", Connection: "desk", Connector: "helpdesk", Identifier: "ada",
			Status: vault.StatusActive, CreatedAt: at(12, 5), ConnectedAt: at(12, 5), Grant: &vault.Grant{
				ObtainedAt: at(12, 5), Inputs: vault.NewSecrets(map[string]string{"api_key": "fictional \"key\" \u00fc", "subdomain": "acme"}),
			},
		}},
		transfer.Item{Account: &transfer.Account{
			ID: "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A7", Connection: "work", Connector: "demo", Identifier: "grace",
			Status: vault.StatusActive, CreatedAt: at(12, 6), Grant: &vault.Grant{
				Access: vault.NewSecret("fictional-access-3"),
				Slots:  vault.NewSecrets(map[string]string{"bot": "fictional-slot", "team_2": "fictional-slot-2"}),
				Inputs: vault.NewSecrets(map[string]string{"private_key": "-----BEGIN KEY-----\r\nfictional private key\n\tx\n"}),
			},
		}},
	)
}

// first is what the test vector of version 1 holds.
func first() []transfer.Item {
	return []transfer.Item{
		{Connection: &transfer.Connection{
			Name: "work", Connector: "demo", Origin: vault.OriginAPI, ClientID: "claviger-demo",
			ClientSecret: vault.NewSecret("fictional client secret"),
			Scopes:       []string{"openid", "mail.read"}, Params: map[string]string{"port": "9090"},
		}},
		{Connection: &transfer.Connection{Name: "mail", Connector: "gmail", Origin: vault.OriginConfig}},
		{Account: &transfer.Account{
			ID: "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A3", Connection: "work", Connector: "demo", Identifier: "ada",
			Status:          vault.StatusActive,
			Identity:        vault.Identity{ID: "17", Name: "Ada <Lovelace>", Email: "ada@example.com", Avatar: "https://example.com/ada.png"},
			RequestedScopes: []string{"mail.read", "mail.send"}, GrantedScopes: []string{"mail.read"},
			CreatedAt: at(12, 1), ConnectedAt: at(12, 2), RefreshedAt: at(13, 0).Add(123456789),
			Grant: &vault.Grant{
				Access: vault.NewSecret("fictional-access"), Refresh: vault.NewSecret("fictional-refresh"), IDToken: vault.NewSecret("fictional.id.token"),
				Scopes: []string{"mail.read"}, ObtainedAt: at(13, 0), Expires: at(14, 0), RefreshExpires: at(23, 0),
				ClientID: "claviger-demo", RedirectURI: "https://accounts.example.com/oauth/callback/work",
				Captured: map[string]string{"team": "T1"},
			},
		}},
		{Account: &transfer.Account{
			ID: "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A4", Connection: "mail", Connector: "gmail", Identifier: "grace@example.com",
			Status: vault.StatusExpired, Reason: "invalid_grant", GrantedScopes: []string{}, CreatedAt: at(12, 3),
		}},
		{Account: &transfer.Account{
			ID: "ca_01JTP3Q4R5S6T7V8W9X0Y1Z2A5", Connection: "mail", Connector: "gmail", Identifier: "jean",
			Status: vault.StatusActive, CreatedAt: at(12, 4), Grant: &vault.Grant{Refresh: vault.NewSecret("fictional-refresh-2")},
		}},
	}
}

func recipient(t testing.TB) transfer.Recipient {
	t.Helper()
	list, err := transfer.ParseRecipient(testRecipient)
	if err != nil || len(list) != 1 {
		t.Fatalf("got %d recipients, %v", len(list), err)
	}
	return list[0]
}

func identity(t testing.TB, text string) transfer.Identity {
	t.Helper()
	list, err := transfer.ParseIdentities(strings.NewReader(text))
	if err != nil || len(list) != 1 {
		t.Fatalf("got %d identities, %v", len(list), err)
	}
	return list[0]
}

// write puts the items into w.
func write(w *transfer.Writer, items []transfer.Item) error {
	for _, item := range items {
		var err error
		if item.Connection != nil {
			err = w.Connection(*item.Connection)
		} else {
			err = w.Account(*item.Account)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// export returns a whole export of the items.
func export(t testing.TB, o transfer.WriteOptions, items ...transfer.Item) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := transfer.NewWriter(&file, o, recipient(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := write(w, items); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// read returns what an export holds, and the error that came instead of its end.
func read(file io.Reader, ids ...transfer.Identity) (transfer.Header, []transfer.Item, error) {
	r, err := transfer.NewReader(file, ids...)
	if err != nil {
		return transfer.Header{}, nil, err
	}
	items, err := collect(r.All())
	return r.Header(), items, err
}

func collect(seq iter.Seq2[transfer.Item, error]) (items []transfer.Item, err error) {
	for item, err := range seq {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

// same fails the test unless the items are the wanted ones.
func same(t *testing.T, got, want []transfer.Item) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// lines joins lines as an export has them.
func lines(list ...string) string { return strings.Join(list, "\n") + "\n" }
