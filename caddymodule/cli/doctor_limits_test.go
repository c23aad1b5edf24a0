package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// doctor counts the accounts that one user of a provider has with one OAuth client, at all connections.
func TestDoctorCountsAccounts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits string
		// accounts have the identities of these users, at two connections.
		books, desk []string
		clients     [2]string
		want        int
	}{
		{"as many as are kept", `{"refresh_tokens":2}`, []string{"ada"}, []string{"ada", "bob"}, [2]string{"c", "c"}, 0},
		{"one more", `{"refresh_tokens":2}`, []string{"ada", "ada"}, []string{"ada", "bob"}, [2]string{"c", "c"}, 1},
		{"two more are told once", `{"refresh_tokens":2}`, []string{"ada", "ada", "ada"}, []string{"ada"}, [2]string{"c", "c"}, 1},
		{"two users", `{"refresh_tokens":1}`, []string{"ada", "bob"}, []string{"ada", "bob"}, [2]string{"c", "c"}, 2},
		{"two clients", `{"refresh_tokens":2}`, []string{"ada", "ada"}, []string{"ada", "bob"}, [2]string{"c", "d"}, 0},
		{"nobody knows who they are", `{"refresh_tokens":1}`, []string{"", "", ""}, nil, [2]string{"c", "c"}, 0},
		{"another limit", `{"accounts":1}`, []string{"ada", "ada"}, nil, [2]string{"c", "c"}, 0},
		{"no limit", `null`, []string{"ada", "ada"}, nil, [2]string{"c", "c"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			accounts := map[string][]string{"books": tt.books, "desk": tt.desk}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/claviger/connections":
					fmt.Fprintf(w, `{"items":[{"name":"books","connector":"zoho","client_id":%q},{"name":"desk","connector":"zoho","client_id":%q},{"name":"odd","broken":"it is"}]}`,
						tt.clients[0], tt.clients[1])
				case "/claviger/connectors/zoho":
					fmt.Fprintf(w, `{"name":"zoho","limits":%s}`, tt.limits)
				case "/claviger/accounts":
					if r.URL.Query().Get("status") != client.StatusActive {
						t.Errorf("accounts are asked for with %s", r.URL.RawQuery)
					}
					var items []string
					for i, who := range accounts[r.URL.Query().Get("connection")] {
						items = append(items, fmt.Sprintf(`{"id":"ca_%d","identity":{"id":%q,"email":"secret@example.com"}}`, i, who))
					}
					fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
				default:
					http.NotFound(w, r)
				}
			}))
			t.Cleanup(s.Close)
			made, err := client.New(client.Options{Base: s.URL})
			if err != nil {
				t.Fatal(err)
			}
			d := &doctor{server: &server{Client: made}, ready: true}
			d.checkLimits(t.Context())
			if len(d.findings) != tt.want {
				t.Fatalf("got %+v, want %d findings", d.findings, tt.want)
			}
			for _, f := range d.findings {
				if f.Level != levelWarn || f.Check != "limit of zoho" || !strings.Contains(f.Detail, "such as ca_") || strings.Contains(f.Detail+f.Next, "@") {
					t.Errorf("got %+v", f)
				}
			}
		})
	}
}

func TestIncrementalText(t *testing.T) {
	for how, want := range map[string]string{"": "", "merge": "asked for those that the account has", "include_granted": "the provider adds"} {
		if got := incrementalText(how); !strings.Contains(got, want) || (got == "") != (how == "") {
			t.Errorf("%q: got %q", how, got)
		}
	}
}

func TestLimitsText(t *testing.T) {
	for _, tt := range []struct {
		limits *client.Limits
		want   string
	}{
		{nil, ""},
		{&client.Limits{RefreshTokens: 20}, "20 refresh tokens for one user and OAuth client, a further one ends the oldest"},
		{&client.Limits{RefreshTokens: 20, Accounts: 25}, "20 refresh tokens for one user and OAuth client, a further one ends the oldest; 25 accounts until the provider has reviewed the OAuth client"},
	} {
		if got := limitsText(tt.limits); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
