package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/connectors"
)

// linted is what was found in one file.
type linted struct {
	File      string     `json:"file"`
	Connector string     `json:"connector,omitempty"`
	Errors    []lintNote `json:"errors"`
	Hints     []lintNote `json:"hints"`
	connector *connectors.Connector
}

type lintNote struct {
	Line    int    `json:"line,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

func connectorsLint(s *settings) *cobra.Command {
	strict := false
	c := &cobra.Command{
		Use: "lint FILE|FOLDER...", Short: "Checks connector files, and says what would make them better",
		Long: `Checks connector files as a server does when it starts, and says what a file could tell and does not.
A folder stands for its .yaml and .yml files. Nothing is asked and nothing is sent.`,
	}
	c.Flags().BoolVar(&strict, "strict", false, "fail for hints as well")
	does(c, s, 1, -1, func(_ context.Context, call *call) error {
		builtin, err := connectors.Builtin()
		if err != nil {
			return err
		}
		list := []linted{}
		for _, path := range call.args {
			more, err := lintPath(builtin, path)
			if err != nil {
				return err
			}
			list = append(list, more...)
		}
		if !call.json {
			printLinted(call.out, list)
		} else if err := printJSON(call.out, list); err != nil {
			return err
		}
		return lintVerdict(list, strict)
	})
	return c
}

// lintVerdict is the command's end: what is wrong was printed.
func lintVerdict(list []linted, strict bool) error {
	bad := 0
	for _, l := range list {
		if len(l.Errors) > 0 || strict && len(l.Hints) > 0 {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return failed("connector_invalid", fmt.Sprintf("%d of %s not as they should be", bad, plural(len(list), "file")), "")
}

func printLinted(w io.Writer, list []linted) {
	for _, l := range list {
		for _, kind := range []struct {
			name string
			list []lintNote
		}{{"error", l.Errors}, {"hint", l.Hints}} {
			for _, f := range kind.list {
				at := l.File
				if f.Line > 0 {
					at += fmt.Sprintf(":%d", f.Line)
				}
				fmt.Fprintf(w, "%s: %s: %s\n", at, kind.name, strings.TrimSpace(f.Path+" "+f.Message))
			}
		}
		if len(l.Errors)+len(l.Hints) == 0 {
			fmt.Fprintf(w, "%s: ok\n", l.File)
		}
	}
}

// lintPath checks a file, or those of a folder.
func lintPath(catalog *connectors.Catalog, path string) ([]linted, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	folder, files := filepath.Dir(path), []string{path}
	if info.IsDir() {
		folder = path
		if files, err = connectorFiles(path); err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, failed("nothing_to_check", "the folder "+path+" has no .yaml files", "name another one")
		}
	}
	if catalog, err = withNeighbours(catalog, folder); err != nil {
		return nil, err
	}
	var list []linted
	for _, file := range files {
		l, err := lintFile(catalog, file)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

func connectorFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, unreadable(folder, err)
	}
	var files []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(folder, e.Name()))
		}
	}
	return files, nil
}

// withNeighbours is the catalogue with the connectors of a folder that are good, because a file may extend
// them.
func withNeighbours(catalog *connectors.Catalog, folder string) (*connectors.Catalog, error) {
	files, err := connectorFiles(folder)
	if err != nil {
		return nil, err
	}
	for more := true; more; { // until none is left that extends one that has come
		more = false
		files = slices.DeleteFunc(files, func(file string) bool {
			data, err := readConnector(file)
			if err != nil {
				return true
			}
			k, err := catalog.Decode(file, data)
			if err == nil {
				catalog, more = catalog.With(k), true
			}
			return err == nil
		})
	}
	return catalog, nil
}

func lintFile(catalog *connectors.Catalog, file string) (linted, error) {
	l := linted{File: file, Errors: []lintNote{}, Hints: []lintNote{}}
	data, err := readConnector(file)
	if err != nil {
		return l, err
	}
	k, err := catalog.Decode(file, data)
	for _, e := range connectors.Mistakes(err) {
		l.Errors = append(l.Errors, lintNote{Line: e.Line, Path: e.Path, Message: e.Message})
	}
	if err != nil {
		return l, nil
	}
	l.Connector, l.connector = k.Name, k
	if name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)); name != k.Name {
		l.Errors = append(l.Errors, lintNote{Path: "name", Message: fmt.Sprintf("is %s, so the file must be called %[1]s.yaml", k.Name)})
	}
	for _, h := range k.Hints() {
		l.Hints = append(l.Hints, lintNote{Path: h.Path, Message: h.Message})
	}
	return l, nil
}

// readConnector reads a connector file, and one byte more than it may have if there is one.
func readConnector(file string) ([]byte, error) { return readUpTo(file, connectors.MaxFileSize) }

// readUpTo reads a file of which no more is wanted than that many bytes, and one more if there is one.
func readUpTo(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, unreadable(file, err)
	}
	return data, nil
}

func unreadable(path string, err error) error {
	return failed("file_unreadable", path+" cannot be read: "+cause(err), "check the path and its permissions")
}
