package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/transfer"
)

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: errors.New("no space left on device")}
}

// What cannot be written is no fault of the server, and not one of reading.
func TestUnwritable(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		fmt.Fprint(w, "claviger backup 1\n")
	}))
	t.Cleanup(s.Close)
	c := build(vaultCommand())
	var errs bytes.Buffer
	c.SetOut(fullDisk{})
	c.SetErr(&errs)
	c.SetArgs([]string{"backup", "-", "--admin", s.URL})
	if err := c.Execute(); err == nil || !strings.Contains(errs.String(), "standard output cannot be written: no space left on device (file_unwritable)") {
		t.Errorf("got %v, %s", err, errs.String())
	}

	path := filepath.Join(t.TempDir(), "accounts.age")
	file, err := createFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file.file.Close()
	_, err = io.Copy(file, strings.NewReader("x"))
	if f := failureOf((&guests{}).failure(fmt.Errorf("writing the export: %w", err))); f.Code != "file_unwritable" || !strings.HasPrefix(f.Detail, path+" cannot be written") {
		t.Errorf("got %+v", f)
	}
}

// Connections that the export cannot have are left out; a disk that is full ends it.
func TestExporterRefused(t *testing.T) {
	r, err := transfer.ParseRecipient("age1y5ap36hwrc7nrq3aqxlkm3579ensjehqzgwzyhpgnkg5qn7uhqrsu2u255")
	if err != nil {
		t.Fatal(err)
	}
	out, err := transfer.NewWriter(io.Discard, transfer.WriteOptions{Header: transfer.Header{CreatedAt: time.Now()}}, r...)
	if err != nil {
		t.Fatal(err)
	}
	e := &exporter{out: out}
	if err := e.refused(out.Connection(transfer.Connection{Name: "work"})); err != nil {
		t.Error(err)
	}
	if len(e.done.LeftOut) != 1 || strings.Count(e.done.LeftOut[0], "work") != 1 {
		t.Errorf("left out: %q", e.done.LeftOut)
	}
	if err := e.refused(fmt.Errorf("account: %w", unwritable("x", errors.New("full"), ""))); err == nil || len(e.done.LeftOut) != 1 {
		t.Errorf("got %v, left out %q", err, e.done.LeftOut)
	}
}
