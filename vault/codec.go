package vault

import (
	"bytes"
	"encoding/binary"
	"time"
)

// A record as bytes, without its key; numbers are big endian, n is an unsigned varint:
//
//	1 byte   format, 1
//	8 bytes  version
//	8 bytes  time of expiry in nanoseconds since 1970, 0 for none
//	n        number of entries, and for each:
//	           1 byte 1 if unique, else 0 | n, index | n, value
//	n, Meta
//	n, Sealed
const recordFormat = 1

// AppendRecord appends r, without its key, to b.
func AppendRecord(b []byte, r Record) []byte {
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

// DecodeRecord reads what AppendRecord has written of the record k, or returns [ErrDamaged]. It
// copies what it returns.
func DecodeRecord(k Key, b []byte) (Record, error) {
	d := decoder{b: b}
	r := Record{Key: k}
	if d.byte() != recordFormat {
		d.bad = true
	}
	r.Version = d.uint64()
	if ns := d.uint64(); ns != 0 {
		r.Expires = time.Unix(0, int64(ns)).UTC()
	}
	for n := d.length(); n > 0 && !d.bad; n-- {
		e := IndexEntry{Unique: d.byte() == 1}
		e.Index, e.Value = string(d.bytes()), string(d.bytes())
		r.Indexes = append(r.Indexes, e)
	}
	r.Meta = bytes.Clone(d.bytes())
	r.Sealed = bytes.Clone(d.bytes())
	if d.bad || len(d.b) > 0 {
		return Record{}, damaged(k)
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
