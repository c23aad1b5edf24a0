package badgerstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// damaged is a file that is not as the database has written it.
type damaged struct{ file, what string }

func (d damaged) Error() string {
	return fmt.Sprintf("the file %s is damaged: %s; restore the directory from a backup", d.file, d.what)
}

func (damaged) Unwrap() error { return vault.ErrDamaged }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkFiles looks for damage before the database opens the files, because it does not tell: a
// block with a wrong checksum counts as empty, in reads and when files are merged, so that its
// records are gone or have the values of an earlier version; behind a bad entry of a log
// everything is cut off; a table that the manifest does not name is removed; and bad lengths end
// the process. So every byte that a checksum covers is read.
func checkFiles(dir string) error {
	unlock, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := listFiles(dir)
	if err != nil {
		return err
	}
	for _, name := range f.values {
		if err := checkValueLog(dir, name); err != nil {
			return err
		}
	}
	if err := errors.Join(checkRegistry(dir), checkDiscard(dir)); err != nil {
		return err
	}
	var logged []versions
	for _, name := range f.logs {
		v, err := checkLog(dir, name)
		if err != nil {
			return err
		}
		logged = append(logged, v)
	}
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	return checkTables(dir, f.tables, m, logged)
}

// files are the names of the database's files, by kind.
type files struct{ tables, logs, values []string }

func listFiles(dir string) (files, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return files{}, err
	}
	var f files
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".sst":
			f.tables = append(f.tables, e.Name())
		case ".mem":
			f.logs = append(f.logs, e.Name())
		case ".vlog":
			f.values = append(f.values, e.Name())
		}
	}
	return f, nil
}

// logHeader is what a log begins with: 8 bytes that are zero, as nothing is encrypted by the
// database, and 12 random ones.
const logHeader = 20

// checkValueLog removes a value log that the database would stumble over. All values are in the
// tree, so that there is nothing but a header in it.
func checkValueLog(dir, name string) error {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	body := b[min(len(b), logHeader):]
	if !zero(body) {
		// A value has a checksum, so this is one byte more or less, or not ours.
		if _, ok := decodeLogEntry(body); ok {
			return damaged{name, "it has values, which this program does not write"}
		}
	}
	if len(b) == logHeader && zero(b[:8]) {
		return nil
	}
	return os.Remove(filepath.Join(dir, name))
}

// checkDiscard removes the file in which the database counts what could be freed in value logs,
// unless it is as empty as it must be.
func checkDiscard(dir string) error {
	path := filepath.Join(dir, "DISCARD")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(b) == 1<<20 && zero(b) {
		return nil
	}
	return os.Remove(path)
}

// checkRegistry checks the list of the database's own keys, of which there are none.
func checkRegistry(dir string) error {
	const head = 16 // not used without encryption
	b, err := os.ReadFile(filepath.Join(dir, badger.KeyRegistryFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(b) < head || string(b[head:]) != "Hello Badger" {
		return damaged{badger.KeyRegistryFileName, "it is not an empty list of keys"}
	}
	return nil
}

// sum tells whether stored is how the database writes the checksum of b.
func sum(stored, b []byte) bool {
	const field = 2 << 3 // the number of the sum in the message; the algorithm is 0 and left out
	return bytes.Equal(stored, binary.AppendUvarint([]byte{field}, uint64(crc32.Checksum(b, castagnoli))))
}

var zeros [64 << 10]byte

func zero(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
