package transfer_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

type readFunc = func(io.Reader, transfer.Options) iter.Seq2[transfer.Item, error]

var readers = map[transfer.Format]readFunc{
	transfer.FormatNango: transfer.ReadNango, transfer.FormatComposio: transfer.ReadComposio, transfer.FormatCSV: transfer.ReadCSV,
}

// moved is an account as another product's file gives it.
func moved(connection, identifier string, g vault.Grant, change func(*transfer.Account)) transfer.Item {
	a := &transfer.Account{
		Connection: connection, Identifier: identifier, Status: vault.StatusActive, GrantedScopes: g.Scopes, Grant: &g,
	}
	if change != nil {
		change(a)
	}
	return transfer.Item{Account: a}
}

var (
	tokens = vault.Grant{Access: vault.NewSecret("fictional-access"), Refresh: vault.NewSecret("fictional-refresh")}
	access = vault.Grant{Access: vault.NewSecret("fictional-access-2")}
)

// made is when an account was made.
func made(minute int) func(*transfer.Account) {
	return func(a *transfer.Account) { a.CreatedAt = at(12, minute) }
}

func TestReadNango(t *testing.T) {
	full := tokens
	full.IDToken, full.Scopes, full.Expires, full.ClientID = vault.NewSecret("fictional.id.token"), []string{"mail.read", "openid"}, at(14, 0), "own-client"
	full.Inputs = inputs("subdomain", "acme")
	full.Captured = map[string]string{"instance_url": "https://acme.example.com", "realm_id": "17", "team_id": "T2"}
	asked := func(a *transfer.Account) {
		a.RequestedScopes, a.CreatedAt = []string{"mail.read", "mail.send"}, at(12, 1)
	}
	key := vault.Grant{Inputs: inputs("api_key", "fictional-key", "tenant_id", "acme", "region_code", "1", "app_id", "a")}
	basic := vault.Grant{Inputs: inputs("username", "grace", "password", "fictional-pass...word xxxx")}
	mapped := full
	mapped.Captured = map[string]string{"realm_id": "17", "team_id": "T2"}
	mapped.Inputs = inputs("shop", "acme", "instance", "https://acme.example.com", "team", "T1")
	token := vault.Grant{Inputs: inputs("token", "fictional-key", "tenant_id", "acme", "app_id", "a", "second", "b")}
	for _, c := range []struct {
		name string
		o    transfer.Options
		want []transfer.Item
	}{
		{"plain", transfer.Options{}, []transfer.Item{
			moved("google-mail", "ada", full, asked), moved("google-mail", "grace", access, nil),
			moved("helpdesk", "ada", key, made(4)), moved("helpdesk", "grace", basic, made(5)),
		}},
		{
			"mapped",
			transfer.Options{Map: map[string]string{
				"google-mail": "work", "connection_config.subdomain": "shop", "connection_config.instance_url": "instance",
				"connection_config.team.id": "team", "credentials.apiKey": "token", "connection_config.region-code": "-", "connection_config.2nd": "second",
			}, EndUser: true},
			[]transfer.Item{
				moved("work", "user-1", mapped, asked), moved("work", "user-2", access, nil),
				moved("helpdesk", "user-1", token, made(4)), moved("helpdesk", "user-2", basic, made(5)),
			},
		},
	} {
		items, err := collect(transfer.ReadNango(strings.NewReader(string(golden(t, "nango.json"))), c.o))
		if err != nil {
			t.Fatal(err)
		}
		same(t, items, c.want)
	}
	items, err := collect(transfer.ReadNango(strings.NewReader(nangoItem), transfer.Options{EndUser: true}))
	if err != nil || len(items) != 1 || items[0].Problem == nil || !strings.Contains(items[0].Problem.Text, "end_user: must be 1 to 200") {
		t.Errorf("without an end user: %+v, %v", items, err)
	}
}

