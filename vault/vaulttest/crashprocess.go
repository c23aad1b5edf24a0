package vaulttest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	// crashPlace tells the test binary that it is the process to kill, and where its store is.
	crashPlace = "CLAVIGER_CRASH_PLACE"
	// crashChoices is the seed of what it does.
	crashChoices = "CLAVIGER_CRASH_SEED"
	// patience is how long an operation may take.
	patience = time.Minute
)

// moment is when a process is killed: some time after so many acknowledgements, or after the line
// that says that it opens the store, or after its start.
type moment struct {
	acknowledged  int
	opening, born bool
	delay         time.Duration
}

func (c *crash) moment() moment {
	n := c.rand.IntN(10)
	early := 3
	if len(c.model.keys) == 0 {
		early = 8
	}
	switch {
	case n == 0:
		return moment{born: true, delay: c.within(15)}
	case n < early:
		return moment{opening: true, delay: c.within(30)}
	}
	return moment{acknowledged: 1 + c.rand.IntN(60), delay: c.within(60)}
}

// within is a random time up to so many milliseconds.
func (c *crash) within(ms int) time.Duration {
	return time.Duration(c.rand.IntN(ms*1000)) * time.Microsecond
}

// command runs the calling test in another process.
func (c *crash) command() *exec.Cmd {
	var pattern []string
	for name := range strings.SplitSeq(c.test, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.run="+strings.Join(pattern, "/"))
	cmd.Env = append(os.Environ(), crashPlace+"="+c.place, fmt.Sprintf("%s=%d", crashChoices, c.rand.Uint64()),
		"GORACE=halt_on_error=1")
	return cmd
}

// strike lets a process work and kills it, and tells the model and the tally what it has said.
func (c *crash) strike(t *testing.T) {
	t.Helper()
	cmd := c.command()
	var stderr, other bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	m := c.moment()
	starting.Lock()
	err = cmd.Start()
	starting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	struck, late := make(chan bool, 1), make(chan bool, 1)
	strike := func() {
		time.AfterFunc(m.delay, func() { struck <- true; cmd.Process.Kill() })
	}
	if m.born {
		strike()
	}
	watchdog := time.AfterFunc(patience, func() { late <- true; cmd.Process.Kill() })
	defer watchdog.Stop()
	acknowledged := 0
	var wrong error
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		e, ok := readEvent(line)
		if !ok {
			other.Write(line)
			continue
		}
		watchdog.Reset(patience)
		if err := c.model.hear(e); err != nil && wrong == nil {
			wrong = err
			cmd.Process.Kill()
		}
		if e.Done && acknowledges(e.Op) {
			acknowledged++
		}
		if m.opening && e.N == 1 && !e.Done || m.acknowledged > 0 && e.Done && acknowledged == m.acknowledged && acknowledges(e.Op) {
			strike()
		}
	}
	err = cmd.Wait()
	switch {
	case wrong != nil:
		c.lost(t, "%v", wrong)
	case len(late) > 0:
		c.lost(t, "the process stands still in %s", c.model.pendingOps())
	case len(struck) == 0:
		c.lost(t, "the process has ended by itself: %v\n%s%.8000s", err, other.Bytes(), stderr.Bytes())
	}
	c.all.kill(acknowledged, c.model.died())
}
