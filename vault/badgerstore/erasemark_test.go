package badgerstore

import (
	"errors"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// V-13: the marks of an erasure that the process has not survived are seen by nobody, and go with
// the next one.
func TestV13MarksOfAnErasureThatDied(t *testing.T) {
	s, err := Open(Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := vault.Record{
		Key: vault.Key{Kind: "thing", ID: "a"}, Version: 1,
		Indexes: []vault.IndexEntry{{Index: "n", Value: "1"}, {Index: "u", Value: "1", Unique: true}},
	}
	marks := [][]byte{append(recordKey(r.Key), eraseMark)}
	for _, e := range r.Indexes {
		marks = append(marks, append(entryKey(e, r.ID), eraseMark))
	}
	err = s.db.Update(func(txn *badger.Txn) error {
		var errs []error
		for _, k := range marks {
			errs = append(errs, txn.Set(k, nil))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := s.Empty(t.Context())
	if err != nil || !empty {
		t.Errorf("got empty %v and error %v", empty, err)
	}
	for r, err := range s.Walk(t.Context(), vault.Key{}) {
		t.Errorf("a walk sees %v and error %v", r.Key, err)
	}
	for _, index := range []string{"n", "u"} {
		entries, err := s.Scan(t.Context(), index, "", vault.Cursor{}, 10)
		n, e := s.Count(t.Context(), index, "")
		if err := errors.Join(err, e); err != nil || len(entries) != 0 || n != 0 {
			t.Errorf("index %s: got %d entries, counted %d, error %v", index, len(entries), n, err)
		}
	}
	size, err := s.Measure(t.Context())
	if err != nil || len(size.Records) != 0 {
		t.Errorf("got %v and error %v", size.Records, err)
	}
	if err := s.CheckIndexes(t.Context(), func(k vault.Key, problem string) { t.Errorf("%v: %s", k, problem) }); err != nil {
		t.Error(err)
	}
	if err := s.Erase(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	for _, k := range marks {
		if _, err := txn.Get(k); !errors.Is(err, badger.ErrKeyNotFound) {
			t.Errorf("mark %q is still there, error %v", k, err)
		}
	}
}
