package badgerstore

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

// Keys of the database, where 0 is a zero byte, which no part contains:
//
//	'r' kind 0 id                    a record
//	'i' index 0 value 0 id           an entry of an index that is not unique
//	'i' index 0 value 0              a unique entry
//	'p'                              what Ping writes
//
// The value of an entry is kind 0 id, whether or not the ID is in its key. The order of the keys
// is the one that Scan promises: by value, then by ID.
//
// The value of a record is what vault.AppendRecord makes.
const (
	recordPrefix = 'r'
	entryPrefix  = 'i'
	// maxRecord is far more than any record has: a token answer has at most 64 KiB. It keeps a
	// write below what the database takes in one transaction.
	maxRecord = 256 << 10
)

var pingKey = []byte{'p'}

func recordKey(k vault.Key) []byte {
	return []byte(string(recordPrefix) + string(k.Kind) + "\x00" + k.ID)
}

func entryKey(e vault.IndexEntry, id string) []byte {
	if e.Unique {
		id = ""
	}
	return []byte(string(entryPrefix) + e.Index + "\x00" + e.Value + "\x00" + id)
}

// scanPrefix is where the entries begin whose value starts with prefix.
func scanPrefix(index, prefix string) []byte {
	return []byte(string(entryPrefix) + index + "\x00" + prefix)
}

func entryValue(k vault.Key) []byte { return []byte(string(k.Kind) + "\x00" + k.ID) }

func decodeEntryValue(b []byte) (vault.Key, error) {
	kind, id, ok := strings.Cut(string(b), "\x00")
	if !ok {
		return vault.Key{}, errCorrupt
	}
	return vault.Key{Kind: vault.Kind(kind), ID: id}, nil
}

// decodeEntryKey returns the value part of an entry's key.
func decodeEntryKey(b []byte) (value string, err error) {
	part := bytes.Split(b[1:], []byte{0})
	if len(part) != 3 {
		return "", errCorrupt
	}
	return string(part[1]), nil
}

var errCorrupt = fmt.Errorf("index entry: %w", vault.ErrDamaged)

// checkRecord refuses what the codec cannot write.
func checkRecord(r vault.Record) error {
	size := len(r.Meta) + len(r.Sealed)
	parts := []string{string(r.Kind), r.ID}
	for _, e := range r.Indexes {
		parts = append(parts, e.Index, e.Value)
	}
	for _, p := range parts {
		if strings.Contains(p, "\x00") {
			return fmt.Errorf("key or index entry with a zero byte: %w", vault.ErrInvalid)
		}
		size += len(p)
	}
	if r.Kind == "" || r.ID == "" {
		return fmt.Errorf("record without kind or ID: %w", vault.ErrInvalid)
	}
	if size > maxRecord {
		return fmt.Errorf("%s %s: %w: %d bytes, at most %d", r.Kind, r.ID, vault.ErrTooLarge, size, maxRecord)
	}
	return nil
}
