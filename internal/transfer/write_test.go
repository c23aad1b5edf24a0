package transfer_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

func TestRoundTrip(t *testing.T) {
	for _, o := range []transfer.WriteOptions{{Header: testHeader}, {Header: testHeader, Armor: true}} {
		file := export(t, o, sample()...)
		header, items, err := read(bytes.NewReader(file), identity(t, testIdentity))
		if err != nil || header != testHeader {
			t.Fatalf("armor %v: %+v, %v", o.Armor, header, err)
		}
		same(t, items, sample())
		if armored := strings.HasPrefix(string(file), "-----BEGIN AGE"); armored != o.Armor {
			t.Errorf("armor is %v, want %v", armored, o.Armor)
		}
	}
	dos := strings.ReplaceAll(" \n"+string(golden(t, "export-v1.armor.age")), "\n", "\r\n")
	if _, items, err := read(strings.NewReader(dos), identity(t, testIdentity)); err != nil || len(items) != 5 {
		t.Errorf("armor with CRLF: %d items, %v", len(items), err)
	}
}

func TestEmptyExport(t *testing.T) {
	header, items, err := read(bytes.NewReader(export(t, transfer.WriteOptions{Header: transfer.Header{CreatedAt: at(0, 0)}})), identity(t, testIdentity))
	if err != nil || len(items) != 0 || header.Project != vault.DefaultProject {
		t.Errorf("got %+v, %d items, %v", header, len(items), err)
	}
}