func TestReadComposio(t *testing.T) {
	full := tokens
	full.IDToken, full.Scopes = vault.NewSecret("fictional.id.token"), []string{"mail.read", "openid"}
	full.ObtainedAt, full.Expires = at(13, 0), at(14, 0)
	full.Inputs = inputs("subdomain", "acme")
	bare := full
	bare.Inputs = nil
	key := vault.Grant{Inputs: inputs("api_key", "fictional-key", "subdomain", "acme")}
	mapped := vault.Grant{Inputs: inputs("key", "fictional-key", "zone", "eu")}
	basic := vault.Grant{Inputs: inputs("username", "grace", "password", "fictional-pass...word xxxx")}
	bearer := vault.Grant{Inputs: inputs("token", "fictional-key-2")}
	old := access
	old.Scopes, old.ClientID = []string{"mail.read", "mail.send"}, "own-client"
	want := func(first, second string, full, key vault.Grant) []transfer.Item {
		return []transfer.Item{
			moved(first, "ada", full, made(1)), moved(second, "grace", old, made(3)), moved("helpdesk", "ada", key, made(4)),
			moved("helpdesk", "grace", basic, made(5)), moved("helpdesk", "jean", bearer, made(6)),
		}
	}
	for _, c := range []struct {
		name string
		to   map[string]string
		want []transfer.Item
	}{
		{"plain", nil, want("gmail", "gmail", full, key)},
		{"by toolkit", map[string]string{"gmail": "mail"}, want("mail", "mail", full, key)},
		{"by auth config", map[string]string{"gmail": "mail", "ac_fictional": "work", "fictional-integration": "old"}, want("work", "old", full, key)},
		{
			"inputs",
			map[string]string{"state.val.generic_api_key": "key", "state.val.region": "zone", "state.val.subdomain": "-"},
			want("gmail", "gmail", bare, mapped),
		},
	} {
		items, err := collect(transfer.ReadComposio(strings.NewReader(string(golden(t, "composio.json"))), transfer.Options{Map: c.to}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, items, c.want)
	}
}

func TestReadCSV(t *testing.T) {
	full := tokens
	full.Scopes, full.Expires, full.ClientID = []string{"mail.read", "openid"}, at(14, 0), "own-client"
	second := vault.Grant{Refresh: vault.NewSecret("fictional-refresh-2"), Expires: at(14, 0)}
	items, err := collect(transfer.ReadCSV(strings.NewReader(string(golden(t, "accounts.csv"))), transfer.Options{Map: map[string]string{"google": "mail"}}))
	if err != nil {
		t.Fatal(err)
	}
	same(t, items, []transfer.Item{
		moved("mail", "ada", full, func(a *transfer.Account) {
			a.Identity = vault.Identity{ID: "17", Name: "Ada\nLovelace", Email: "ada@example.com"}
		}),
		moved("gmail", "grace", second, nil),
		moved("helpdesk", "ada", vault.Grant{Inputs: inputs("api_key", "fictional-key\n  with lines ", "subdomain", "acme")}, nil),
	})
}

const (
	nangoItem    = `{"connection_id":"ada","provider_config_key":"gmail","credentials":{"type":"OAUTH2","access_token":"canary-token","raw":{}}}`
	composioItem = `{"id":"ca_1","user_id":"ada","status":"ACTIVE","toolkit":{"slug":"gmail"},"auth_config":{"id":"ac_1"},"state":{"authScheme":"OAUTH2","val":{"access_token":"canary-token"}}}`
	csvHead      = "connection,identifier,access_token,refresh_token,expires_at\n"
	csvRow       = "gmail,ada,canary-token,,\n"
)

// The forms of a file with accounts in it.
func TestForms(t *testing.T) {
	for f, item := range map[transfer.Format]string{transfer.FormatNango: nangoItem, transfer.FormatComposio: composioItem} {
		list := map[transfer.Format]string{transfer.FormatNango: "connections", transfer.FormatComposio: "items"}[f]
		for _, c := range []struct {
			name, text string
			want       int
		}{
			{"one", item, 1},
			{"array", "[" + item + "," + item + "]", 2},
			{"list", `{"total":{"a":[1]},"` + list + `":[` + item + "," + item + `],"page":1}`, 2},
			{"lines", item + "\n" + item + "\n\n" + item, 3},
			{"pages", `{"` + list + `":[` + item + `]}` + "\n" + `{"` + list + `":[` + item + "]}\n", 2},
			{"byte order mark", "\ufeff \n" + item, 1},
			{"none", "[]", 0},
			{"empty list", `{"` + list + `":[]}`, 0},
		} {
			items, err := collect(readers[f](iotest.HalfReader(strings.NewReader(c.text)), transfer.Options{}))
			if err != nil || len(items) != c.want {
				t.Errorf("%s, %s: %d items, %v, want %d", f, c.name, len(items), err, c.want)
			}
			for _, item := range items {
				if item.Account == nil || item.Account.Connection != "gmail" || item.Account.Identifier != "ada" {
					t.Errorf("%s, %s: %+v", f, c.name, item)
				}
			}
		}
	}
}

// One bad account is a problem, and the one after it is read.
func TestProblems(t *testing.T) {
	type edit struct{ old, new, want string }
	common := []edit{
		{`"ada"`, `"ada lovelace"`, "must be 1 to 200 letters, digits"},
		{`"ada"`, `""`, "must be 1 to 200 letters, digits"},
		{`"ada"`, `17`, "must be text"},
		{`"gmail"`, `"Google Mail"`, `add --map "Google Mail=CONNECTION"`},
		{`"gmail"`, `"bad"`, `--map "bad=No": the connection's name must be 1 to 63`},
		{`"gmail"`, `""`, "the name of the integration is missing"},
		{`"canary-token"`, `"canary-token\n"`, "access_token: must be at most 16 KiB"},
		{`"canary-token"`, `"` + strings.Repeat("canary-token", 2000) + `"`, "access_token: must be at most 16 KiB"},
		{`"canary-token"`, `["canary-token"]`, "access_token: must be text"},
		{`"canary-token"`, `null`, "no access_token and no refresh_token"},
		{`"canary-token"`, `"canary-token","refresh_token":" canary-token"`, "refresh_token: must be at most"},
		{`"canary-token"`, `"canary-token","expires_at":"tomorrow"`, "expires_at: must be a time in RFC 3339"},
		{`"canary-token"`, `"canary-token","expires_at":1777903200000`, "expires_at: must be a time in RFC 3339"},
		{`"canary-token"`, `"canary-token","access_token":"b"`, "access_token: the member is there twice"},
		{`"canary-token"`, strings.Repeat("[", 70) + strings.Repeat("]", 70), "nested deeper than 64"},
		{`"canary-token"`, `"canary-token` + "\xff" + `"`, "not in UTF-8"},
	}
	for _, mask := range []string{"REDACTED", "[REDACTED]", "ya29...", "ya29…", "••••", "xxxx", "ya29xxxxxxxx", "****", "ya29****", "gho_XXXXXXXXXXXX1234"} {
		common = append(common, edit{`"canary-token"`, `"` + mask + `"`, "access_token: masked: "})
	}
	own := map[transfer.Format][]edit{
		transfer.FormatNango: {
			{`"OAUTH2"`, `"TWO_STEP"`, `credentials of type "TWO_STEP" are not supported, only OAUTH2, API_KEY and BASIC`},
			{`"credentials"`, `"connection_config":{"subdomain":{"canary-token":1}},"credentials"`, "connection_config.subdomain: must be text"},
			{`"type":"OAUTH2","access_token":"canary-token","raw":{}`, ``, "credentials: missing: get the connection from GET"},
			{`"type":"OAUTH2",`, `"encrypted_credentials":"canary-token",`, "encrypted with Nango's own key"},
			{`"credentials"`, `"other"`, "credentials: missing"},
			{`"raw":{}`, `"raw":{"id_token":"REDACTED"}`, "raw.id_token: masked"},
		},
		transfer.FormatComposio: {
			{`"OAUTH2"`, `"SAML"`, `accounts of type "SAML" are not supported, only OAUTH2, API_KEY, BASIC and BEARER_TOKEN`},
			{`"ACTIVE"`, `"EXPIRED"`, `"EXPIRED": the user must connect again`},
			{`"ACTIVE"`, `"INACTIVE"`, "disabled at Composio"},
			{`"ACTIVE"`, `"ACTIVE","is_disabled":true`, "disabled at Composio"},
			{`"state"`, `"other"`, "no access_token and no refresh_token"},
		},
	}
	for f, item := range map[transfer.Format]string{transfer.FormatNango: nangoItem, transfer.FormatComposio: composioItem} {
		for _, e := range append(common, own[f]...) {
			bad := strings.Replace(item, e.old, e.new, 1)
			text := item + "\n" + bad + "\n" + item
			items, err := collect(readers[f](strings.NewReader(text), transfer.Options{Map: map[string]string{"bad": "No"}}))
			if err != nil || len(items) != 3 || items[1].Problem == nil || items[2].Account == nil {
				t.Errorf("%s: %.60s: %d items, %v", f, e.new, len(items), err)
				continue
			}
			p := items[1].Problem.String()
			if !strings.HasPrefix(p, "item 2") || !strings.Contains(p, e.want) || strings.Contains(p, "canary-token") {
				t.Errorf("%s: got  %s\nwant %q", f, p, e.want)
			}
		}
	}
}

func TestProblemsCSV(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{"gmail,ada lovelace,canary-token,,", "identifier: must be 1 to 200"},
		{"Gmail,ada,canary-token,,", `connection: "Gmail" cannot be a connection's name: add --map "Gmail=CONNECTION"`},
		{",ada,canary-token,,", "connection: the name of the integration is missing"},
		{"gmail,ada,,,", "no access_token, refresh_token or input"},
		{"gmail,ada,canary-token ,,", "access_token: must be at most"},
		{"gmail,ada,,canary-tok...,", "refresh_token: masked: give the token itself"},
		{"gmail,ada,canary-token,,soon", "expires_at: must be a time"},
		{"gmail,ada,canary-token,,0", "expires_at: must be a time"},
		{"gmail,ada,\xffcanary-token,,", "access_token: not in UTF-8"},
		{"gmail,ada,canary-token", "the row must have 5 fields"},
	} {
		text := csvHead + "gmail,\"x\",\"canary-token\",,\n" + c.row + "\n" + csvRow
		items, err := collect(transfer.ReadCSV(strings.NewReader(text), transfer.Options{}))
		if err != nil || len(items) != 3 || items[1].Problem == nil || items[2].Account == nil {
			t.Errorf("%s: %d items, %v", c.row, len(items), err)
			continue
		}
		p := items[1].Problem.String()
		if !strings.HasPrefix(p, "line 3: ") || !strings.Contains(p, c.want) || strings.Contains(p, "canary-tok") {
			t.Errorf("got  %s\nwant %q", p, c.want)
		}
	}
}

