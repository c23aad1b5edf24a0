//go:build linux || darwin

package badgerstore

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// openTo are the files in dir that other users may read, were it not for the directory.
func openTo(t *testing.T, dir string) (open []string, tables int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if fi, err := f.Info(); err == nil && fi.Mode().Perm()&0o077 != 0 {
			open = append(open, fmt.Sprintf("%s %04o", f.Name(), fi.Mode().Perm()))
		}
		if filepath.Ext(f.Name()) == ".sst" {
			tables++
		}
	}
	return open, tables
}

// V-10: files that come later are closed to others too, soon and when the vault is closed.
func TestV10ModesOfLaterFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 130 { // 26 MB, which is three memtables
		change := vault.Change{Record: vault.Record{
			Key: vault.Key{Kind: "thing", ID: fmt.Sprint(i)}, Sealed: make([]byte, 200<<10),
		}}
		if err := s.Apply(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	var tables int
	for deadline := time.Now().Add(20 * time.Second); tables == 0; {
		if _, tables = openTo(t, dir); time.Now().After(deadline) {
			t.Fatal("there are no tables")
		}
	}
	s.writes.tidied = time.Time{}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if open, _ := openTo(t, dir); len(open) > 1 { // one may just have come
		t.Errorf("after Ping: %v", open)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if open, tables := openTo(t, dir); len(open) > 0 || tables == 0 {
		t.Errorf("after Close: %v of %d tables", open, tables)
	}
}

// V-10: a directory of another user is refused, and a link that another user has made.
func TestV10Owners(t *testing.T) {
	root := t.TempDir()
	dir, link := filepath.Join(root, "vault"), filepath.Join(root, "link")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	const me, other, superuser = 1000, 1001, 0
	tests := []struct {
		name      string
		path      string
		link, dir int
		want      string
	}{
		{"own", dir, me, me, ""},
		{"own link", link, me, me, ""},
		{"link of root", link, superuser, me, ""},
		{"link of another", link, other, me, "the symbolic link"},
		{"directory of another", dir, other, other, "run chown -R 1000 " + dir},
		{"directory of root", dir, superuser, superuser, "run chown"},
		{"own link to another's directory", link, me, other, "run chown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := checkUser(tt.path, func(fi fs.FileInfo) (uid, user int) {
				if fi.Mode()&fs.ModeSymlink != 0 {
					return tt.link, me
				}
				return tt.dir, me
			})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}
