package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// mover sends what is in a file to the server, in batches.
type mover struct {
	*call
	server  *server
	src     *importSource
	replace bool

	dry  bool
	done *moved
	// connections are those that the file has, and whether they have been sent already.
	connections map[string]*fileConnection
	batch       client.Import
	in          map[string]bool // the connections of the batch
	where       []string        // of each account of the batch
	size        int
}

type fileConnection struct {
	client.NewConnection
	sent bool
}

// batchBytes is when a batch is full. A single account has at most a megabyte.
const batchBytes = client.MaxImportBytes / 2

// run goes through the file once. With dry, the server does nothing but check.
func (m *mover) run(ctx context.Context, dry bool) (*moved, error) {
	m.dry, m.done, m.connections = dry, &moved{Accounts: map[string]int{}}, map[string]*fileConnection{}
	m.begin()
	for item, err := range m.src.items() {
		switch {
		case err != nil:
			return nil, err
		case item.Problem != nil:
			m.done.refuse(item.Problem.Where, item.Problem.Text)
			m.done.Accounts[client.ImportRefused]++
		case item.Connection != nil:
			// One of a configuration comes without its secret, and belongs into a configuration again.
			if item.Connection.Origin == vault.OriginAPI {
				m.connections[item.Connection.Name] = &fileConnection{NewConnection: movedConnection(*item.Connection)}
			}
		case item.Account != nil:
			err = m.add(ctx, *item.Account)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.connections)) { // those that no account needs come too
		if m.connections[name].sent {
			continue
		}
		if err := m.need(ctx, name); err != nil {
			return nil, err
		}
	}
	return m.done, m.send(ctx)
}

func (m *mover) begin() {
	m.batch, m.in, m.where, m.size = client.Import{Replace: m.replace, DryRun: m.dry}, map[string]bool{}, nil, 0
}

// add puts an account into the batch, and sends the batch before when it is full.
func (m *mover) add(ctx context.Context, a transfer.Account) error {
	account := movedAccount(a)
	size, err := sizeOf(account)
	if err != nil {
		return err
	}
	if len(m.batch.Accounts) == client.MaxImport || m.size+size > batchBytes {
		if err := m.send(ctx); err != nil {
			return err
		}
	}
	if err := m.need(ctx, a.Connection); err != nil {
		return err
	}
	where := fmt.Sprintf("%s/%s", a.Connection, a.Identifier)
	if a.ID != "" {
		where = fmt.Sprintf("%s (%s)", a.ID, where)
	}
	m.batch.Accounts, m.where, m.size = append(m.batch.Accounts, account), append(m.where, where), m.size+size
	return nil
}

// need puts a connection of the file into the batch.
func (m *mover) need(ctx context.Context, name string) error {
	c := m.connections[name]
	if c == nil || m.in[name] {
		return nil
	}
	size, err := sizeOf(c.NewConnection)
	if err != nil {
		return err
	}
	if len(m.batch.Connections) == client.MaxImport || m.size+size > batchBytes {
		if err := m.send(ctx); err != nil {
			return err
		}
	}
	m.batch.Connections, m.in[name], m.size = append(m.batch.Connections, c.NewConnection), true, m.size+size
	return nil
}

func sizeOf(v any) (int, error) {
	text, err := json.Marshal(v)
	return len(text) + 1, err
}

// send sends the batch and begins another one.
func (m *mover) send(ctx context.Context) error {
	defer m.begin()
	if len(m.batch.Accounts)+len(m.batch.Connections) == 0 {
		return nil
	}
	got, err := m.server.Import(ctx, m.batch)
	if err != nil {
		return m.server.failure(err)
	}
	m.done.RefreshTokens += got.RefreshTokens
	for _, c := range got.Connections {
		from := m.connections[c.Name]
		if from == nil || from.sent {
			continue // an earlier batch has told
		}
		from.sent = true
		switch c.Outcome {
		case client.ImportCreated:
			m.done.Connections = append(m.done.Connections, c.Name)
		case client.ImportRefused:
			m.done.refuse("connection "+c.Name, c.Problem)
		}
	}
	for i, a := range got.Accounts {
		m.done.Accounts[a.Outcome]++
		if a.Outcome == client.ImportRefused && i < len(m.where) {
			m.done.refuse(m.where[i], a.Problem)
		}
	}
	return nil
}
