package connectors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goccy/go-yaml/ast"
)

// LoadDir is [Catalog.LoadDir] for files that extend only each other.
func LoadDir(fsys fs.FS, dir string) ([]*Connector, error) { return (*Catalog)(nil).LoadDir(fsys, dir) }

// LoadDir reads all files of dir that end in .yaml or .yml, in the order of their names. A file is
// called after its connector, and no two connectors have the same name. A file may extend another one, or
// a connector of the catalogue, such as the one that it is to replace.
func (c *Catalog) LoadDir(fsys fs.FS, dir string) ([]*Connector, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, &Error{File: dir, Message: "reading the folder: " + err.Error()}
	}
	l := loader{catalog: c, fsys: fsys, files: map[string]*source{}}
	var order []*source
	var errs []error
	for _, entry := range entries {
		ext := path.Ext(entry.Name())
		if entry.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		s := &source{name: strings.TrimSuffix(entry.Name(), ext), file: path.Join(dir, entry.Name())}
		if earlier, ok := l.files[s.name]; ok {
			errs = append(errs, &Error{File: s.file, Path: "name", Message: fmt.Sprintf("connector %s is already in %s", s.name, earlier.file)})
			continue
		}
		l.files[s.name] = s
		order = append(order, s)
	}
	l.parse(order)
	var all []*Connector
	for _, s := range order {
		if l.load(s); s.err != nil {
			errs = append(errs, s.err)
		} else {
			all = append(all, s.connector)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// LoadFiles reads files that are not in a folder, by the names of their connectors. They may extend each
// other, as those of [Catalog.LoadDir] may. What is wrong with one, or with what it extends, is told under
// its name, and does not keep the others from being read.
func (c *Catalog) LoadFiles(files map[string]string) (good []*Connector, bad map[string]error) {
	l := loader{catalog: c, files: map[string]*source{}}
	for name, text := range files {
		l.files[name] = &source{name: name, file: name + ".yaml", data: []byte(text)}
	}
	l.parse(slices.Collect(maps.Values(l.files)))
	bad = map[string]error{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		s := l.files[name]
		switch l.load(s); {
		case s.connector != nil:
			good = append(good, s.connector)
		case s.err != nil:
			bad[name] = s.err
		default:
			bad[name] = &Error{File: s.file, Path: "extends", Message: "the connector that it extends cannot be read"}
		}
	}
	return good, bad
}

// loader loads the files of a folder, each once, what it extends first.
type loader struct {
	catalog *Catalog
	fsys    fs.FS
	files   map[string]*source
	// open are the names of those whose bases are being loaded.
	open []string
}

// source is a file. Without connector and error it is broken by what it extends, which is told there.
type source struct {
	name, file string
	// data is the text of a file that is not in a folder.
	data []byte
	// body is what was parsed, or broken says why it could not be.
	body      ast.Node
	broken    *Error
	loaded    bool
	connector *Connector
	err       error
}

func (l *loader) load(s *source) {
	if s.loaded {
		return
	}
	l.open = append(l.open, s.name)
	s.connector, s.err = l.decode(s)
	s.loaded, l.open = true, l.open[:len(l.open)-1]
}

// parse reads and parses files, several at a time, and loads those that extend nothing.
func (l *loader) parse(list []*source) {
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		work.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				s := list[i]
				if s.parse(l.fsys); s.broken == nil && entry(s.body, "extends") == nil {
					s.connector, s.err = l.decode(s)
					s.loaded = true
				}
			}
		})
	}
	work.Wait()
}

func (s *source) parse(fsys fs.FS) {
	data := s.data
	if fsys != nil {
		if data, s.broken = readFile(fsys, s.file); s.broken != nil {
			return
		}
	}
	s.body, s.broken = parse(data)
}

func (l *loader) decode(s *source) (*Connector, error) {
	if s.broken != nil {
		s.broken.File = s.file
		return nil, s.broken
	}
	c, err := decode(s.file, s.name, s.body, l.base)
	s.body = nil
	if errors.Is(err, errBase) {
		return nil, nil
	}
	return c, err
}

// errBase: what a file extends is broken, which was told.
var errBase = errors.New("the base is broken")

// base finds what a file extends: in this folder, or else in the catalogue.
func (l *loader) base(name string) (*Connector, error) {
	s, here := l.files[name]
	loop := slices.Contains(l.open, name)
	if !here || loop {
		if base, ok := l.catalog.Lookup(name); ok {
			return base, nil
		}
	}
	switch {
	case !here:
		return nil, unknownBase(name, l.catalog.names(), maps.Keys(l.files))
	case loop:
		chain := strings.Join(l.open[slices.Index(l.open, name):], " extends ")
		return nil, fmt.Errorf("makes a loop: %s extends %s", chain, name)
	}
	if l.load(s); s.connector == nil {
		return nil, errBase
	}
	return s.connector, nil
}

// ExtendsOf returns the name of what a file extends, or an empty one. Nothing else of the file is looked at.
func ExtendsOf(data []byte) string { return textOf(data, "extends") }

// NameOf returns the name that a file gives its connector, or an empty one if it gives none that is text.
// Nothing else of the file is looked at.
func NameOf(data []byte) string { return textOf(data, "name") }

// textOf is the text under a key of the first level, or nothing.
func textOf(data []byte, key string) string {
	body, e := parse(data)
	if e != nil {
		return ""
	}
	switch text := entry(body, key).(type) {
	case *ast.StringNode:
		return text.Value
	case *ast.LiteralNode:
		return text.Value.Value
	}
	return ""
}
