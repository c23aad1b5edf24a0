package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Vault is what is known of the vault. None of it is secret.
type Vault struct {
	// Bytes are those of the store's files, Records counts what is in them by kind. Both are empty
	// for a store that cannot tell.
	Bytes   int64          `json:"bytes,omitempty"`
	Records map[string]int `json:"records,omitempty"`
	// KeyEncryptionKey is the ID of the key that the vault's own keys are encrypted by.
	KeyEncryptionKey string `json:"key_encryption_key"`
	// Keys are the vault's own, the primary one first, then from the newest to the oldest.
	Keys []VaultKey `json:"keys"`
	// SealedIdentifiers tells whether identifiers are unreadable in the store.
	SealedIdentifiers bool      `json:"sealed_identifiers"`
	Resealing         Resealing `json:"resealing"`
}

// VaultKey is one of the keys that records are sealed under. The key itself never leaves the server.
type VaultKey struct {
	ID string `json:"id"`
	// Primary tells that records are sealed under it now.
	Primary   bool      `json:"primary"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// PromotedAt is when it became the primary key; zero if it never was.
	PromotedAt time.Time `json:"promoted_at,omitzero"`
}

// Resealing is how far sealing everything anew has come.
type Resealing struct {
	// Needed tells that there may be records to seal anew, or something of earlier ones in the
	// store's files. Nothing else is set when it is false.
	Needed bool `json:"needed"`
	// Paused tells that it was stopped on purpose.
	Paused bool `json:"paused,omitempty"`
	// Key is the key that records are being sealed under.
	Key       string    `json:"key,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	// Seen counts the records of this pass that are done, of Total, which is 0 when the store
	// cannot count. Changed counts those that were sealed anew.
	Seen    int `json:"seen,omitempty"`
	Total   int `json:"total,omitempty"`
	Changed int `json:"changed,omitempty"`
}

// Rekeyed is what came of a change of the key-encryption key.
type Rekeyed struct {
	// Changed is false when the key was the one of the configuration already.
	Changed          bool   `json:"changed"`
	KeyEncryptionKey string `json:"key_encryption_key"`
}

// Compacted is what came of compacting.
type Compacted struct {
	// Compacted is false for a store that has nothing of the kind.
	Compacted bool `json:"compacted"`
}

// Fault is what is wrong with one record of the vault.
type Fault struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Problem string `json:"problem"`
}

// Verification is what came of looking at every record.
type Verification struct {
	// Records counts those that are in order, by kind.
	Records map[string]int `json:"records"`
	// Faults counts what is wrong. Found are the first 1000 of them.
	Faults int     `json:"faults"`
	Found  []Fault `json:"found,omitempty"`
}

// ForgetRequest is what [Client.Forget] sends.
type ForgetRequest struct {
	// Identifier is the app's name for its user.
	Identifier string `json:"identifier"`
}

// Forgotten is what was deleted of a user.
type Forgotten struct {
	// Accounts are the user's accounts, and whether the provider has ended each grant.
	Accounts []Disconnection `json:"accounts"`
	// Removed are the IDs of the accounts that are gone. It has more than Accounts when one could
	// not be opened, and so not be ended at its provider.
	Removed []string `json:"removed"`
	// Links counts the authorization links that are gone.
	Links int `json:"links"`
	// Erased tells that nothing of it is left in the vault's files.
	Erased bool `json:"erased"`
}

// Vault tells the vault's size and keys.
func (c *Client) Vault(ctx context.Context) (Vault, error) {
	return get[Vault](ctx, c, "/vault", nil)
}

// AddKey adds a key to the vault. Nothing is sealed under it until it is promoted.
func (c *Client) AddKey(ctx context.Context) (VaultKey, error) {
	return call[VaultKey](ctx, c, http.MethodPost, "/vault/keys", nil)
}

// PromoteKey makes a key the primary one and begins to seal everything anew.
func (c *Client) PromoteKey(ctx context.Context, key string) (Vault, error) {
	return call[Vault](ctx, c, http.MethodPost, "/vault/keys/"+url.PathEscape(key)+"/promote", nil)
}

// RetireKey removes a key that nothing is sealed under, for good. It counts all records first, and
// may take as long as ctx allows.
func (c *Client) RetireKey(ctx context.Context, key string) (Vault, error) {
	return call[Vault](ctx, c.patient(), http.MethodPost, "/vault/keys/"+url.PathEscape(key)+"/retire", nil)
}

// RotateKey adds a key, makes it the primary one, and begins to seal everything anew.
func (c *Client) RotateKey(ctx context.Context) (Vault, error) {
	return call[Vault](ctx, c, http.MethodPost, "/vault/rotate", nil)
}

// Rekey encrypts the vault's keys by the key-encryption key that is the active one of the
// configuration.
func (c *Client) Rekey(ctx context.Context) (Rekeyed, error) {
	return call[Rekeyed](ctx, c, http.MethodPost, "/vault/rekey", nil)
}

// Reseal goes on with sealing everything anew, after a pause too. It does not wait.
func (c *Client) Reseal(ctx context.Context) (Vault, error) {
	return call[Vault](ctx, c, http.MethodPost, "/vault/reseal", nil)
}

// PauseReseal stops sealing everything anew until [Client.Reseal].
func (c *Client) PauseReseal(ctx context.Context) (Vault, error) {
	return call[Vault](ctx, c, http.MethodPost, "/vault/reseal/pause", nil)
}

// Compact removes what is left in the vault's files of everything that was deleted or replaced. It
// may take as long as ctx allows.
func (c *Client) Compact(ctx context.Context) (Compacted, error) {
	return call[Compacted](ctx, c.patient(), http.MethodPost, "/vault/compact", nil)
}

// Verify opens every record of the vault. It may take as long as ctx allows. Faults are no error.
func (c *Client) Verify(ctx context.Context) (Verification, error) {
	return call[Verification](ctx, c.patient(), http.MethodPost, "/vault/verify", nil)
}

// Forget ends every grant of a user at its provider, and deletes all that the vault has of the
// user, at all connections. Nobody of that name is no error. It may take as long as ctx allows.
func (c *Client) Forget(ctx context.Context, identifier string) (Forgotten, error) {
	return call[Forgotten](ctx, c.patient(), http.MethodPost, "/vault/forget", ForgetRequest{identifier})
}
