package badgerstore_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// damageDir tells the test binary that it is the process that opens damaged vaults, and where.
const damageDir = "CLAVIGER_DAMAGE_DIR"

// image is the regular files of a directory, without the zeros at their ends.
type image map[string]imageFile

type imageFile struct {
	data []byte
	size int64
}

func readImage(dir string) (image, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	im := image{}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		im[f.Name()] = imageFile{bytes.Clone(bytes.TrimRight(b, "\x00")), int64(len(b))}
	}
	return im, nil
}

// write makes the directory anew.
func (im image) write(dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	for name, f := range im {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, f.data, 0o600), os.Truncate(path, f.size)); err != nil {
			return err
		}
	}
	return nil
}

// wound is what is done to one file.
type wound struct {
	File string
	// Cut shortens the file to At bytes; otherwise one bit of the byte At is flipped.
	Cut bool
	At  int64
}

func (w wound) String() string {
	if w.Cut {
		return fmt.Sprintf("%s cut at %d", w.File, w.At)
	}
	return fmt.Sprintf("%s bit %d of byte %d", w.File, w.At%8, w.At)
}

func (w wound) inflict(dir string) error {
	path := filepath.Join(dir, w.File)
	if w.Cut {
		return os.Truncate(path, w.At)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], w.At); err != nil {
		return err
	}
	b[0] ^= 1 << (w.At % 8)
	_, err = f.WriteAt(b[:], w.At)
	return err
}

// verdict is what a damaged vault did, the worst last.
type verdict int

const (
	harmless verdict = iota
	refused
	named
	missing
	wrong
	hung
	died
)

// outcome is one line of the child.
type outcome struct {
	Wound   wound
	Verdict verdict
	Detail  string
}

// census is how to find everything in the vault again.
type census struct {
	Accounts []vault.ConnectedAccount
	Names    []string // of connections
	Tokens   []string // of links
}

const notFound, failed = "not found", "error: "

func answer(v any, err error) string {
	if errors.Is(err, vault.ErrNotFound) {
		return notFound
	}
	if err != nil {
		return failed + err.Error()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return failed + err.Error()
	}
	return string(b)
}

// grantText is a grant with its tokens.
func grantText(g vault.Grant, err error) (string, error) {
	return fmt.Sprint(g.Generation, g.Access.Reveal(), g.Refresh.Reveal(), g.Scopes), err
}

// readAll asks for everything in the vault, by every way that leads to it.
func (c census) readAll(ctx context.Context, v *vault.Vault) []string {
	var out []string
	for _, a := range c.Accounts {
		out = append(out, answer(v.Account(ctx, a.ID)), answer(v.FindAccount(ctx, a.ConnectionID, a.Identifier)),
			answer(grantText(v.Grant(ctx, a.ID))))
	}
	for _, name := range c.Names {
		got, err := v.FindConnection(ctx, "", name)
		out = append(out, answer(got.ClientSecret.Reveal()+got.ClientID, err))
	}
	for _, t := range c.Tokens {
		l, err := v.FindLink(ctx, vault.NewSecret(t))
		out = append(out, answer(l.Identifier+l.State.Reveal(), err))
	}
	conns, err := v.Connections(ctx, "", vault.PageQuery{})
	out = append(out, answer(len(conns.Items), err))
	page, err := v.Accounts(ctx, vault.AccountQuery{})
	out = append(out, answer(len(page.Items), err))
	count, err := v.CountAccounts(ctx)
	return append(out, answer(count[vault.StatusActive], err))
}

// judge compares what a vault says with what it should.
func judge(got, want []string) (verdict, string) {
	worst, detail := harmless, ""
	for i, g := range got {
		v := wrong
		switch {
		case g == want[i]:
			continue
		case strings.HasPrefix(g, failed):
			v = named
		case g == notFound, len(want[i]) == 1 && g < want[i]: // a number of records
			v = missing
		}
		if v > worst {
			worst, detail = v, g+" instead of "+want[i]
		}
	}
	return worst, detail
}

// examine opens the vault in dir and reads everything.
func (c census) examine(dir, key string, want []string) (got []string, v verdict, detail string) {
	ctx := context.Background()
	s, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	if err != nil {
		return nil, refused, err.Error()
	}
	defer func() {
		if err := s.Close(); err != nil && v < refused {
			v, detail = named, err.Error()
		}
	}()
	opened, err := vault.Open(ctx, s, seal.FileKeys{Path: key})
	if err != nil {
		return nil, refused, err.Error()
	}
	got = c.readAll(ctx, opened)
	if want == nil {
		return got, harmless, ""
	}
	v, detail = judge(got, want)
	return got, v, detail
}

// sick is the directory of one series of wounds: pristine files, the key, and a copy to damage.
type sick struct {
	dir    string
	Census census
}

func (k sick) pristine() string { return filepath.Join(k.dir, "vault") }
func (k sick) key() string      { return filepath.Join(k.dir, "key") }

// openDamaged is the child: it takes wounds from its input and prints outcomes.
func openDamaged(dir string) error {
	k := sick{dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, "census"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &k.Census); err != nil {
		return err
	}
	im, err := readImage(k.pristine())
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(dir, "work")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	work = filepath.Join(work, "vault")
	if err := im.write(work); err != nil {
		return err
	}
	want, v, detail := k.Census.examine(work, k.key(), nil)
	if v != harmless {
		return fmt.Errorf("the vault without a wound: %s", detail)
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var w wound
		if err := in.Decode(&w); err != nil {
			return nil // no more of them
		}
		if err := errors.Join(im.write(work), w.inflict(work)); err != nil {
			return err
		}
		_, v, detail := k.Census.examine(work, k.key(), want)
		if err := out.Encode(outcome{w, v, detail}); err != nil {
			return err
		}
	}
}

// patience is how long a damaged vault may take.
const patience = 10 * time.Second

// child runs wounds in another process until it ends, and returns the outcomes. The last of them
// tells how the process died, if it did.
func (k sick) child(t *testing.T, wounds []wound) []outcome {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), damageDir+"="+k.dir, "GOTRACEBACK=single")
	var stdin, stderr bytes.Buffer
	enc := json.NewEncoder(&stdin)
	for _, w := range wounds {
		if err := enc.Encode(w); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Stdin, cmd.Stderr = &stdin, &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := false
	watchdog := time.AfterFunc(patience, func() { late = true; cmd.Process.Kill() })
	defer watchdog.Stop()
	var out []outcome
	for lines := bufio.NewReader(stdout); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		out = append(out, o)
		watchdog.Reset(patience)
	}
	err = cmd.Wait()
	switch {
	case len(out) == len(wounds):
	case late:
		out = append(out, outcome{wounds[len(out)], hung, "more than 10 s"})
	default:
		text := stderr.String()
		out = append(out, outcome{wounds[len(out)], died, fmt.Sprintf("%v: %.600s", err, text)})
	}
	return out
}

// perChild is how many wounds one process gets: what a refused open leaves behind adds up.
const perChild = 500

// run does all wounds, in two processes at a time.
func (k sick) run(t *testing.T, wounds []wound) []outcome {
	t.Helper()
	var mu sync.Mutex
	var all []outcome
	var wg sync.WaitGroup
	next := make(chan []wound)
	for range 2 {
		wg.Go(func() {
			for ws := range next {
				for len(ws) > 0 {
					got := k.child(t, ws)
					ws = ws[len(got):]
					mu.Lock()
					all = append(all, got...)
					mu.Unlock()
				}
			}
		})
	}
	for ws := range slices.Chunk(wounds, perChild) {
		next <- ws
	}
	close(next)
	wg.Wait()
	return all
}
