package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	// exportVersion is the version that is written. Versions 1 to 3 are read too: none has labels and
	// metadata, 1 and 2 no further_secrets and earlier_clients, and 1 no way, secret_params, slots and inputs.
	exportVersion = 4
	// maxLine is the length of a line without its line feed.
	maxLine = 1 << 20
)

// The lines of an export, each one JSON object and a line feed. Members without a value are left
// out; granted_scopes and grant.scopes may be empty lists, which is not the same.
//
//	{"claviger_export":3,"created_at":"2026-05-04T12:00:00Z","project":"default"}
//	{"connection":{"name":"work",…}}
//	{"account":{"id":"ca_…","connection":"work",…,"grant":{…}}}
//	{"end":{"connections":1,"accounts":1}}
type (
	headerLine struct {
		Version   int       `json:"claviger_export"`
		CreatedAt time.Time `json:"created_at"`
		Project   string    `json:"project"`
	}
	connectionLine struct {
		Name           string            `json:"name"`
		Connector      string            `json:"connector"`
		Way            string            `json:"way,omitempty"`
		Origin         vault.Origin      `json:"origin"`
		ClientID       string            `json:"client_id,omitempty"`
		ClientSecret   string            `json:"client_secret,omitempty"`
		FurtherSecrets []string          `json:"further_secrets,omitempty"`
		EarlierClients []clientLine      `json:"earlier_clients,omitempty"`
		Scopes         []string          `json:"scopes,omitempty"`
		Params         map[string]string `json:"params,omitempty"`
		SecretParams   map[string]string `json:"secret_params,omitempty"`
	}
	clientLine struct {
		ClientID string   `json:"client_id"`
		Secrets  []string `json:"secrets,omitempty"`
	}
	accountLine struct {
		ID              vault.AccountID `json:"id"`
		Connection      string          `json:"connection"`
		Connector       string          `json:"connector"`
		Identifier      string          `json:"identifier"`
		Status          vault.Status    `json:"status"`
		Reason          string          `json:"reason,omitempty"`
		Identity        vault.Identity  `json:"identity,omitzero"`
		RequestedScopes []string        `json:"requested_scopes,omitempty"`
		GrantedScopes   []string        `json:"granted_scopes,omitzero"`
		CreatedAt       time.Time       `json:"created_at"`
		ConnectedAt     time.Time       `json:"connected_at,omitzero"`
		RefreshedAt     time.Time       `json:"refreshed_at,omitzero"`
		vault.AppData
		Grant *grantLine `json:"grant,omitempty"`
	}
	grantLine struct {
		AccessToken    string            `json:"access_token,omitempty"`
		RefreshToken   string            `json:"refresh_token,omitempty"`
		IDToken        string            `json:"id_token,omitempty"`
		Scopes         []string          `json:"scopes,omitzero"`
		ObtainedAt     time.Time         `json:"obtained_at,omitzero"`
		Expires        time.Time         `json:"expires,omitzero"`
		RefreshExpires time.Time         `json:"refresh_expires,omitzero"`
		ClientID       string            `json:"client_id,omitempty"`
		RedirectURI    string            `json:"redirect_uri,omitempty"`
		Captured       map[string]string `json:"captured,omitempty"`
		Slots          map[string]string `json:"slots,omitempty"`
		Inputs         map[string]string `json:"inputs,omitempty"`
	}
	endLine struct {
		Connections int `json:"connections"`
		Accounts    int `json:"accounts"`
	}
)

// WriteOptions says what kind of export a [Writer] writes.
type WriteOptions struct {
	Header
	// Armor writes text instead of bytes, a third longer.
	Armor bool
}

// Writer writes an export. A file is complete only when Close has returned nil; one that is left
// before that is refused by a [Reader]. It is not safe for concurrent use.
type Writer struct {
	sealed  io.WriteCloser
	armor   io.WriteCloser // nil without armor
	line    bytes.Buffer
	names   map[string]bool
	written endLine
	closed  bool
	err     error // of the file; what comes after it would have a gap before it
}

// NewWriter begins an export that the recipients can open; there must be at least one.
// o.Project "" is [vault.DefaultProject]; o.CreatedAt must be set.
func NewWriter(w io.Writer, o WriteOptions, to ...Recipient) (*Writer, error) {
	if o.Project == "" {
		o.Project = vault.DefaultProject
	}
	switch {
	case !vault.ValidName(o.Project):
		return nil, errors.New("the project " + wantName)
	case o.CreatedAt.IsZero():
		return nil, errors.New("the export needs the time of its creation")
	}
	if err := checkRecipients(to); err != nil {
		return nil, err
	}
	wr := &Writer{names: map[string]bool{}}
	if o.Armor {
		wr.armor = armor.NewWriter(w)
		w = wr.armor
	}
	keys := make([]age.Recipient, len(to))
	for i, r := range to {
		keys[i] = r.to
	}
	var err error
	if wr.sealed, err = age.Encrypt(w, keys...); err != nil {
		return nil, fmt.Errorf("beginning the export: %w", err)
	}
	if err := wr.put(headerLine{exportVersion, o.CreatedAt.UTC(), o.Project}); err != nil {
		return nil, err
	}
	return wr, nil
}

