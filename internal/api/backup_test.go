package api_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestBackup(t *testing.T) {
	d := newDeck(t, nil)
	a := d.account("mail", "lovelace", nil)
	var file bytes.Buffer
	got, err := d.Backup(t.Context(), &file)
	if err != nil || got.Records != 4 || got.LeftOut != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if text := file.String(); strings.Contains(text, "canary") || strings.Contains(text, "lovelace") {
		t.Error("the backup has a secret, or an identifier, in clear")
	}
	store := vaulttest.NewStore(t)
	facts, err := vault.Restore(t.Context(), &file, store, d.keys, func(f vault.Fault) { t.Errorf("fault: %+v", f) })
	if err != nil || facts.Records[vault.KindAccount] != 1 {
		t.Fatalf("restored %+v, %v", facts, err)
	}
	if g, err := vaulttest.OpenAt(t, store, d.keys, nil).Grant(t.Context(), a.ID); err != nil || g.Access.IsZero() {
		t.Errorf("the grant: %v, %v", g, err)
	}
}

// failingStore breaks off after some records.
type failingStore struct {
	vault.Store
	after int
	size  int
}

var errFails = errors.New("canary-store-error")

func (s *failingStore) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		n := 0
		for r, err := range s.Store.Walk(ctx, after) {
			r.Meta = append(bytes.Clone(r.Meta), make([]byte, s.size)...)
			if n++; n > s.after {
				err = errFails
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// An error is a problem as long as nothing was sent, and a broken transfer after that.
func TestBackupBreaks(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
		sent bool
	}{{"before the first byte", 0, false}, {"in the middle", 1 << 17, true}} {
		t.Run(tt.name, func(t *testing.T) {
			v := vaulttest.OpenAt(t, &failingStore{Store: vaulttest.NewStore(t), after: 2, size: tt.size}, vaulttest.NewKeys(t), nil)
			k := setupAt(t, v, 9090, nil)
			k.account("mail", "ada", nil)
			var file bytes.Buffer
			_, err := k.Backup(t.Context(), &file)
			if tt.sent != (file.Len() > 0) || err == nil {
				t.Fatalf("got %d bytes and %v", file.Len(), err)
			}
			if !tt.sent {
				refused(t, err, 503, "vault_unavailable")
			}
			if strings.Contains(err.Error(), "canary") || !strings.Contains(k.log.String(), "canary-store-error") {
				t.Errorf("the caller is told %v, and the log %s", err, k.log)
			}
			if _, err := k.Status(t.Context()); err != nil {
				t.Errorf("the server is gone: %v", err)
			}
		})
	}
}

// stalling is an answer that nobody reads.
type stalling struct {
	*httptest.ResponseRecorder
	deadlines []time.Duration
	take      int
}

func (s *stalling) SetReadDeadline(time.Time) error { return nil }

func (s *stalling) SetWriteDeadline(at time.Time) error {
	if at.IsZero() {
		s.deadlines = append(s.deadlines, 0)
	} else {
		s.deadlines = append(s.deadlines, time.Until(at).Round(time.Second))
	}
	return nil
}

func (s *stalling) Write(p []byte) (int, error) {
	if s.take--; s.take < 0 {
		return 0, errors.New("i/o timeout")
	}
	return s.ResponseRecorder.Write(p)
}

// Every piece must be taken within a minute, and the connection is left without a deadline.
func TestBackupDeadline(t *testing.T) {
	var o api.Options
	d := newDeck(t, func(with *api.Options) { o = *with })
	d.account("mail", "ada", nil)
	for _, take := range []int{0, 1} {
		w := &stalling{ResponseRecorder: httptest.NewRecorder(), take: take}
		func() {
			defer func() {
				if got := recover(); (got == http.ErrAbortHandler) != (take == 0) {
					t.Errorf("taking %d pieces: got %v", take, got)
				}
			}()
			api.New(o).ServeHTTP(w, httptest.NewRequest("POST", "/claviger/vault/backup", nil))
		}()
		if n := len(w.deadlines); n != 2 || w.deadlines[0] != time.Minute || w.deadlines[1] != 0 {
			t.Errorf("deadlines are %v", w.deadlines)
		}
	}
}
