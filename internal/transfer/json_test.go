package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParseJSON: what is read is what encoding/json reads, or it is refused for a reason.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e+7,true,false,null,"x\"\\\u00e9\ud83d\ude00"],"b":{}}`, " [ ] ", `"\ud800"`, "0", `{"a":{"b":1,"b":2}}`, "{", "[1,]", "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseJSON(data)
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want any
		wantErr := d.Decode(&want)
		switch {
		case errors.Is(err, errNotJSON):
			return
		case wantErr != nil:
			t.Fatalf("encoding/json says %v, we %v", wantErr, err)
		case err != nil:
			return // a duplicate, or too deep
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
