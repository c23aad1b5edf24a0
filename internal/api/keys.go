package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
)

func keyOf(k vault.KeyFacts) client.VaultKey {
	return client.VaultKey{ID: k.ID, Primary: k.Primary, CreatedAt: k.Created.UTC(), PromotedAt: k.Promoted.UTC()}
}

func (a *api) addKey(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	id, err := a.Vault.AddKey(r.Context())
	if err != nil {
		return stored(err)
	}
	for _, k := range a.Vault.Keyring().Keys {
		if k.ID == id {
			return answer(w, http.StatusCreated, keyOf(k))
		}
	}
	return stored(vault.ErrConflict) // another caller has retired it already
}

func (a *api) promoteKey(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	id := r.PathValue("key")
	if err := a.Vault.PromoteKey(r.Context(), id); err != nil {
		return a.keyProblem(id, err)
	}
	a.startReseal()
	return a.answerVault(w, r)
}

func (a *api) retireKey(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	unhurried(w)
	done, err := inTurn.take(r.Context(), wholeVault)
	if err != nil {
		return err
	}
	defer done()
	id := r.PathValue("key")
	if err := a.Vault.RetireKey(r.Context(), id); err != nil {
		return a.keyProblem(id, err)
	}
	a.startReseal()
	return a.answerVault(w, r)
}

func (a *api) rotateKey(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	id, err := a.Vault.AddKey(r.Context())
	if err != nil {
		return stored(err)
	}
	if err := a.Vault.PromoteKey(r.Context(), id); err != nil {
		return stored(err)
	}
	a.startReseal()
	return a.answerVault(w, r)
}

func (a *api) rekey(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	changed, err := a.Vault.Rewrap(r.Context())
	if err != nil {
		return stored(err)
	}
	a.startReseal()
	return answer(w, http.StatusOK, client.Rekeyed{Changed: changed, KeyEncryptionKey: a.Vault.Keyring().KeyEncryptionKey})
}

func (a *api) resumeReseal(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	if err := a.Vault.ResumeReseal(r.Context()); err != nil {
		return stored(err)
	}
	a.startReseal()
	return a.answerVault(w, r)
}

func (a *api) pauseReseal(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	if err := a.Vault.PauseReseal(r.Context()); err != nil {
		return stored(err)
	}
	return a.answerVault(w, r)
}

// startReseal has records sealed anew where there are any to seal.
func (a *api) startReseal() {
	if a.Reseal != nil && a.Vault.Keyring().Resealing {
		a.Reseal()
	}
}

// keyProblem tells a key that the vault has not got from a key-encryption key that is missing, and
// says what uses a key.
func (a *api) keyProblem(id string, err error) error {
	known := slices.ContainsFunc(a.Vault.Keyring().Keys, func(k vault.KeyFacts) bool { return k.ID == id })
	switch {
	case !known && errors.Is(err, seal.ErrUnknownKey):
		return refuse(CodeKeyUnknown, fmt.Sprintf("the vault has no key %.40q", id), "")
	case errors.Is(err, vault.ErrKeyInUse):
		return refuse(CodeKeyInUse, err.Error(), "")
	}
	return stored(err)
}