// What a writer refuses leaves an export that can go on, and says which member is wrong.
func TestWriterRefuses(t *testing.T) {
	conn := func(change func(*transfer.Connection)) transfer.Item {
		c := *sample()[0].Connection
		c.Name = "other"
		change(&c)
		return transfer.Item{Connection: &c}
	}
	acct := func(change func(*transfer.Account)) transfer.Item {
		a := *sample()[2].Account
		g := *a.Grant
		a.Grant = &g
		change(&a)
		return transfer.Item{Account: &a}
	}
	type (
		C = *transfer.Connection
		A = *transfer.Account
	)
	for _, c := range []struct {
		want string
		item transfer.Item
	}{
		{"way: must be 1 to 63", conn(func(c C) { c.Way = "API key" })},
		{"secret_params.Key: the name must be 1 to 63", conn(func(c C) { c.SecretParams = named("Key", "x") })},
		{"secret_params.key: must be at most 16 KiB", conn(func(c C) { c.SecretParams = named("key", "a\x00b") })},
		{"name: must be 1 to 63", conn(func(c C) { c.Name = "Work" })},
		{"name: the export has", conn(func(c C) { c.Name = "work" })},
		{"connector:", conn(func(c C) { c.Connector = "" })},
		{"origin:", conn(func(c C) { c.Origin = "" })},
		{"client_id:", conn(func(c C) { c.ClientID = "\xff" })},
		{"client_secret:", conn(func(c C) { c.ClientSecret = vault.NewSecret("a\nb") })},
		{"client_secret:", conn(func(c C) { c.ClientSecret = vault.NewSecret("\xff") })},
		{"scopes:", conn(func(c C) { c.Scopes = []string{""} })},
		{"params:", conn(func(c C) { c.Params = map[string]string{"a": "\xff"} })},
		{"1 MiB", conn(func(c C) { c.Params = map[string]string{"a": strings.Repeat("a", 1<<20)} })},
		{"id:", acct(func(a A) { a.ID = "" })},
		{"connection: must", acct(func(a A) { a.Connection = "" })},
		{"connection: the export", acct(func(a A) { a.Connection = "none" })},
		{"connector:", acct(func(a A) { a.Connector = "" })},
		{"identifier:", acct(func(a A) { a.Identifier = "ada lovelace" })},
		{"status:", acct(func(a A) { a.Status = "active" })},
		{"reason:", acct(func(a A) { a.Reason = "\xff" })},
		{"identity:", acct(func(a A) { a.Identity.Name = "\xff" })},
		{"created_at:", acct(func(a A) { a.CreatedAt = time.Time{} })},
		{"years 1 to 9999", acct(func(a A) { a.ConnectedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) })},
		{"requested_scopes:", acct(func(a A) { a.RequestedScopes = []string{""} })},
		{"granted_scopes:", acct(func(a A) { a.GrantedScopes = []string{"\xff"} })},
		{"grant: must have", acct(func(a A) { a.Grant = &vault.Grant{IDToken: vault.NewSecret("x")} })},
		{"grant.access_token:", acct(func(a A) { a.Grant.Access = vault.NewSecret("a b") })},
		{"grant.refresh_token:", acct(func(a A) { a.Grant.Refresh = vault.NewSecret(strings.Repeat("a", 16<<10+1)) })},
		{"grant.id_token:", acct(func(a A) { a.Grant.IDToken = vault.NewSecret("a\n") })},
		{"grant.scopes:", acct(func(a A) { a.Grant.Scopes = []string{""} })},
		{"grant:", acct(func(a A) { a.Grant.RedirectURI = "\xff" })},
		{"grant: must have", acct(func(a A) { a.Grant = &vault.Grant{Slots: named("bot", "x")} })},
		{"grant: must have", acct(func(a A) {
			a.Grant = &vault.Grant{Captured: map[string]string{"a": "x"}, Inputs: vault.Secrets{"a": {}}}
		})},
		{"grant.slots.bot:", acct(func(a A) { a.Grant.Slots = named("bot", "a b") })},
		{"grant.slots.bot-1:", acct(func(a A) { a.Grant.Slots = named("bot-1", "x") })},
		{"grant.inputs.key: must be at most 16 KiB", acct(func(a A) { a.Grant.Inputs = named("key", strings.Repeat("a", 16<<10+1)) })},
		{"grant.inputs.key: must be at most 16 KiB", acct(func(a A) { a.Grant.Inputs = named("key", "\xff") })},
		{"grant.inputs: the name", acct(func(a A) { a.Grant.Inputs = named("", "x") })},
		{"grant.inputs." + strings.Repeat("k", 64) + ": the name", acct(func(a A) { a.Grant.Inputs = named(strings.Repeat("k", 64), "x") })},
		{"grant.captured:", acct(func(a A) { a.Grant.Captured = map[string]string{"a": "\xff"} })},
	} {
		var file bytes.Buffer
		w, err := transfer.NewWriter(&file, transfer.WriteOptions{Header: testHeader}, recipient(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := write(w, sample()[:2]); err != nil {
			t.Fatal(err)
		}
		if err := write(w, []transfer.Item{c.item}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
		if err := errors.Join(write(w, sample()[2:]), w.Close()); err != nil {
			t.Fatal(err)
		}
		_, items, err := read(&file, identity(t, testIdentity))
		if err != nil {
			t.Fatal(err)
		}
		same(t, items, sample())
	}
}

// named is one secret of that name.
func named(name, value string) vault.Secrets { return vault.NewSecrets(map[string]string{name: value}) }

// Secrets as long and as odd as they may be come out as they went in.
func TestRoundTripSecrets(t *testing.T) {
	a, c := *sample()[2].Account, *sample()[0].Connection
	g := *a.Grant
	long := "k" + strings.Repeat("_9", 31)
	g.Inputs = vault.NewSecrets(map[string]string{long: strings.Repeat("ü", 8<<10), "x": "\r\n\t\x01\x7f\u2028 '\"\\<>&"})
	g.Slots = named(long, strings.Repeat("~", 16<<10))
	a.Grant, c.SecretParams = &g, g.Inputs
	want := []transfer.Item{{Connection: &c}, {Account: &a}}
	_, items, err := read(bytes.NewReader(export(t, transfer.WriteOptions{Header: testHeader}, want...)), identity(t, testIdentity))
	if err != nil {
		t.Fatal(err)
	}
	same(t, items, want)
}

// A grant of a connector that asks for nothing has nothing to be moved. Its account is.
func TestEmptyGrant(t *testing.T) {
	a := *sample()[2].Account
	a.Grant = &vault.Grant{ObtainedAt: at(12, 2), ClientID: "claviger-demo", Inputs: vault.Secrets{}, Slots: vault.Secrets{"a": {}}}
	want := a
	want.Grant = nil
	file := export(t, transfer.WriteOptions{Header: testHeader}, sample()[0], transfer.Item{Account: &a})
	_, items, err := read(bytes.NewReader(file), identity(t, testIdentity))
	if err != nil {
		t.Fatal(err)
	}
	same(t, items, []transfer.Item{sample()[0], {Account: &want}})
}

func TestNewWriterRefuses(t *testing.T) {
	for _, c := range []struct {
		want   string
		header transfer.Header
	}{
		{"project", transfer.Header{Project: "No", CreatedAt: at(1, 1)}},
		{"time of its creation", transfer.Header{}},
		{"years", transfer.Header{CreatedAt: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		w, err := transfer.NewWriter(&bytes.Buffer{}, transfer.WriteOptions{Header: c.header}, recipient(t))
		if w != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
}

var errFull = errors.New("no room")

// disk takes so many bytes.
type disk struct{ left int }

func (d *disk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		return 0, errFull
	}
	d.left -= len(p)
	return len(p), nil
}

// A full disk is an error at Close at the latest, and stays one.
func TestWriterFull(t *testing.T) {
	for _, armor := range []bool{false, true} {
		size := len(export(t, transfer.WriteOptions{Header: testHeader, Armor: armor}, sample()...))
		for left := 0; left < size; left += 61 {
			w, err := transfer.NewWriter(&disk{left}, transfer.WriteOptions{Header: testHeader, Armor: armor}, recipient(t))
			if err == nil {
				_ = write(w, sample())
				err = w.Close()
				if again := w.Close(); !errors.Is(again, errFull) {
					t.Errorf("the second Close: %v", again)
				}
			}
			if !errors.Is(err, errFull) {
				t.Fatalf("armor %v, %d of %d bytes: %v", armor, left, size, err)
			}
		}
	}
}

func TestWriterClosed(t *testing.T) {
	w, err := transfer.NewWriter(&bytes.Buffer{}, transfer.WriteOptions{Header: testHeader}, recipient(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := write(w, sample()); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
}