// A file of another kind is one error.
func TestOtherFormat(t *testing.T) {
	long := strings.Repeat("canary-token", 1<<17)
	common := []struct{ text, want string }{
		{"", "the file is empty"},
		{"canary-token", "not JSON, or cut off, after item 0"},
		{`"canary-token"`, "neither a JSON object nor an array"},
		{`["canary-token"]`, "item 1 has none of the members"},
		{`{"canary":"canary-token"}`, "item 1 has none of the members"},
		{`[`, "not JSON, or cut off, after item 0"},
		{`{"`, "not JSON, or cut off, after item 0"},
		{`["` + long + `"]`, "longer than the 1 MiB"},
		{`{"a":"` + long + `"}`, "longer than the 1 MiB"},
		{`{"a":"` + long[:1<<19] + `","b":"` + long[:1<<19] + `"}`, "longer than the 1 MiB"},
		{strings.Repeat("\n", 1<<21), "longer than the 1 MiB"},
	}
	for f, item := range map[transfer.Format]string{transfer.FormatNango: nangoItem, transfer.FormatComposio: composioItem} {
		list := map[transfer.Format]string{transfer.FormatNango: "connections", transfer.FormatComposio: "items"}[f]
		for _, c := range append(common, []struct{ text, want string }{
			{item + "\ncanary-token", "not JSON, or cut off, after item 1"},
			{"[" + item, "not JSON, or cut off, after item 1"},
			{`{"` + list + `":[` + item, "not JSON, or cut off, after item 1"},
			{`{"` + list + `":{}}`, "the member " + list + " must be a list"},
			{`{"` + list + `":[],"` + list + `":[]}`, list + ": the member is there twice"},
		}...) {
			items, err := collect(readers[f](strings.NewReader(c.text), transfer.Options{}))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary-token") || len(items) > 1 {
				t.Errorf("%s: %.40q: %d items, %v, want %q", f, c.text, len(items), err, c.want)
			}
		}
	}
	for _, c := range []struct{ text, want string }{
		{"", "the file is empty"},
		{"\ufeff", "the file is empty"},
		{nangoItem, "line 1: a quote"},
		{"canary-token\n", "line 1: column 1 has an unknown name; allowed are connection,"},
		{"connection;identifier;access_token\n", "with commas between them"},
		{"connection,identifier,identifier\n", "line 1: the column identifier is there twice"},
		{"connection,access_token\n", "line 1: there is no column identifier"},
		{"connection,identifier\n", "line 1: there is no column access_token, refresh_token or input.NAME"},
		{"connection,identifier,input.Key\n", "line 1: column 3 has an unknown name"},
		{"connection,identifier,input.\n", "line 1: column 3 has an unknown name"},
		{csvHead + csvRow + "gmail,a\"da,canary-token,,\n" + csvRow, "line 3: a quote is missing"},
		{csvHead + "gmail,\"" + long, "longer than the 1 MiB"},
	} {
		items, err := collect(transfer.ReadCSV(strings.NewReader(c.text), transfer.Options{}))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary-token") || len(items) > 1 {
			t.Errorf("csv: %.40q: %d items, %v, want %q", c.text, len(items), err, c.want)
		}
	}
	broken := errors.New("broken disk")
	for f, text := range map[transfer.Format]string{transfer.FormatNango: nangoItem, transfer.FormatComposio: "[" + composioItem, transfer.FormatCSV: csvHead + csvRow} {
		_, err := collect(readers[f](io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), transfer.Options{}))
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// A page of a list is not the whole list.
func TestComposioPages(t *testing.T) {
	page := func(cursor string) string { return `{"items":[` + composioItem + `],"next_cursor":` + cursor + "}\n" }
	for _, c := range []struct {
		text string
		want int
	}{{page(`"abc"`), 2}, {page(`"abc"`) + page("null"), 2}, {page(`""`), 1}} {
		items, err := collect(transfer.ReadComposio(strings.NewReader(c.text), transfer.Options{}))
		last := items[len(items)-1].Problem
		if err != nil || len(items) != c.want || (last != nil) != strings.HasSuffix(c.text, "\"abc\"}\n") {
			t.Errorf("%s: %d items, %v, %v", c.text, len(items), last, err)
		}
	}
}

