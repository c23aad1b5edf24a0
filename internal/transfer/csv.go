package transfer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/claviger-proxy/claviger/vault"
)

// inputColumn begins the name of a column that has the values of an input.
const inputColumn = "input."

// columns are those that a CSV file may have beside inputs; the first two it must have.
var columns = []string{
	"connection", "identifier", "access_token", "refresh_token", "expires_at", "scopes", "client_id",
	"account_id", "email", "name",
}

// ReadCSV reads accounts from a comma-separated file (RFC 4180) whose first row names the columns:
// connection and identifier, access_token, refresh_token or input.NAME for the connector's input NAME, and
// any of expires_at (RFC 3339 or unix seconds), scopes (with spaces or commas between them), client_id,
// account_id, email and name. An error ends the sequence.
func ReadCSV(r io.Reader, o Options) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		f := newTable(r)
		if err := f.head(); err != nil {
			yield(Item{}, fmt.Errorf("reading CSV: %w", err))
			return
		}
		for {
			line, row, err := f.next()
			var item Item
			switch {
			case err == io.EOF:
				return
			case errors.Is(err, csv.ErrFieldCount):
				item.Problem = &Problem{line, fmt.Sprintf("the row must have %d fields, as the first one has", len(f.names))}
			case err != nil:
				yield(Item{}, fmt.Errorf("reading CSV: %w", err))
				return
			default:
				item = rowItem(line, row, o)
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// rowItem reads a row as an object, so that the rules for its members are the same.
func rowItem(line string, row map[string]any, o Options) Item {
	c := newObject(row, true)
	for name, value := range row {
		if s, _ := value.(string); !utf8.ValidString(s) {
			c.fail(name, "not in UTF-8: save the file in that encoding")
		}
	}
	a := Account{
		Identifier: c.text("identifier"), Status: vault.StatusActive,
		Identity: vault.Identity{ID: c.text("account_id"), Email: c.text("email"), Name: c.text("name")},
		Grant: &vault.Grant{
			Access: c.foreignToken("access_token", "give the token itself"), Refresh: c.foreignToken("refresh_token", "give the token itself"),
			Expires: c.moment("expires_at"), Scopes: c.scopes("scopes"), ClientID: c.text("client_id"),
		},
	}
	a.GrantedScopes = a.Grant.Scopes
	inputs := map[string]string{}
	for _, column := range slices.Sorted(maps.Keys(row)) {
		if name, ok := strings.CutPrefix(column, inputColumn); ok {
			c.input(inputs, column, name, "give the value itself", Options{})
		}
	}
	a.Grant.Inputs = vault.NewSecrets(inputs)
	var err error
	if a.Connection, err = o.connection(c.text("connection")); err != nil {
		c.fail("connection", err.Error())
	}
	if !vault.ValidIdentifier(a.Identifier) {
		c.fail("identifier", wantIdentifier)
	}
	if a.Grant.Access.IsZero() && a.Grant.Refresh.IsZero() && len(inputs) == 0 {
		c.fail("", "no access_token, refresh_token or input: give at least one")
	}
	if err := c.mistake(); err != nil {
		return Item{Problem: &Problem{line, err.Error()}}
	}
	return Item{Account: &a}
}

// table is a CSV file whose rows are read by the names of its columns.
type table struct {
	in    *meter
	csv   *csv.Reader
	names []string
}

func newTable(r io.Reader) *table {
	t := &table{in: &meter{r: skipBOM(r)}}
	t.csv = csv.NewReader(t.in)
	t.csv.ReuseRecord = true
	return t
}

// head reads the first row.
func (t *table) head() error {
	_, names, err := t.row()
	if err == io.EOF {
		return errors.New("the file is empty")
	}
	if err != nil {
		return err
	}
	t.names = slices.Clone(names)
	for i, name := range t.names {
		name = strings.TrimSpace(name)
		t.names[i] = name
		switch {
		case !slices.Contains(columns, name) && !isInputColumn(name):
			return fmt.Errorf("line 1: column %d has an unknown name; allowed are %s and input.NAME, with commas between them", i+1, strings.Join(columns, ", "))
		case slices.Contains(t.names[:i], name):
			return fmt.Errorf("line 1: the column %s is there twice", name)
		}
	}
	for _, name := range columns[:2] {
		if !slices.Contains(t.names, name) {
			return fmt.Errorf("line 1: there is no column %s", name)
		}
	}
	if !slices.Contains(t.names, "access_token") && !slices.Contains(t.names, "refresh_token") && !slices.ContainsFunc(t.names, isInputColumn) {
		return errors.New("line 1: there is no column access_token, refresh_token or input.NAME")
	}
	return nil
}

func isInputColumn(name string) bool {
	input, ok := strings.CutPrefix(name, inputColumn)
	return ok && inputName.MatchString(input)
}

// next returns a row and its line.
func (t *table) next() (line string, row map[string]any, err error) {
	n, fields, err := t.row()
	line = fmt.Sprintf("line %d", n)
	if err != nil {
		return line, nil, err
	}
	row = make(map[string]any, len(fields))
	for i, value := range fields {
		if value != "" {
			row[t.names[i]] = value
		}
	}
	return line, row, nil
}

// row returns the fields of a row and the line that it begins in.
func (t *table) row() (line int, fields []string, err error) {
	t.in.left = maxItem
	fields, err = t.csv.Read()
	var bad *csv.ParseError
	switch {
	case t.in.err != nil:
		return 0, nil, t.in.err
	case errors.Is(err, csv.ErrFieldCount) && errors.As(err, &bad):
		return bad.StartLine, nil, csv.ErrFieldCount
	case errors.As(err, &bad):
		return 0, nil, fmt.Errorf("line %d: a quote is missing or at a place where none may be", bad.Line)
	case err != nil:
		return 0, nil, err
	}
	line, _ = t.csv.FieldPos(0)
	return line, fields, nil
}
