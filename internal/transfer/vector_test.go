package transfer_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/transfer"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decrypt opens a file with age alone.
func decrypt(t *testing.T, file []byte) []byte {
	t.Helper()
	id, err := age.ParseX25519Identity(testIdentity)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(file), id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// encrypt makes an age file of any lines.
func encrypt(t testing.TB, plain string) []byte {
	t.Helper()
	to, err := age.ParseX25519Recipient(testRecipient)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The files that another implementation checks itself against, of every version that is read.
func TestVector(t *testing.T) {
	for version, want := range map[string][]transfer.Item{"export-v1": first(), "export-v2": second(), "export-v3": third(), "export-v4": sample()} {
		lines := golden(t, version+".jsonl")
		if got := decrypt(t, golden(t, version+".age")); !bytes.Equal(got, lines) {
			t.Errorf("the file holds\n%s\nwant\n%s", got, lines)
		}
		for _, name := range []string{version + ".age", version + ".armor.age"} {
			header, items, err := read(bytes.NewReader(golden(t, name)), identity(t, testIdentity))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(testHeader, header); diff != "" {
				t.Errorf("%s: -want +got:\n%s", name, diff)
			}
			same(t, items, want)
		}
	}
	want := golden(t, "export-v4.jsonl")
	if got := decrypt(t, export(t, transfer.WriteOptions{Header: testHeader}, sample()...)); !bytes.Equal(got, want) {
		t.Errorf("written\n%s\nwant\n%s", got, want)
	}
}

// A file that breaks off is never read as a shorter one.
func TestTruncated(t *testing.T) {
	key := identity(t, testIdentity)
	for _, name := range []string{"export-v4.age", "export-v4.armor.age"} {
		file := golden(t, name)
		end := len(file)
		if name == "export-v4.armor.age" {
			end-- // the last line feed of armor may be missing
		}
		for n := range end {
			if _, items, err := read(bytes.NewReader(file[:n]), key); err == nil {
				t.Fatalf("%s: the first %d of %d bytes are read as %d items", name, n, len(file), len(items))
			}
		}
	}
}

// The lines of a file that was never finished, encrypted as a whole one.
func TestUnfinished(t *testing.T) {
	plain := string(golden(t, "export-v4.jsonl"))
	key := identity(t, testIdentity)
	for n := range len(plain) - 1 {
		if n%7 != 0 && plain[n] != '\n' {
			continue
		}
		if _, items, err := read(bytes.NewReader(encrypt(t, plain[:n])), key); err == nil {
			t.Fatalf("the first %d of %d bytes are read as %d items", n, len(plain), len(items))
		}
	}
}

func TestBitFlips(t *testing.T) {
	key, file := identity(t, testIdentity), golden(t, "export-v4.age")
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 1 << (i % 8)
		if _, _, err := read(bytes.NewReader(bad), key); err == nil {
			t.Fatalf("bit %d of byte %d is not noticed", i%8, i)
		}
	}
	for _, more := range []string{"\n", "x", string(file)} {
		if _, _, err := read(io.MultiReader(bytes.NewReader(file), bytes.NewBufferString(more)), key); err == nil {
			t.Errorf("%d bytes after the end are not noticed", len(more))
		}
	}
}

// The documentation has the same vector.
func TestVectorInDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/reference/export-format.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{
		"```\n" + testIdentity + "\n```\n", "```\n" + string(golden(t, "export-v4.armor.age")) + "```\n",
		"```text\n" + string(golden(t, "export-v4.jsonl")) + "```\n", "`" + testRecipient + "`",
	} {
		if !bytes.Contains(doc, []byte(block)) {
			t.Errorf("docs/reference/export-format.md does not have\n%s", block)
		}
	}
}
