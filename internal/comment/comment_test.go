package comment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/comment"
)

const source = `package thing

// The values of a colour.
const (
	Red  = "red"
	Blue = "blue"
)

// Thing is what [Other] points to,
// in one of [Red] and [*Blue].
type Thing struct {
	Embedded
	// ID is what FirstName and LastName make, with an ID of its own.
	ID string ` + "`json:\"id\"`" + `
	// FirstName and LastName are the names.
	FirstName string ` + "`json:\"first_name\"`" + `
	Age       int    ` + "`json:\"age\"`" + `
	LastName  string ` + "`json:\"last_name,omitempty\"`" + `
	hidden    bool
}

type Other struct{}
`

func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"thing.go": source, "thing_test.go": "package thing\n\n// T is of a test.\ntype T int\n", "notes.txt": "no Go"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := comment.Read(dir, "json")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Thing":           "Thing is what Other points to, in one of red and blue.",
		"Thing.ID":        "id is what first_name and last_name make, with an ID of its own.",
		"Thing.FirstName": "first_name and last_name are the names.",
		"Thing.Age":       "",
		"Thing.LastName":  "first_name and last_name are the names.",
		"Other":           "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadFails(t *testing.T) {
	dir := t.TempDir()
	if got, err := comment.Read(dir, "json"); err == nil || got != nil {
		t.Errorf("an empty folder has %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "broken.go"), []byte("package"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := comment.Read(dir, "json"); err == nil || got != nil {
		t.Errorf("a broken file has %v, %v", got, err)
	}
}
