package vault

import (
	"errors"
	"testing"
	"time"
)

func FuzzDecodeRecord(f *testing.F) {
	r := Record{
		Key: Key{Kind: "thing", ID: "a"}, Version: 7, Meta: []byte("{}"), Sealed: []byte{1, 2},
		Expires: time.Unix(1, 0).UTC(), Indexes: []IndexEntry{{Index: "n", Value: "v", Unique: true}},
	}
	f.Add(AppendRecord(nil, r))
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRecord(r.Key, b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) || r.Meta != nil {
				t.Fatalf("got %+v and error %v", r, err)
			}
			return
		}
		if again, err := DecodeRecord(r.Key, AppendRecord(nil, r)); err != nil || again.Version != r.Version {
			t.Fatalf("does not come back: %v", err)
		}
	})
}
