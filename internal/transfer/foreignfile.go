package transfer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxItem is the size of one account in another product's file.
const maxItem = 1 << 20

var errItemTooLong = errors.New("longer than the 1 MiB that one account may have")

// foreignFile walks the values of a JSON file: one value, an array, an object with the array in
// its member list, or several of these one after the other (JSON Lines).
type foreignFile struct {
	product product
	in      *meter
	dec     *json.Decoder
	n       int
	empty   bool
	// rest are the members beside the last list.
	rest map[string]any
}

// foreignValue is a value, or why it is no good JSON.
type foreignValue struct {
	value any
	err   error
}

func newForeignFile(r io.Reader, p product) *foreignFile {
	in := &meter{r: skipBOM(r), left: maxItem}
	return &foreignFile{product: p, in: in, dec: json.NewDecoder(in), empty: true}
}

func (f *foreignFile) values() iter.Seq2[foreignValue, error] {
	return func(yield func(foreignValue, error) bool) {
		for {
			f.in.left = maxItem
			t, err := f.dec.Token()
			if err == io.EOF {
				return
			}
			f.empty = false
			more := err == nil
			switch {
			case err != nil:
			case t == json.Delim('['):
				more, err = f.array(yield)
			case t == json.Delim('{'):
				more, err = f.members(yield)
			default:
				err = fmt.Errorf("not %s: neither a JSON object nor an array", f.product.name)
			}
			if err != nil {
				yield(foreignValue{}, f.explain(err))
				return
			}
			if !more {
				return
			}
		}
	}
}

// array yields the values up to the end of the array.
func (f *foreignFile) array(yield func(foreignValue, error) bool) (more bool, err error) {
	for f.more() {
		raw, err := f.raw()
		if err != nil {
			return false, err
		}
		f.n++
		v, err := parseJSON(raw)
		if !yield(foreignValue{v, err}, nil) {
			return false, nil
		}
	}
	_, err = f.dec.Token()
	return true, err
}

// members reads an object that is either one account or has the list.
func (f *foreignFile) members(yield func(foreignValue, error) bool) (more bool, err error) {
	rest, isList, size := map[string]any{}, false, 0
	var bad error
	for f.more() {
		t, err := f.dec.Token()
		name, _ := t.(string)
		if err != nil {
			return false, err
		}
		if _, twice := rest[name]; twice || isList && name == f.product.list {
			bad = &mistake{join("", name), "the member is there twice"}
		}
		if name == f.product.list && !isList {
			isList = true
			if t, err = f.dec.Token(); err != nil {
				return false, err
			}
			if t != json.Delim('[') {
				return false, fmt.Errorf("the member %s must be a list", name)
			}
			if more, err := f.array(yield); !more || err != nil {
				return false, err
			}
			continue
		}
		raw, err := f.raw()
		if err != nil {
			return false, err
		}
		if size += len(raw); size > maxItem {
			return false, errItemTooLong
		}
		v, err := parseJSON(raw)
		if err != nil {
			bad = err
		}
		rest[name] = v
	}
	if _, err := f.dec.Token(); err != nil {
		return false, err
	}
	if f.rest = rest; isList {
		return true, bad
	}
	f.n++
	return yield(foreignValue{rest, bad}, nil), nil
}

// more gives the next value its whole budget.
func (f *foreignFile) more() bool {
	f.in.left = maxItem
	return f.dec.More()
}

func (f *foreignFile) raw() (raw json.RawMessage, err error) {
	f.in.left = maxItem
	err = f.dec.Decode(&raw)
	return raw, err
}

// explain drops the decoder's own texts, which quote the file.
func (f *foreignFile) explain(err error) error {
	var syntax *json.SyntaxError
	switch {
	case f.in.err != nil:
		return f.in.err
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return fmt.Errorf("not JSON, or cut off, after item %d", f.n)
	}
	return err
}

// meter ends the reading when more is read at once than a single account may have, and remembers
// an error of the file itself.
type meter struct {
	r    io.Reader
	left int
	err  error
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		m.err = errItemTooLong
		return 0, m.err
	}
	n, err := m.r.Read(p[:min(len(p), m.left)])
	m.left -= n
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

const bom = "\ufeff"

// skipBOM drops a byte order mark at the beginning of a file.
func skipBOM(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if start, _ := b.Peek(len(bom)); bytes.Equal(start, []byte(bom)) {
		_, _ = b.Discard(len(bom)) // it is buffered
	}
	return b
}
