package badgerstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// manifest has the names of the tables that belong to the database, and of those that did.
type manifest struct{ named, removed map[string]bool }

// readManifest reads the database's list of tables.
//
//	'B' 'd' 'g' 'r' | 2 bytes 0 | 2 bytes version, and then any number of:
//	4 bytes length | 4 bytes checksum | changes to the list of tables
//
// What stands after the last whole change is what a crash has left of another one; the tables
// tell whether that is so.
func readManifest(dir string) (manifest, error) {
	path := filepath.Join(dir, badger.ManifestFilename)
	fp, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return manifest{}, nil
	}
	if err != nil {
		return manifest{}, err
	}
	defer fp.Close()
	replayed, end, err := badger.ReplayManifestFile(fp, 0, badger.Options{})
	if err != nil {
		return manifest{}, damaged{badger.ManifestFilename, firstLine(err)}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return manifest{}, err
	}
	m := manifest{named: make(map[string]bool, len(replayed.Tables)), removed: map[string]bool{}}
	for id := range replayed.Tables {
		m.named[tableName(id)] = true
	}
	for rest := b[8:end]; len(rest) > 0; {
		n := 8 + int(binary.BigEndian.Uint32(rest))
		for _, change := range fields(rest[8:n]) {
			if c := fields(change.bytes); len(c) > 0 && isRemoval(c) {
				m.removed[tableName(c[0].number)] = true
			}
		}
		rest = rest[n:]
	}
	return m, nil
}

func tableName(id uint64) string { return fmt.Sprintf("%06d.sst", id) }

// isRemoval tells whether a change, which begins with the number of a table, removes it.
func isRemoval(change []field) bool {
	const table, operation, remove = 1, 2, 1
	if change[0].id != table {
		return false
	}
	for _, f := range change {
		if f.id == operation {
			return f.number == remove
		}
	}
	return false
}

// field is one of a message in the form of protocol buffers; numbers and bytes are all there is.
type field struct {
	id, number uint64
	bytes      []byte
}

// fields takes a message apart, up to where it is not one.
func fields(b []byte) []field {
	var out []field
	r := bytes.NewReader(b)
	for {
		tag, err := binary.ReadUvarint(r)
		if err != nil {
			return out
		}
		f := field{id: tag >> 3}
		if f.number, err = binary.ReadUvarint(r); err != nil {
			return out
		}
		if tag&7 == 2 { // the number is a length
			at := len(b) - r.Len()
			if f.number > uint64(r.Len()) {
				return out
			}
			f.bytes = b[at : at+int(f.number)]
			r = bytes.NewReader(b[at+int(f.number):])
			b = b[at+int(f.number):]
		}
		out = append(out, f)
	}
}
