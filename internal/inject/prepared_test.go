package inject_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestPreparedIsNotPrinted(t *testing.T) {
	p := slotted(t, header(t, "X-Key", "{token}"), basic(t, "{token}", ""), query(t, "key", "{token}"),
		injection(t, connectors.InPath, "", `{token}{random("4")}`), member(t, "key", "{token}"))
	c := prepare(t, p, connectors.Values{"token": "s3cret", "token.user": "s3cret"})
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, *c, *c, *c), fmt.Sprintf("%+v", []any{c, *c}), string(text)} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, "733363726574") || !strings.Contains(text, "REDACTED") {
			t.Errorf("got %s", text)
		}
	}
}
