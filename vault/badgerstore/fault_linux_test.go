package badgerstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
)

// faultDir tells the test binary that it is the process whose disk fails, and where it mounts it;
// faultName which fault it is.
const faultDir, faultName = "CLAVIGER_FAULT_DIR", "CLAVIGER_FAULT"

func init() { roles[faultDir] = runFault }

// faults run in a process that has its own mounts, where dir is an empty file system of 384 MiB.
var faults = map[string]func(dir string) error{
	"V-09 full":              fullDisk,
	"V-09 full at the start": fullAtStart,
	"V-15 read-only later":   readOnlyLater,
	"V-15 read-only at once": readOnlyAtStart,
	"V-15 moved away":        movedAway,
	"V-15 files removed":     filesRemoved,
}

// V-09, V-15: with a disk that fails, writes and Ping are errors, reads go on, what was
// acknowledged stays, and all is well when the disk is.
func TestV09V15Faults(t *testing.T) {
	for name := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), faultDir+"="+t.TempDir(), faultName+"="+name)
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatalf("%v; this test needs user namespaces: sysctl user.max_user_namespaces and "+
					"kernel.apparmor_restrict_unprivileged_userns, or docker run --privileged", err)
			}
			hung := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
			defer hung.Stop()
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %.2000s", err, stderr.String())
			}
		})
	}
}

func runFault(root string) error {
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=384m,mode=700"); err != nil {
		return fmt.Errorf("mounting: %w", err)
	}
	return faults[os.Getenv(faultName)](root)
}

// filled takes all space of the file system that dir is in.
func filled(dir string) (path string, err error) {
	path = filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	size, pause := int64(0), time.NewTicker(5*time.Millisecond) // 200 MB in a second
	defer pause.Stop()
	for piece := int64(1 << 20); piece >= 4096; {
		<-pause.C
		err := syscall.Fallocate(int(f.Fd()), 0, size, piece)
		switch {
		case err == nil:
			size += piece
		case errors.Is(err, syscall.ENOSPC):
			piece /= 2
		default:
			return "", err
		}
	}
	return path, nil
}

// load writes records until a write fails, and remembers what was acknowledged.
type load struct {
	s    *badgerstore.Store
	mu   sync.Mutex
	done map[string]int // size of each record
}

func (l *load) put(id string, size int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := l.s.Apply(ctx, vault.Change{Record: vault.Record{
		Key: vault.Key{Kind: "thing", ID: id}, Sealed: bytes.Repeat([]byte{7}, size),
	}})
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.done[id] = size
	}
	return err
}