// Connection writes one connection. It comes before its accounts, and once.
func (w *Writer) Connection(c Connection) error {
	m := c.check()
	secret, params := c.ClientSecret.Reveal(), c.SecretParams.Reveal()
	if m == nil && !validSecret(secret) {
		m = &mistake{"client_secret", wantSecret}
	}
	further, bad := plainSecrets("further_secrets", c.FurtherSecrets)
	if m == nil {
		m = bad
	}
	earlier, bad := clientLines(c.EarlierClients)
	if m == nil {
		m = bad
	}
	if m == nil {
		m = checkNamed("secret_params", params, validValue, wantValue)
	}
	if m == nil && w.names[c.Name] {
		m = &mistake{"name", "the export has a connection of this name already"}
	}
	if m != nil {
		return fmt.Errorf("connection %.80q: %w", c.Name, m)
	}
	err := w.put(map[string]any{"connection": connectionLine{
		Name: c.Name, Connector: c.Connector, Way: c.Way, Origin: c.Origin, ClientID: c.ClientID,
		ClientSecret: secret, FurtherSecrets: further, EarlierClients: earlier,
		Scopes: c.Scopes, Params: c.Params, SecretParams: params,
	}})
	if err != nil {
		return fmt.Errorf("connection %s: %w", c.Name, err)
	}
	w.names[c.Name] = true
	w.written.Connections++
	return nil
}

func clientLines(clients []vault.OAuthClient) ([]clientLine, *mistake) {
	var lines []clientLine
	for _, c := range clients {
		secrets, m := plainSecrets("earlier_clients", c.Secrets)
		if m != nil {
			return nil, m
		}
		lines = append(lines, clientLine{c.ID, secrets})
	}
	return lines, nil
}

// plainSecrets are client secrets as they are written in the member of that name.
func plainSecrets(member string, secrets []vault.Secret) ([]string, *mistake) {
	var texts []string
	for _, s := range secrets {
		if s.IsZero() || !validSecret(s.Reveal()) {
			return nil, &mistake{member, wantSecret}
		}
		texts = append(texts, s.Reveal())
	}
	return texts, nil
}

// Account writes one account; a grant that has nothing to be moved counts as none. When it is refused
// because of what is in it, the export can go on without it.
func (w *Writer) Account(a Account) error {
	if a.Grant != nil && empty(a.Grant) {
		a.Grant = nil
	}
	m := a.check()
	var g *grantLine
	if a.Grant != nil && m == nil {
		g, m = newGrantLine(*a.Grant)
	}
	if m == nil && !w.names[a.Connection] {
		m = &mistake{"connection", "the export does not have this connection yet"}
	}
	if m != nil {
		return fmt.Errorf("account %.80q: %w", a.ID, m)
	}
	err := w.put(map[string]any{"account": accountLine{
		ID: a.ID, Connection: a.Connection, Connector: a.Connector, Identifier: a.Identifier,
		Status: a.Status, Reason: a.Reason, Identity: a.Identity,
		RequestedScopes: a.RequestedScopes, GrantedScopes: a.GrantedScopes,
		CreatedAt: a.CreatedAt.UTC(), ConnectedAt: a.ConnectedAt.UTC(), RefreshedAt: a.RefreshedAt.UTC(), AppData: a.AppData, Grant: g,
	}})
	if err != nil {
		return fmt.Errorf("account %s: %w", a.ID, err)
	}
	w.written.Accounts++
	return nil
}

func newGrantLine(g vault.Grant) (*grantLine, *mistake) {
	l := &grantLine{
		AccessToken: g.Access.Reveal(), RefreshToken: g.Refresh.Reveal(), IDToken: g.IDToken.Reveal(),
		Scopes: g.Scopes, ObtainedAt: g.ObtainedAt.UTC(), Expires: g.Expires.UTC(),
		RefreshExpires: g.RefreshExpires.UTC(), ClientID: g.ClientID, RedirectURI: g.RedirectURI, Captured: g.Captured,
		Slots: g.Slots.Reveal(), Inputs: g.Inputs.Reveal(),
	}
	switch {
	case !validToken(l.AccessToken):
		return nil, &mistake{"grant.access_token", wantToken}
	case !validToken(l.RefreshToken):
		return nil, &mistake{"grant.refresh_token", wantToken}
	case !validToken(l.IDToken):
		return nil, &mistake{"grant.id_token", wantToken}
	}
	m := checkNamed("grant.slots", l.Slots, validToken, wantToken)
	if m == nil {
		m = checkNamed("grant.inputs", l.Inputs, validValue, wantValue)
	}
	return l, m
}

// Close writes the last line, without which the export is not complete. It does not close the
// file.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	if err := w.put(map[string]any{"end": w.written}); err != nil {
		return err
	}
	w.closed = true
	w.err = w.sealed.Close()
	if w.armor != nil {
		w.err = errors.Join(w.err, w.armor.Close())
	}
	if w.err != nil {
		w.err = fmt.Errorf("finishing the export: %w", w.err)
	}
	return w.err
}

func (w *Writer) put(v any) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return errors.New("the export is closed")
	}
	w.line.Reset()
	e := json.NewEncoder(&w.line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return errors.New("a time is outside of the years 1 to 9999")
	}
	if w.line.Len() > maxLine+1 {
		return errors.New("longer than the 1 MiB that a line of an export may have")
	}
	if _, err := w.sealed.Write(w.line.Bytes()); err != nil {
		w.err = fmt.Errorf("writing the export: %w", err)
	}
	return w.err
}
