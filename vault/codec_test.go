package vault

import (
	"bufio"
	"bytes"
	"crypto/sha256"
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

// A record of the vault's own, smuggled into a backup by somebody who can write one, is not restored.
func TestBackupWithForeignMeta(t *testing.T) {
	for _, id := range []string{"keyset", "reseal", "other"} {
		var b bytes.Buffer
		w := backupWriter{w: &b, sum: sha256.New()}
		if err := w.record(Record{Key: Key{Kind: KindMeta, ID: id}, Version: 1}); err != nil {
			t.Fatal(err)
		}
		r := &backupReader{r: bufio.NewReader(&b), sum: sha256.New(), facts: BackupFacts{Records: map[Kind]int{}}}
		n := 0
		for _, err := range r.records(t.Context()) {
			if n++; !errors.Is(err, ErrBackup) {
				t.Errorf("%s: got error %v, want %v", id, err, ErrBackup)
			}
		}
		if n != 1 {
			t.Errorf("%s: got %d records", id, n)
		}
	}
}
