package connection

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Gone is a client that was registered for a connection which has been removed.
type Gone struct {
	ClientID string
	// Deleted tells that the provider has deleted it. Else Reason says why not, in a word; it is empty when nobody
	// has asked.
	Deleted bool
	Reason  string
}

// Remove is [Set.Remove], and has the clients deleted that were registered for the connection, unless they are to be
// kept. What cannot be deleted is told, and is no error.
func (r *Registrar) Remove(ctx context.Context, name string, keep bool) ([]Gone, error) {
	c, err := r.Set.remove(ctx, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTime)
	defer cancel()
	var gone []Gone
	for _, one := range c.Registrations {
		g := Gone{ClientID: one.ClientID}
		if !keep {
			g.Reason = r.unregister(ctx, name, ofRegistration(one))
			g.Deleted = g.Reason == ""
		}
		gone = append(gone, g)
	}
	return gone, nil
}

// ForgetClient is [Set.ForgetClient], and has a client that was registered here deleted at the provider if no account
// needs it. One that is still there is tried again when the connection is removed.
func (r *Registrar) ForgetClient(ctx context.Context, name, id string, force bool) (*Connection, error) {
	live, err := r.Set.ForgetClient(ctx, name, id, force)
	if err != nil || force {
		return live, err
	}
	one, ok := live.Registration(id)
	if !ok || !one.Managed() || r.unregister(ctx, name, ofRegistration(one)) != "" {
		return live, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	return r.Set.Change(ctx, name, func(c *vault.Connection) error {
		c.Registrations = withoutRegistration(c.Registrations, id)
		return nil
	})
}

func withoutRegistration(list []vault.Registration, id string) []vault.Registration {
	var left []vault.Registration
	for _, r := range list {
		if r.ClientID != id {
			left = append(left, r)
		}
	}
	return left
}

func ofRegistration(r vault.Registration) oauth.Registered {
	return oauth.Registered{ClientID: r.ClientID, URI: r.URI, Token: r.Token}
}

// unregister has a client deleted, and says why that was not possible.
func (r *Registrar) unregister(ctx context.Context, name string, known oauth.Registered) (reason string) {
	err := r.OAuth.Unregister(ctx, known)
	if err == nil {
		r.log().Info("an OAuth client was deleted at the provider", zap.String("connection", name), zap.String("client_id", known.ClientID))
		return ""
	}
	reason = oauth.CodeTimeout
	var e *oauth.Error
	if errors.As(err, &e) {
		reason = e.Code
	}
	r.log().Warn("an OAuth client is left at the provider", zap.String("connection", name), zap.String("client_id", known.ClientID), zap.Error(err))
	return reason
}

// unstored is discarded for a client that was to be stored: the vault may have it although it has said otherwise.
func (r *Registrar) unstored(ctx context.Context, name string, known oauth.Registered, err error) error {
	c, e := r.Set.vault.FindConnection(ctx, r.Set.project, name)
	if e == nil && c.ClientID != known.ClientID || errors.Is(e, vault.ErrNotFound) {
		return r.discarded(ctx, name, known, err)
	}
	r.log().Warn("an OAuth client may be in use or not", zap.String("connection", name), zap.String("client_id", known.ClientID), zap.Error(err))
	return err
}

// discarded deletes a client that nobody will use, and adds to err what has become of it.
func (r *Registrar) discarded(ctx context.Context, name string, known oauth.Registered, err error) error {
	note := "the client that was registered has been deleted again"
	if reason := r.unregister(ctx, name, known); reason != "" {
		note = fmt.Sprintf("client %.80q is left at the provider, and of no use (%s)", known.ClientID, reason)
	}
	var e *Error
	if errors.As(err, &e) {
		told := *e
		told.Message += "; " + note
		return &told
	}
	return fmt.Errorf("%w; %s", err, note)
}

// refusals say what is wrong with an answer of the provider.
var refusals = map[string]string{
	oauth.CodeNoEndpoint:     "the metadata of the authorization server names no registration endpoint",
	oauth.CodeBadMetadata:    "what is at the URL of the authorization server's metadata is none",
	oauth.CodeWrongIssuer:    "the metadata is that of another issuer than the one whose URL it is at",
	oauth.CodeMetadataHost:   "the metadata names an endpoint at a host that the connector does not name",
	oauth.CodeBadClient:      "the provider's answer has no client that can be used",
	oauth.CodeOtherRedirect:  "the provider has registered other redirect URIs than were asked for",
	oauth.CodeOtherAuth:      "the provider has registered another way to authenticate than the connector declares with token.client_auth",
	oauth.CodeManagementHost: "the registration is managed at a host that the connector does not name",
}

// failed translates an error of a registration.
func (r *Registrar) failed(name string, err error, more string) error {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return err // the caller has gone
	}
	why, ok := refusals[e.Code]
	if !ok {
		why = err.Error()
	}
	return &Error{Code: CodeRegistration, Message: fmt.Sprintf("connection %s: no OAuth client was registered: %s%s", name, why, more)}
}
