package cli

import "testing"

// A key that is no file is no reason not to read a configuration.
func TestKeyConfig(t *testing.T) {
	for name, c := range map[string]struct {
		key  string
		want keyConfig
	}{
		"file":    {`{"provider":"file","active":"/key"}`, keyConfig{"file", "/key"}},
		"command": {`{"provider":"exec","active":["cat","/key"],"retired":[["cat","/old"]]}`, keyConfig{Provider: "exec"}},
		"server":  {`{"provider":"transit","key":"claviger"}`, keyConfig{Provider: "transit"}},
	} {
		got, err := parseConfig("c.json", []byte(`{"apps":{"claviger":{"key":`+c.key+`}}}`))
		if err != nil || got.Apps.Claviger.Key != c.want {
			t.Errorf("%s: got %+v and error %v, want %+v", name, got, err, c.want)
		}
	}
}
