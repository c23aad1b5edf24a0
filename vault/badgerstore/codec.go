package badgerstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

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
// The value of a record; numbers are big endian, n is an unsigned varint:
//
//	1 byte   format, 1
//	8 bytes  version
//	8 bytes  time of expiry in nanoseconds since 1970, 0 for none
//	n        number of entries, and for each:
//	           1 byte 1 if unique, else 0 | n, index | n, value
//	n, Meta
//	n, Sealed
const (
	recordFormat = 1
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

func encodeRecord(r vault.Record) []byte {
	b := make([]byte, 0, 64+64*len(r.Indexes)+len(r.Meta)+len(r.Sealed))
	b = append(b, recordFormat)
	b = binary.BigEndian.AppendUint64(b, r.Version)
	var expires int64
	if !r.Expires.IsZero() {
		expires = r.Expires.UnixNano()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(expires))
	b = binary.AppendUvarint(b, uint64(len(r.Indexes)))
	for _, e := range r.Indexes {
		unique := byte(0)
		if e.Unique {
			unique = 1
		}
		b = append(b, unique)
		b = appendBytes(b, e.Index)
		b = appendBytes(b, e.Value)
	}
	b = appendBytes(b, r.Meta)
	return appendBytes(b, r.Sealed)
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decodeRecord copies what it returns.
func decodeRecord(k vault.Key, b []byte) (vault.Record, error) {
	d := decoder{b: b}
	r := vault.Record{Key: k}
	if d.byte() != recordFormat {
		d.bad = true
	}
	r.Version = d.uint64()
	if ns := d.uint64(); ns != 0 {
		r.Expires = time.Unix(0, int64(ns)).UTC()
	}
	for n := d.length(); n > 0 && !d.bad; n-- {
		e := vault.IndexEntry{Unique: d.byte() == 1}
		e.Index, e.Value = string(d.bytes()), string(d.bytes())
		r.Indexes = append(r.Indexes, e)
	}
	r.Meta = bytes.Clone(d.bytes())
	r.Sealed = bytes.Clone(d.bytes())
	if d.bad || len(d.b) > 0 {
		return vault.Record{}, fmt.Errorf("%s %s: %w", k.Kind, k.ID, vault.ErrDamaged)
	}
	return r, nil
}

// decoder takes a record apart. After the first thing that does not fit, it is bad and returns
// zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.b) {
		d.bad = true
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// length is a number of things that take a byte or more each.
func (d *decoder) length() int {
	n, size := binary.Uvarint(d.b)
	if d.bad || size <= 0 || n > uint64(len(d.b)) {
		d.bad = true
		return 0
	}
	d.b = d.b[size:]
	return int(n)
}

// bytes is nil for no bytes.
func (d *decoder) bytes() []byte {
	b := d.take(d.length())
	if len(b) == 0 {
		return nil
	}
	return b
}

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
