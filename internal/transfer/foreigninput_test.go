package transfer_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// inputs are names, each with its value.
func inputs(pairs ...string) vault.Secrets {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return vault.NewSecrets(values)
}

const (
	nangoKey    = `{"connection_id":"ada","provider_config_key":"desk","connection_config":{CONFIG},"credentials":{"type":"TYPE",MEMBERS}}`
	composioKey = `{"id":"ca_1","user_id":"ada","status":"ACTIVE","toolkit":{"slug":"desk"},"state":{"authScheme":"TYPE","val":{MEMBERS}}}`
)

// What cannot be an input's value is a problem that names the member, and never the value.
func TestInputProblems(t *testing.T) {
	const canary = "canary-value"
	key := func(scheme, members, config string) string {
		return strings.NewReplacer("TYPE", scheme, "MEMBERS", members, "CONFIG", config).Replace(nangoKey)
	}
	val := func(scheme, members string) string {
		return strings.NewReplacer("TYPE", scheme, "MEMBERS", members).Replace(composioKey)
	}
	renamed := map[string]string{"connection_config.bad": "No", "state.val.bad": "a.b"}
	for _, c := range []struct {
		format     transfer.Format
		text, want string
	}{
		{transfer.FormatNango, key("API_KEY", `"other":"canary-value"`, ""), "credentials: no apiKey, username or password: get the connection"},
		{transfer.FormatNango, key("API_KEY", `"apiKey":""`, ""), "credentials: no apiKey"},
		{transfer.FormatNango, key("API_KEY", `"apiKey":null`, ""), "credentials: no apiKey"},
		{transfer.FormatNango, key("BASIC", `"apiKey":"canary-value"`, ""), "credentials: no apiKey, username or password"},
		{transfer.FormatNango, key("API_KEY", `"apiKey":["canary-value"]`, ""), "credentials.apiKey: must be text"},
		{transfer.FormatNango, key("API_KEY", `"apiKey":"canary-value\u0000"`, ""), "credentials.apiKey: must be at most 16 KiB of text"},
		{transfer.FormatNango, key("API_KEY", `"apiKey":"`+strings.Repeat(canary, 1500)+`"`, ""), "credentials.apiKey: must be at most 16 KiB of text"},
		{transfer.FormatNango, key("API_KEY", `"apiKey":"x"`, `"api-key":"canary-value"`), "connection_config.api-key: another value is the input api_key already: add --map connection_config.api-key=INPUT"},
		{transfer.FormatNango, key("API_KEY", `"apiKey":"x"`, `"bad":"canary-value"`), "connection_config.bad: --map: the input's name must be 1 to 63"},
		{transfer.FormatNango, key("OAUTH2", `"access_token":"tok"`, `"bad":"canary-value"`), "connection_config.bad: --map: the input's name must be 1 to 63"},
		{transfer.FormatComposio, val("API_KEY", `"status":"ACTIVE"`), "state.val: no api_key, username, password or token: turn off Mask"},
		{transfer.FormatComposio, val("BASIC", `"api_key":"canary-value"`), "state.val: no api_key, username, password or token"},
		{transfer.FormatComposio, val("BEARER_TOKEN", `"token":true`), "state.val.token: must be text"},
		{transfer.FormatComposio, val("API_KEY", `"api_key":"x","bad":"canary-value"`), "state.val.bad: --map: the input's name must be 1 to 63"},
		{transfer.FormatCSV, "connection,identifier,input.key\ndesk,ada,\"canary-value\x00\"\n", "input.key: must be at most 16 KiB of text"},
		{transfer.FormatCSV, "connection,identifier,input.key\ndesk,ada,canary-...\n", "input.key: masked: give the value itself"},
	} {
		items, err := collect(readers[c.format](strings.NewReader(c.text), transfer.Options{Map: renamed}))
		if err != nil || len(items) != 1 || items[0].Problem == nil {
			t.Errorf("%.120s: %v, %v", c.text, items, err)
			continue
		}
		if p := items[0].Problem.String(); !strings.Contains(p, c.want) || strings.Contains(p, canary) {
			t.Errorf("got  %s\nwant %q", p, c.want)
		}
	}
}

// A password may look a little like a masked one.
func TestMaskedInputs(t *testing.T) {
	for value, masked := range map[string]bool{
		"REDACTED": true, "[REDACTED]": true, "abcd...": true, "abcd…": true, "••••••": true, "****": true, "xxxx": true, "key_****": true, "key_XXXXXX": true,
		"X": false, "xxx": false, "a...b": false, "not REDACTED": false, "***": false, "xxxxkey": false, "max": false, "...": true,
	} {
		text := strings.NewReplacer("TYPE", "BASIC", "MEMBERS", `"username":"ada","password":"`+value+`"`, "CONFIG", "").Replace(nangoKey)
		items, err := collect(transfer.ReadNango(strings.NewReader(text), transfer.Options{}))
		if err != nil || len(items) != 1 || (items[0].Problem != nil) != masked {
			t.Errorf("%s: got %v, %v, want masked %t", value, items, err, masked)
			continue
		}
		if p := items[0].Problem; p != nil && !strings.Contains(p.Text, "credentials.password: masked: get the connection") {
			t.Errorf("%s: %v", value, p)
		}
	}
}

// Of members that become the same name, the one that is spelled so is taken.
func TestCapturedSpelling(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{`"realmId":"1","realm_id":"2"`, "2"},
		{`"realm_id":"2","realm-id":"1"`, "2"},
		{`"realm-id":"1","realmId":"2"`, "1"},
		{`"realmID":"1","realmId":["2"]`, "1"},
	} {
		text := strings.NewReplacer("TYPE", "OAUTH2", "MEMBERS", `"access_token":"tok"`, "CONFIG", c.config).Replace(nangoKey)
		items, err := collect(transfer.ReadNango(strings.NewReader(text), transfer.Options{}))
		if err != nil || len(items) != 1 || items[0].Account == nil {
			t.Fatalf("%s: %v, %v", c.config, items, err)
		}
		if g := items[0].Account.Grant; len(g.Captured) != 1 || g.Captured["realm_id"] != c.want || g.Inputs != nil {
			t.Errorf("%s: got %v and %v, want %s", c.config, g.Captured, g.Inputs, c.want)
		}
	}
}
