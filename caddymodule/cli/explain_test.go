package cli

import "testing"

func TestExplain(t *testing.T) {
	for _, test := range []struct{ text, code, detail string }{
		{
			"loading initial config: loading new config: claviger app module: start: opening vault: opening vault /v: vault is in use by another process; one at a time",
			"vault_in_use", "opening vault /v: vault is in use by another process; one at a time",
		},
		{
			"loading initial config: loading new config: http app module: start: listening on :80: listen tcp :80: bind: address already in use",
			"port_taken", "listening on :80: listen tcp :80: bind: address already in use",
		},
		{
			"adapting config using caddyfile: parsing caddyfile tokens for 'claviger': unknown claviger option \"x\", at F:8",
			"config_invalid", `F line 8: unknown claviger option "x"`,
		},
		{
			"loading initial config: loading new config: loading claviger app module: provision claviger: client_secret of connection c is empty",
			"config_invalid", "F: client_secret of connection c is empty",
		},
		{
			"loading initial config: loading new config: claviger app module: start: opening vault: finding the key of the keyset: key is missing: nothing has the ID 1",
			"key_wrong", "key is missing: nothing has the ID 1",
		},
		{
			"loading new config: claviger app module: start: opening vault: opening vault: key command op: key is out of reach: it ended with exit status 1: not signed in",
			"key_unavailable", "key command op: key is out of reach: it ended with exit status 1: not signed in",
		},
		{
			"loading new config: claviger app module: start: opening vault: opening vault: environment variable KEY: key is not usable: it is empty",
			"key_unusable", "environment variable KEY: key is not usable: it is empty",
		},
		{
			"start: opening vault: opening vault: decrypting the keyset with key transit:transit/a: transit key transit/a: key is missing: the server has no key of that name",
			"key_wrong", "transit key transit/a: key is missing: the server has no key of that name",
		},
	} {
		got := explain(test.text, "F")
		if got.Code != test.code || got.Detail != test.detail || got.Next == "" {
			t.Errorf("%s: got %q (%s), next %q; want %q (%s)", test.text, got.Detail, got.Code, got.Next, test.detail, test.code)
		}
	}
}

func TestParseRef(t *testing.T) {
	for _, good := range []string{"ca_01ARZ3NDEKTSV4RRFFQ69G5FAV", "gmail/user_123"} {
		if got, err := parseRef(good); err != nil || got.String() != good {
			t.Errorf("%s: got %v, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", "ada", "/x", "x/", "a/b/c"} {
		if got, err := parseRef(bad); err == nil || got != (ref{}) {
			t.Errorf("%q: got %v, %v, want an error", bad, got, err)
		}
	}
}
