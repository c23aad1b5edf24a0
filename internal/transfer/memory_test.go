package transfer_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// account is one of many, with tokens of a usual size.
func account(n int) transfer.Account {
	a := *sample()[2].Account
	a.ID = vault.AccountID(fmt.Sprintf("ca_01JTP3Q4R5S6T7V8W9X%07d", n))
	a.Identifier = fmt.Sprintf("user-%d", n)
	g := *a.Grant
	g.Access, g.Refresh = vault.NewSecret(fmt.Sprintf("%0200d", n)), vault.NewSecret(fmt.Sprintf("%0100d", n))
	a.Grant = &g
	return a
}

// An export as large as anybody's is written and read in little memory.
func TestFlatMemory(t *testing.T) {
	accounts := 100_000
	if testing.Short() {
		accounts = 20_000
	}
	pr, pw := io.Pipe()
	go func() { // ends when everything is written or the reader has closed its end
		w, err := transfer.NewWriter(pw, transfer.WriteOptions{Header: testHeader}, recipient(t))
		if err == nil {
			err = write(w, sample()[:1])
		}
		for n := 0; n < accounts && err == nil; n++ {
			err = w.Account(account(n))
		}
		if err == nil {
			err = w.Close()
		}
		pw.CloseWithError(err)
	}()
	defer pr.Close()
	r, err := transfer.NewReader(pr, identity(t, testIdentity))
	if err != nil {
		t.Fatal(err)
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for item, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if item.Account != nil {
			n++
		}
		if n%10_000 != 1 {
			continue
		}
		runtime.GC()
		runtime.ReadMemStats(&now)
		if grown := int64(now.HeapInuse) - int64(before.HeapInuse); grown > 4<<20 {
			t.Fatalf("the heap has grown by %d KiB after %d accounts", grown>>10, n)
		}
	}
	if n != accounts {
		t.Errorf("%d accounts, want %d", n, accounts)
	}
}

func BenchmarkWrite(b *testing.B) {
	w, err := transfer.NewWriter(io.Discard, transfer.WriteOptions{Header: testHeader}, recipient(b))
	if err != nil {
		b.Fatal(err)
	}
	if err := write(w, sample()[:1]); err != nil {
		b.Fatal(err)
	}
	a := account(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Account(a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	const accounts = 100
	items := sample()[:1]
	for n := range accounts {
		a := account(n)
		items = append(items, transfer.Item{Account: &a})
	}
	file, key := export(b, transfer.WriteOptions{Header: testHeader}, items...), identity(b, testIdentity)
	b.ReportAllocs()
	for b.Loop() {
		if _, got, err := read(bytes.NewReader(file), key); err != nil || len(got) != len(items) {
			b.Fatal(len(got), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*accounts), "µs/account")
}
