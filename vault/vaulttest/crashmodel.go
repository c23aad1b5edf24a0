package vaulttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

// model is what may be in the store, as the journals tell it. What was acknowledged is the only
// thing that may be there; what was under way when a process was killed leaves two.
type model struct {
	accounts [crashSlots][]standing
	links    map[string][]vault.LinkStatus // "" for none
	// tied has the link that was to be used together with the last change of a slot.
	tied    map[int]string
	keys    []keyState // none before the first process has opened the vault
	opened  bool       // by a process, which has made the connections
	pending map[int]event
}

func newModel() *model {
	m := &model{links: map[string][]vault.LinkStatus{}, tied: map[int]string{}, pending: map[int]event{}}
	for i := range m.accounts {
		m.accounts[i] = []standing{{}}
	}
	return m
}

// hear takes a line of the journal. It is an error when a process has seen what may not be.
func (m *model) hear(e event) error {
	if e.Err != "" {
		return fmt.Errorf("%s: %s", e.Op, e.Err)
	}
	if e.Done {
		return m.end(e)
	}
	m.pending[e.N] = e
	for slot, from := range e.From {
		if !slices.Contains(m.accounts[slot], from) {
			return fmt.Errorf("before %s, a process saw %+v in slot %d, want %+v", e.Op, from, slot, m.accounts[slot])
		}
		m.accounts[slot] = []standing{from, e.To[slot]}
		delete(m.tied, slot)
		for token := range e.Links {
			m.tied[slot] = token
		}
	}
	for token, status := range e.Links {
		if e.Op == opLink {
			m.links[token] = []vault.LinkStatus{""}
		}
		m.links[token] = append(m.links[token], status)
	}
	for _, token := range m.linksOf(e.Forgets) {
		m.links[token] = append(m.links[token], "")
	}
	if e.Keys == nil {
		return nil
	}
	if e.Op == opOpen {
		for _, k := range m.keys {
			k.Clear = e.Keys.Clear
			m.keys = append(m.keys, k)
		}
		return nil
	}
	m.keys = append(m.keys, *e.Keys)
	return nil
}

// end takes the line after an operation.
func (m *model) end(e event) error {
	delete(m.pending, e.N)
	for slot, to := range e.To {
		m.accounts[slot] = []standing{to}
		delete(m.tied, slot)
	}
	for token, status := range e.Links {
		m.links[token] = []vault.LinkStatus{status}
	}
	for _, token := range m.linksOf(e.Forgets) {
		m.links[token] = []vault.LinkStatus{""}
	}
	m.opened = m.opened || e.Op == opOpen
	if e.Keys == nil {
		return nil
	}
	return m.sawKeys(*e.Keys)
}

// sawKeys takes what the keys are.
func (m *model) sawKeys(k keyState) error {
	if len(m.keys) > 0 && !slices.ContainsFunc(m.keys, func(may keyState) bool { return may.fits(k) }) {
		return fmt.Errorf("the keys are %+v, want %+v", k, m.keys)
	}
	m.keys = []keyState{k}
	return nil
}

// sawLink takes the status of a link.
func (m *model) sawLink(token string, status vault.LinkStatus) error {
	if !slices.Contains(m.links[token], status) {
		return fmt.Errorf("link %s is %q, want %q", token, status, m.links[token])
	}
	m.links[token] = []vault.LinkStatus{status}
	if status == "" {
		delete(m.links, token)
	}
	return nil
}

// sawAccount takes what is in a slot. link is the status of the link that is tied to it.
func (m *model) sawAccount(slot int, s standing, link vault.LinkStatus) error {
	may := m.accounts[slot]
	if !slices.Contains(may, s) {
		return fmt.Errorf("slot %d has %+v, want %+v", slot, s, may)
	}
	if token, ok := m.tied[slot]; ok && (s == may[1]) != (link == vault.LinkUsed) {
		return fmt.Errorf("slot %d has %+v of %+v, and its link %s is %q", slot, s, may, token, link)
	}
	m.accounts[slot] = []standing{s}
	delete(m.tied, slot)
	return nil
}

func (m *model) linksOf(user string) []string {
	if user == "" {
		return nil
	}
	var tokens []string
	for token := range m.links {
		if strings.HasPrefix(token, linkToken(user)) {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// died forgets what was under way, and returns it.
func (m *model) died() (ops []string) {
	for _, e := range m.pending {
		if e.Op == opOpen && len(m.keys) == 0 {
			e.Op = opCreate
		}
		if !slices.Contains(ops, e.Op) {
			ops = append(ops, e.Op)
		}
	}
	clear(m.pending)
	return ops
}

func (m *model) pendingOps() string { return fmt.Sprintf("%+v", m.pending) }
