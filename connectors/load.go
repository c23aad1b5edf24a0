package connectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	maxFileSize = 256 << 10
	maxText     = 1000
	maxOpen     = 2000
)

// Decode reads one connector file and validates it. Unknown and repeated keys, values of another
// type, anchors, aliases and tags are refused. The errors are *[Error]s, joined when there are
// several; file is only used in them.
func Decode(file string, data []byte) (*Connector, error) {
	c, lines, errs := decode(data)
	if len(errs) == 0 {
		errs = c.validate()
	}
	for _, e := range errs {
		e.File = file
		if e.Line == 0 {
			e.Line = lines.find(e.Path)
		}
	}
	if err := join(errs); err != nil {
		return nil, err
	}
	return c, nil
}

// Encode writes a connector as text that [Decode] reads into the same value. All text is in quotes, so
// that it does not depend on what YAML takes for a number, a date or a mark.
func Encode(c *Connector) ([]byte, error) {
	return yaml.MarshalWithOptions(c, yaml.CustomMarshaler(func(s string) ([]byte, error) {
		return json.Marshal(s)
	}))
}

// LoadDir reads all files of dir that end in .yaml or .yml, in the order of their names. A file is
// called after its connector, and no two connectors have the same name.
func LoadDir(fsys fs.FS, dir string) ([]*Connector, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, &Error{File: dir, Message: "reading the folder: " + err.Error()}
	}
	var all []*Connector
	var errs []error
	byName := map[string]string{}
	for _, entry := range entries {
		ext := path.Ext(entry.Name())
		if entry.IsDir() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		file := path.Join(dir, entry.Name())
		c, err := loadFile(fsys, file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if earlier, ok := byName[c.Name]; ok {
			errs = append(errs, &Error{File: file, Path: "name", Message: fmt.Sprintf("connector %s is already in %s", c.Name, earlier)})
			continue
		}
		byName[c.Name] = file
		if want := strings.TrimSuffix(entry.Name(), ext); c.Name != want {
			errs = append(errs, &Error{File: file, Path: "name", Message: fmt.Sprintf("is %s, so the file must be called %s.yaml", c.Name, c.Name)})
			continue
		}
		all = append(all, c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

func loadFile(fsys fs.FS, file string) (*Connector, error) {
	f, err := fsys.Open(file)
	if err != nil {
		return nil, &Error{File: file, Message: "opening: " + err.Error()}
	}
	defer f.Close()
	// One byte more than is allowed, so that Decode sees that there is too much.
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, &Error{File: file, Message: "reading: " + err.Error()}
	}
	return Decode(file, data)
}

// parse reads the one YAML document in data.
func parse(data []byte) (body ast.Node, e *Error) {
	if len(data) > maxFileSize {
		return nil, &Error{Message: "the file is larger than 256 KiB"}
	}
	if !utf8.Valid(data) {
		return nil, &Error{Message: "the file is not UTF-8"}
	}
	if line := tooDeep(data); line > 0 {
		return nil, &Error{Line: line, Message: "nested too deeply"}
	}
	// The YAML parser is not ours: a file that trips it is a broken file, not the end of the process.
	defer func() {
		if recover() != nil {
			body, e = nil, &Error{Message: "the file is not YAML"}
		}
	}()
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	for _, doc := range f.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, &Error{Line: line(doc.Body), Message: "more than one document; a file holds one connector"}
		}
		body = doc.Body
	}
	if body == nil {
		return nil, &Error{Message: "the file is empty"}
	}
	return body, nil
}

// tooDeep returns the line where values may be nested so deeply that the parser, which recurses, runs
// out of stack, or 0. It counts open brackets, and on each line the marks that open a level there;
// those in text count as well, so the limit is far above what the longest text can have.
func tooDeep(data []byte) int {
	n, brackets, marks := 1, 0, 0
	for _, b := range data {
		switch b {
		case '[', '{':
			brackets++
		case ']', '}':
			brackets = max(0, brackets-1)
		case '\n':
			n, marks = n+1, 0
		case '-', '?', ':', '!', '&':
			marks++
		}
		if brackets > maxOpen || marks > maxOpen {
			return n
		}
	}
	return 0
}

func syntaxError(err error) *Error {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return &Error{Message: "the file is not YAML"}
	}
	e := &Error{Message: ye.GetMessage()}
	if t := ye.GetToken(); t != nil && t.Position != nil {
		e.Line = t.Position.Line
	}
	return e
}