// run writes records in four goroutines until each has had an error, which it returns.
func (l *load) run(prefix string, most int) error {
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for w := range errs {
		wg.Go(func() {
			pause := time.NewTicker(2 * time.Millisecond) // 40 MB in a second
			defer pause.Stop()
			for i := 0; i < most && errs[w] == nil; i++ {
				<-pause.C
				errs[w] = l.put(fmt.Sprint(prefix, w, "-", i), 20_000)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// check reads everything that was acknowledged.
func (l *load) check() error {
	for id, size := range l.done {
		r, err := l.s.Get(context.Background(), vault.Key{Kind: "thing", ID: id})
		if err != nil || len(r.Sealed) != size {
			return fmt.Errorf("%s has %d bytes, want %d: %w", id, len(r.Sealed), size, err)
		}
	}
	return nil
}

func opened(dir string) (*load, error) {
	s, err := badgerstore.Open(badgerstore.Options{Dir: filepath.Join(dir, "vault")})
	return &load{s: s, done: map[string]int{}}, err
}

func ping(s *badgerstore.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Ping(ctx)
}

// wantFault tells whether writes and Ping fail with the text, and reads go on.
func (l *load) wantFault(text string) error {
	for range 3 {
		if err := l.put("refused", 10); err == nil || !strings.Contains(err.Error(), text) {
			return fmt.Errorf("write: got error %v, want %q", err, text)
		}
		if err := ping(l.s); err == nil || !strings.Contains(err.Error(), text) {
			return fmt.Errorf("ping: got error %v, want %q", err, text)
		}
	}
	return l.check()
}

// wantWell tells whether everything works again, now and after a restart.
func (l *load) wantWell(dir string) error {
	if err := ping(l.s); err != nil {
		return fmt.Errorf("ping of a disk that is well again: %w", err)
	}
	if err := l.run("after", 50); err != nil {
		return fmt.Errorf("write to a disk that is well again: %w", err)
	}
	if err := errors.Join(l.check(), l.s.Close()); err != nil {
		return err
	}
	again, err := opened(dir)
	if err != nil {
		return err
	}
	l.s = again.s
	return errors.Join(l.check(), l.s.Close())
}

func fullDisk(dir string) error {
	l, err := opened(dir)
	if err != nil {
		return err
	}
	for round := range 2 {
		var filler string
		var fillErr error
		var wg sync.WaitGroup
		wg.Go(func() { filler, fillErr = filled(dir) })
		err := l.run(fmt.Sprint("round", round, "-"), 1<<20)
		wg.Wait()
		if fillErr != nil || !errors.Is(err, vault.ErrFull) {
			return fmt.Errorf("got error %w, want ErrFull; filling: %w", err, fillErr)
		}
		if err := l.wantFault("make room"); err != nil {
			return err
		}
		if err := os.Remove(filler); err != nil {
			return err
		}
		if err := ping(l.s); err != nil {
			return fmt.Errorf("round %d, ping with room again: %w", round, err)
		}
	}
	return l.wantWell(dir)
}

// fullAtStart neither opens nor closes a vault without room, and loses nothing.
func fullAtStart(dir string) error {
	l, err := opened(dir)
	if err != nil {
		return err
	}
	if err := l.run("before", 20); err != nil {
		return err
	}
	filler, err := filled(dir)
	if err != nil {
		return err
	}
	if err := l.s.Close(); !errors.Is(err, vault.ErrFull) || !strings.Contains(err.Error(), "nothing is lost") {
		return fmt.Errorf("close: got error %w, want ErrFull", err)
	}
	killed, err := readImage(filepath.Join(dir, "vault")) // the lock of the open one ends with its process
	if err != nil {
		return err
	}
	if _, err := badgerstore.Open(badgerstore.Options{Dir: filepath.Join(dir, "new")}); !errors.Is(err, vault.ErrFull) {
		return fmt.Errorf("open: got error %w, want ErrFull", err)
	}
	if err := errors.Join(os.Remove(filler), os.Mkdir(filepath.Join(dir, "copy"), 0o700)); err != nil {
		return err
	}
	copied := filepath.Join(dir, "copy")
	if err := killed.write(filepath.Join(copied, "vault")); err != nil {
		return err
	}
	again, err := opened(copied)
	if err != nil {
		return err
	}
	l.s = again.s
	return l.wantWell(copied)
}

// readOnly puts a read-only view of the directory over it, so that files which are open stay
// writable and no others can be made.
func readOnly(dir string) error {
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	return syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
}

func readOnlyLater(dir string) error {
	l, err := opened(dir)
	if err != nil {
		return err
	}
	// So much that the next writes need new files soon.
	if err := l.run("before", 90); err != nil {
		return err
	}
	path := filepath.Join(dir, "vault")
	if err := readOnly(path); err != nil {
		return err
	}
	if err := l.wantFault("mount it read-write"); err != nil {
		return err
	}
	if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
		return err
	}
	return l.wantWell(dir)
}

func readOnlyAtStart(dir string) error {
	l, err := opened(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(l.run("before", 20), l.s.Close()); err != nil {
		return err
	}
	path := filepath.Join(dir, "vault")
	if err := readOnly(path); err != nil {
		return err
	}
	_, err = badgerstore.Open(badgerstore.Options{Dir: path})
	if err == nil || !strings.Contains(err.Error(), "mount it read-write") || !strings.Contains(err.Error(), path) {
		return fmt.Errorf("got error %w, want one that says read-only", err)
	}
	if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
		return err
	}
	again, err := opened(dir)
	if err != nil {
		return err
	}
	l.s = again.s
	return l.wantWell(dir)
}

func movedAway(dir string) error {
	l, err := opened(dir)
	if err != nil {
		return err
	}
	if err := l.run("before", 20); err != nil {
		return err
	}
	path := filepath.Join(dir, "vault")
	if err := errors.Join(os.Rename(path, path+".away"), os.Mkdir(path, 0o700)); err != nil {
		return err
	}
	if err := l.wantFault("put them back"); err != nil {
		return err
	}
	if err := errors.Join(os.Remove(path), os.Rename(path+".away", path)); err != nil {
		return err
	}
	return l.wantWell(dir)
}

func filesRemoved(dir string) error {
	l, err := opened(dir)
	if err != nil {
		return err
	}
	if err := l.run("before", 200); err != nil {
		return err
	}
	path := filepath.Join(dir, "vault")
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := l.wantFault("put them back"); err != nil {
		return err
	}
	if err := l.s.Close(); err == nil || !strings.Contains(err.Error(), "put them back") {
		return fmt.Errorf("close: got error %w, want one that says that the files are gone", err)
	}
	return nil
}
