package broker

import (
	"github.com/claviger-proxy/claviger/vault"
)

// unsaved is a refreshed grant that is in memory only, and the flight that saves it.
type unsaved struct {
	grant vault.Grant
	save  func() (*entry, error)
}

// again starts the flight that tries to save a grant, if it is unsaved still.
func (s *Shared) again(id vault.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.unsaved[id]; ok {
		s.start(id, u.save)
	}
}

// Unsaved counts accounts whose newest token is only in memory because the vault does not take it.
func (s *Shared) Unsaved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.unsaved)
}

// keepUnsaved keeps a grant in memory, and the flight that tries to save it again. It tells whether
// the grant was not known to be unsaved before.
func (s *Shared) keepUnsaved(g vault.Grant, save func() (*entry, error)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.unsaved[g.AccountID].grant.Generation == g.Generation
	s.unsaved[g.AccountID] = unsaved{g, save}
	return !known
}

func (s *Shared) unsavedGrant(id vault.AccountID) (vault.Grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.unsaved[id]
	return u.grant, ok
}

func (s *Shared) isUnsaved(g vault.Grant) bool {
	u, ok := s.unsavedGrant(g.AccountID)
	return ok && u.Generation == g.Generation
}

// dropUnsaved forgets a grant that has been saved, or is of no use any more.
func (s *Shared) dropUnsaved(g vault.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsaved[g.AccountID].grant.Generation == g.Generation {
		delete(s.unsaved, g.AccountID)
	}
}
