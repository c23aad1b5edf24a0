package transfer_test

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/transfer"
)

func TestSniff(t *testing.T) {
	item := func(s string) string { return strings.ReplaceAll(s, "canary-token", strings.Repeat("a", 9000)) }
	for _, c := range []struct {
		name, text string
		want       transfer.Format
	}{
		{"export", string(golden(t, "export-v4.age")), transfer.FormatClaviger},
		{"armor", "\n" + string(golden(t, "export-v4.armor.age")), transfer.FormatClaviger},
		{"nango", string(golden(t, "nango.json")), transfer.FormatNango},
		{"nango item", item(nangoItem), transfer.FormatNango},
		{"nango lines", nangoItem + "\n" + nangoItem, transfer.FormatNango},
		{"nango array", "\ufeff[" + item(nangoItem) + "," + item(nangoItem) + "]", transfer.FormatNango},
		{"nango with other members inside", `{"provider_config_key":"toolkit","metadata":{"toolkit":1},"x":[{"toolkit":1}]}`, transfer.FormatNango},
		{"composio", string(golden(t, "composio.json")), transfer.FormatComposio},
		{"composio item", composioItem, transfer.FormatComposio},
		{"composio 1", `[{"id":"1","connectionParams":{}}]`, transfer.FormatComposio},
		{"csv", string(golden(t, "accounts.csv")), transfer.FormatCSV},
		{"csv head", "access_token,identifier,connection", transfer.FormatCSV},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := bufio.NewReaderSize(strings.NewReader(c.text), 4096)
			got, err := transfer.Sniff(r)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			if rest, err := io.ReadAll(r); err != nil || string(rest) != c.text {
				t.Errorf("%d bytes are left, %v, want %d", len(rest), err, len(c.text))
			}
		})
	}
}

func TestSniffRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty"},
		{"text", "canary-token", "no known format"},
		{"other JSON", `{"toolkits":["canary-token"]}`, "no known format"},
		{"two", `[{"toolkit":{}},{"provider_config_key":"x"}]`, "looks like two formats"},
		{"inside", string(golden(t, "export-v4.jsonl")), "the inside of an export"},
		{"other CSV", "name,token\nada,canary-token", "no known format"},
		{"bytes", string(bytes.Repeat([]byte{0, 0xff}, 5000)), "no known format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := transfer.Sniff(bufio.NewReader(strings.NewReader(c.text)))
			if got != "" || err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.HasSuffix(err.Error(), "say which it is: claviger, nango, composio, csv") || strings.Contains(err.Error(), "canary-token") {
				t.Errorf("got %q, %v, want an error with %q", got, err, c.want)
			}
		})
	}
}
