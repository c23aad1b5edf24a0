package api

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func (a *api) showVault(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	return a.answerVault(w, r)
}

// answerVault is what most changes of the vault answer with, too.
func (a *api) answerVault(w http.ResponseWriter, r *http.Request) error {
	ring := a.Vault.Keyring()
	v := client.Vault{
		KeyEncryptionKey: ring.KeyEncryptionKey, SealedIdentifiers: ring.SealedIdentifiers,
		Keys: make([]client.VaultKey, len(ring.Keys)),
	}
	for i, k := range ring.Keys {
		v.Keys[i] = keyOf(k)
	}
	size, _, err := a.Vault.Measure(r.Context())
	if err != nil {
		return stored(err)
	}
	v.Bytes, v.Records = size.Bytes, kinds(size.Records)
	if v.Resealing, err = a.resealing(r.Context()); err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, v)
}

func (a *api) resealing(ctx context.Context) (client.Resealing, error) {
	s, err := a.Vault.ResealState(ctx)
	if err != nil {
		return client.Resealing{}, err
	}
	return client.Resealing{
		Needed: s.Needed, Paused: s.Paused, Key: s.Key, StartedAt: s.Started.UTC(),
		Seen: s.Seen, Total: s.Total, Changed: s.Changed,
	}, nil
}

// kinds counts by kind, without what only the vault itself has to do with.
func kinds(records map[vault.Kind]int) map[string]int {
	if records == nil {
		return nil
	}
	out := map[string]int{}
	for _, k := range []vault.Kind{
		vault.KindConnection, vault.KindApp, vault.KindAccount, vault.KindGrant, vault.KindLink, vault.KindWebhook, vault.KindEvent, vault.KindConnector,
	} {
		out[string(k)] = records[k]
	}
	return out
}

func (a *api) compact(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	unhurried(w)
	done, err := a.Vault.Compact(r.Context())
	if err != nil {
		return stored(err)
	}
	a.Log.Info("the vault was compacted", zap.Bool("compacted", done))
	return answer(w, http.StatusOK, client.Compacted{Compacted: done})
}

// maxFaults bounds what verify answers with.
const maxFaults = 1000

func (a *api) verify(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	unhurried(w)
	done, err := inTurn.take(r.Context(), wholeVault)
	if err != nil {
		return err
	}
	defer done()
	var found []client.Fault
	seen, err := a.Vault.Verify(r.Context(), func(f vault.Fault) {
		if len(found) < maxFaults {
			found = append(found, client.Fault{Kind: string(f.Kind), ID: f.ID, Problem: f.Problem})
		}
	})
	if err != nil {
		return stored(err)
	}
	a.Log.Info("the vault was verified", zap.Int("faults", seen.Faults))
	return answer(w, http.StatusOK, client.Verification{Records: kinds(seen.Records), Faults: seen.Faults, Found: found})
}

// unhurried lets a handler take as long as its caller waits, where the server bounds the time of an
// answer. Caddy's admin endpoint does not, a site may.
func unhurried(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // where none can be set, there is none
}