// Tokens that look a little like masked ones are tokens.
func TestNotMasked(t *testing.T) {
	for _, token := range []string{
		"ya29.a0AfFictional-xxxx_yyy", "eyJhbGciOiJub25lIn0.e30.", "M.C5*fictional**token!!$$", "gho_xXxX1234", "a..b", "xoxb-1-2-fictional",
	} {
		text := strings.ReplaceAll(nangoItem, "canary-token", token)
		items, err := collect(transfer.ReadNango(strings.NewReader(text), transfer.Options{}))
		if err != nil || len(items) != 1 || items[0].Account == nil || !items[0].Account.Grant.Access.Equal(vault.NewSecret(token)) {
			t.Errorf("%s: %v, %v", token, items, err)
		}
	}
}

// A sequence ends when its reader has had enough.
func TestStops(t *testing.T) {
	for f, text := range map[transfer.Format]string{
		transfer.FormatNango: `{"connections":[` + nangoItem + "," + nangoItem + "]}", transfer.FormatComposio: composioItem + composioItem, transfer.FormatCSV: csvHead + csvRow + csvRow,
	} {
		n := 0
		for range readers[f](strings.NewReader(text), transfer.Options{}) {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%s: %d items", f, n)
		}
	}
}

func TestExpiresFromLife(t *testing.T) {
	for _, c := range []struct {
		members string
		want    time.Time
	}{
		{`"expires_in":3600`, time.Time{}},
		{`"expires_in":3600,"created_at":1777899600`, at(14, 0)},
		{`"expires_in":"3600","received_at":"2026-05-04T13:00:00Z"`, at(14, 0)},
		{`"expires_in":-1,"received_at":"2026-05-04T13:00:00Z"`, time.Time{}},
		{`"expires_in":1e300,"received_at":"2026-05-04T13:00:00Z"`, time.Time{}},
		{`"expires_in":3600,"received_at":"2026-05-04T13:00:00Z","expires_at":"2026-05-04T15:00:00Z"`, at(15, 0)},
	} {
		text := strings.Replace(composioItem, `"access_token"`, c.members+`,"access_token"`, 1)
		items, err := collect(transfer.ReadComposio(strings.NewReader(text), transfer.Options{}))
		if err != nil || items[0].Account == nil {
			t.Fatal(err, fmt.Sprint(items[0].Problem))
		}
		if got := items[0].Account.Grant.Expires; !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.members, got, c.want)
		}
	}
}
