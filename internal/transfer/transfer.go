// Package transfer reads and writes the files by which accounts move between installations and
// from other products. It touches no store and no network.
//
// [NewWriter] writes Claviger's own export, which is always encrypted, and [NewReader] reads it.
// [ReadNango], [ReadComposio] and [ReadCSV] read what other products give out; [Sniff] tells which
// of them a file needs. All of them give out an [Item] at a time and keep no more than one in
// memory. No error and no [Problem] holds a secret.
//
// docs/reference/export-format.md describes the formats for other implementations.
package transfer

import (
	"errors"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Errors of reading an export.
var (
	// ErrWrongKey: none of the identities opens the file.
	ErrWrongKey = errors.New("the key does not fit")
	// ErrDamaged: the file was changed after it was written, or its end is missing.
	ErrDamaged = errors.New("the export is damaged or incomplete")
)

// Header is what an export says about itself.
type Header struct {
	// Project is the project that the export was made of.
	Project   string
	CreatedAt time.Time
}

// Connection is a connection as it is moved. It has no ID: accounts name it by its name.
type Connection struct {
	Name      string
	Connector string
	// Way is the ID of one of the connector's ways; empty is the standard one.
	Way      string
	Origin   vault.Origin
	ClientID string
	// ClientSecret is empty for public clients and for connections of [vault.OriginConfig].
	ClientSecret vault.Secret
	// FurtherSecrets are other secrets of the same client, and EarlierClients those before. They are empty for
	// connections of [vault.OriginConfig].
	FurtherSecrets []vault.Secret
	EarlierClients []vault.OAuthClient
	Scopes         []string
	Params         map[string]string
	// SecretParams are empty for connections of [vault.OriginConfig].
	SecretParams vault.Secrets
}

// Account is a connected account as it is moved.
type Account struct {
	// ID is empty for accounts of other products.
	ID vault.AccountID
	// Connection is the connection's name.
	Connection string
	// Connector is empty for accounts of other products.
	Connector  string
	Identifier string
	Status     vault.Status
	Reason     string
	Identity   vault.Identity
	// RequestedScopes and GrantedScopes are as in [vault.ConnectedAccount]: nil means unknown.
	RequestedScopes []string
	GrantedScopes   []string
	CreatedAt       time.Time
	ConnectedAt     time.Time
	RefreshedAt     time.Time
	vault.AppData
	// Grant is nil when the account has none. Its AccountID and Generation are not moved. A grant
	// of another product lacks ObtainedAt, Expires or ClientID where the product does not say; its
	// Inputs and Captured have what may be an input of the connector, or captured by it.
	Grant *vault.Grant
}

// Item is one thing that a file holds. Exactly one of its members is set.
type Item struct {
	Connection *Connection
	Account    *Account
	// Problem stands for an account that cannot be moved. Those after it still can.
	Problem *Problem
}

// Problem says why one account of a file is not moved, and what to do.
type Problem struct {
	// Where names the line or the item, with the account's ID when that is known.
	Where string
	// Text never holds a secret.
	Text string
}

// String returns the problem as one line of text.
func (p Problem) String() string { return p.Where + ": " + p.Text }
