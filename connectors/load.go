package connectors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
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
	loaded     bool
	connector  *Connector
	err        error
}

func (l *loader) load(s *source) {
	if s.loaded {
		return
	}
	l.open = append(l.open, s.name)
	s.connector, s.err = l.decode(s)
	s.loaded, l.open = true, l.open[:len(l.open)-1]
}

func (l *loader) decode(s *source) (*Connector, error) {
	data, err := readFile(l.fsys, s.file)
	if err != nil {
		return nil, err
	}
	c, err := decode(s.file, s.name, data, l.base)
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
