package vaulttest

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"sync"

	"github.com/claviger-proxy/claviger/vault"
)

// The kinds of operation that a process is killed in.
const (
	opOpen, opCreate, opLink          = "open", "create", "link"
	opConnect, opReconnect, opRefresh = "connect", "reconnect", "refresh"
	opDisconnect, opDrop, opDelete    = "disconnect", "drop grant", "delete"
	opErase, opAddKey, opPromote      = "erase", "add key", "promote"
	opRetire, opRekey, opIdentifiers  = "retire", "rekey", "identifiers"
	opReseal, opBackup, opCompact     = "re-seal", "backup", "compact"
	opVerify                          = "verify"
)

// crashOps are all kinds; those that write nothing to acknowledge come last.
var crashOps = []string{
	opOpen, opCreate, opLink, opConnect, opReconnect, opRefresh, opDisconnect, opDrop, opDelete, opErase,
	opAddKey, opPromote, opRetire, opRekey, opIdentifiers, opReseal, opBackup, opCompact, opVerify,
}

func acknowledges(op string) bool {
	return slices.Index(crashOps, op) < slices.Index(crashOps, opReseal)
}

const (
	crashUsers       = 15
	crashConnections = 2
	// crashSlots are where accounts can be: each user at each connection.
	crashSlots = crashUsers * crashConnections
)

// standing is what is stored for one user at one connection; zero for no account.
type standing struct {
	ID         vault.AccountID `json:",omitempty"`
	Status     vault.Status    `json:",omitempty"`
	Generation uint64          `json:",omitempty"`
	// Token is the access token, empty when there is no grant.
	Token string `json:",omitempty"`
}

// keyState is what is known of a vault's keys.
type keyState struct {
	KEK     string   `json:",omitempty"`
	Primary string   `json:",omitempty"`
	Keys    []string `json:",omitempty"` // sorted; unknownKey last
	Clear   bool     `json:",omitempty"`
}

// unknownKey is a key that has no ID before it was made.
const unknownKey = "~"

// fits tells whether seen is what k says.
func (k keyState) fits(seen keyState) bool {
	if k.KEK != seen.KEK || k.Primary != seen.Primary || k.Clear != seen.Clear || len(k.Keys) != len(seen.Keys) {
		return false
	}
	for _, id := range k.Keys {
		if id != unknownKey && !slices.Contains(seen.Keys, id) {
			return false
		}
	}
	return true
}

func keyStateOf(k vault.Keyring) keyState {
	s := keyState{KEK: k.KeyEncryptionKey, Clear: !k.SealedIdentifiers}
	for _, f := range k.Keys {
		if f.Primary {
			s.Primary = f.ID
		}
		s.Keys = append(s.Keys, f.ID)
	}
	slices.Sort(s.Keys)
	return s
}

// event is a line of the journal: before an operation, what it begins with and what it will leave;
// after it, what it has left.
type event struct {
	N    int // of the operation, in its process
	Op   string
	Done bool `json:",omitempty"`
	// From and To are by slot.
	From map[int]standing `json:",omitempty"`
	To   map[int]standing `json:",omitempty"`
	// Links has the status that a link will have, by its token; an erase has Forgets instead.
	Links   map[string]vault.LinkStatus `json:",omitempty"`
	Forgets string                      `json:",omitempty"`
	Keys    *keyState                   `json:",omitempty"`
	Err     string                      `json:",omitempty"`
}

// journal is written to the standard output, so that it survives the process.
type journal struct {
	mu sync.Mutex
	n  int
}

// journalLine is what a line of the journal begins with.
const journalLine = "journal "

// do runs one operation between its two lines. What it has left may differ from what e says. An
// error ends the process.
func (j *journal) do(e event, run func(e *event) error) {
	j.mu.Lock()
	j.n++
	e.N = j.n
	j.write(e)
	j.mu.Unlock()
	err := run(&e)
	e.Done, e.From = true, nil
	if err != nil {
		e.Err = err.Error()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.write(e)
	if err != nil {
		os.Exit(1)
	}
}

func (j *journal) write(e event) {
	b, err := json.Marshal(e)
	if err == nil {
		_, err = os.Stdout.Write(slices.Concat([]byte(journalLine), b, []byte("\n")))
	}
	if err != nil { // the parent is gone
		os.Exit(1)
	}
}

// readEvent reads a line, if it is one of a journal and whole.
func readEvent(line []byte) (event, bool) {
	var e event
	text, ok := bytes.CutPrefix(line, []byte(journalLine))
	return e, ok && json.Unmarshal(text, &e) == nil
}
