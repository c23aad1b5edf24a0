package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrDisabled: the webhook is disabled.
var ErrDisabled = errors.New("webhook is disabled")

// Webhook is an endpoint of the app that events of its project are delivered to.
type Webhook struct {
	ID      WebhookID
	Project string
	// Name is unique in its project: lower-case letters, digits, '-' and '_', at most 63.
	Name   string
	Origin Origin
	// URL is as [CheckWebhookURL] wants it. It is sealed, as it may have a secret in it.
	URL string
	// Types are the events it gets. None are all but EventTokenRefreshed and EventTokenFetched, which
	// are frequent and have to be named.
	Types []EventType
	// Secret is what deliveries are signed with: whsec_ and 24 to 64 bytes in base64.
	Secret Secret
	// Earlier is the secret before, which signs too until EarlierUntil.
	Earlier      Secret
	EarlierUntil time.Time
	// Disabled webhooks get nothing. DisabledReason is a code that says why, DisabledAt is since when.
	Disabled       bool
	DisabledReason string
	DisabledAt     time.Time
	// FailingSince is when the first delivery has failed after the last that has not; zero when that
	// one has not.
	FailingSince time.Time
	// LastDeliveredAt is when something was delivered, within an hour or so.
	LastDeliveredAt time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
	// Version is the stored version; 0 for a webhook that is not stored yet.
	Version uint64
}

// webhookMeta is the clear part of a webhook.
type webhookMeta struct {
	ID              WebhookID   `json:"-"`
	Project         string      `json:"project"`
	Name            string      `json:"name"`
	Origin          Origin      `json:"origin"`
	URL             string      `json:"-"`
	Types           []EventType `json:"types,omitempty"`
	Secret          Secret      `json:"-"`
	Earlier         Secret      `json:"-"`
	EarlierUntil    time.Time   `json:"earlier_until,omitzero"`
	Disabled        bool        `json:"disabled,omitempty"`
	DisabledReason  string      `json:"disabled_reason,omitempty"`
	DisabledAt      time.Time   `json:"disabled_at,omitzero"`
	FailingSince    time.Time   `json:"failing_since,omitzero"`
	LastDeliveredAt time.Time   `json:"last_delivered_at,omitzero"`
	CreatedAt       time.Time   `json:"created_at"`
	UpdatedAt       time.Time   `json:"updated_at"`
	Version         uint64      `json:"-"`
}

func (m *webhookMeta) project() string { return m.Project }

// webhookSecrets is the sealed part of a webhook.
type webhookSecrets struct {
	URL     string `json:"url"`
	Secret  string `json:"secret"`
	Earlier string `json:"earlier,omitempty"`
}

// indexWebhookName has project/name, unique.
const indexWebhookName = "webhook.name"

func webhookKey(id WebhookID) Key { return Key{Kind: KindWebhook, ID: string(id)} }

// PutWebhook stores w: a new one when w.Version is 0, else a change of the version that the caller has
// read, or [ErrConflict]. It fills in ID, Project, times and Version. A new webhook without a secret
// gets a random one, and one that is changed keeps what it has; another secret lets the earlier one
// sign for a day. One that is enabled again starts without failures. A name that is taken is
// [ErrExists], a field that is not allowed [ErrInvalid].
func (v *Vault) PutWebhook(ctx context.Context, w *Webhook) error {
	n, now := *w, v.now()
	n.Project, n.UpdatedAt, n.DisabledReason = projectOr(n.Project), now, cut(n.DisabledReason)
	old := Webhook{CreatedAt: now}
	switch {
	case n.Version != 0:
		var err error
		if old, err = v.Webhook(ctx, n.ID); err != nil { // when it is another version, the write is refused
			return err
		}
	case n.ID == "":
		n.ID = NewWebhookID()
	}
	n.follow(old, now)
	if err := checkWebhook(n); err != nil {
		return err
	}
	if err := v.write(ctx, func(r *ring) ([]Change, error) { return one(r.webhook(ctx, n, n.Version+1)) }); err != nil {
		return fmt.Errorf("webhook %s: %w", n.Name, err)
	}
	n.Version++
	v.hooks.put(n)
	*w = n
	return nil
}

// follow fills in what depends on the webhook before.
func (w *Webhook) follow(old Webhook, now time.Time) {
	w.CreatedAt = old.CreatedAt
	w.Earlier, w.EarlierUntil = old.Earlier, old.EarlierUntil
	if !now.Before(w.EarlierUntil) {
		w.Earlier, w.EarlierUntil = Secret{}, time.Time{}
	}
	w.LastDeliveredAt, w.FailingSince = old.LastDeliveredAt, old.FailingSince
	switch {
	case w.Secret.IsZero() && old.Secret.IsZero():
		w.Secret = NewSecret(NewWebhookSecret())
	case w.Secret.IsZero():
		w.Secret = old.Secret
	case !old.Secret.IsZero() && !w.Secret.Equal(old.Secret):
		w.Earlier, w.EarlierUntil = old.Secret, now.Add(earlierSecret)
	}
	switch {
	case !w.Disabled:
		w.DisabledReason, w.DisabledAt = "", time.Time{}
		if old.Disabled {
			w.FailingSince = time.Time{}
		}
	case old.Disabled:
		w.DisabledAt = old.DisabledAt
	default:
		w.DisabledAt = now
	}
}

// Webhook returns one webhook.
func (v *Vault) Webhook(ctx context.Context, id WebhookID) (Webhook, error) {
	k := webhookKey(id)
	r, err := v.store.Get(ctx, k)
	if err != nil {
		return Webhook{}, missing(k, err)
	}
	return v.openWebhook(ctx, r)
}

// FindWebhook returns the webhook with that name in the project.
func (v *Vault) FindWebhook(ctx context.Context, project, name string) (Webhook, error) {
	project = projectOr(project)
	if !ValidName(name) || !ValidName(project) {
		return Webhook{}, fmt.Errorf("webhook %.80q: %w", name, ErrNotFound)
	}
	r, err := v.store.Find(ctx, IndexEntry{Index: indexWebhookName, Value: project + "/" + name, Unique: true})
	if err != nil {
		return Webhook{}, fmt.Errorf("webhook %s: %w", name, err)
	}
	w, err := v.openWebhook(ctx, r)
	if err != nil {
		return Webhook{}, err
	}
	if w.Project != project || w.Name != name {
		return Webhook{}, damaged(r.Key) // the index is not sealed, the record is
	}
	return w, nil
}

// Webhooks lists a project's webhooks in the order of their names.
func (v *Vault) Webhooks(ctx context.Context, project string, page PageQuery) (Page[Webhook], error) {
	w := walk{index: indexWebhookName, prefix: projectOr(project) + "/"}
	return list(ctx, w, w.scan(v.store), page, v.openWebhook, func(h Webhook) bool {
		return h.Project == projectOr(project)
	})
}

// DeleteWebhook removes a webhook and its deliveries.
func (v *Vault) DeleteWebhook(ctx context.Context, id WebhookID) error {
	k := webhookKey(id)
	for range maxAttempts {
		r, err := v.store.Get(ctx, k)
		if err != nil {
			return missing(k, err)
		}
		err = v.store.Apply(ctx, Change{Record: Record{Key: k, Version: r.Version}, Delete: true})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return missing(k, err)
		}
		v.hooks.drop(id)
		if _, err := v.deleteDeliveries(ctx, walk{indexDeliveryWebhook, string(id) + "/"}); err != nil {
			return fmt.Errorf("deliveries of %s: %w", id, err)
		}
		return nil
	}
	return missing(k, ErrConflict)
}

// webhook is the write of w, whose version will be next.
func (r *ring) webhook(ctx context.Context, w Webhook, next uint64) (Change, error) {
	secrets := webhookSecrets{URL: w.URL, Secret: w.Secret.Reveal(), Earlier: w.Earlier.Reveal()}
	ch, err := r.change(ctx, webhookKey(w.ID), w.Version, next, w.Project, webhookMeta(w), secrets)
	if err != nil {
		return Change{}, err
	}
	ch.Indexes = []IndexEntry{{Index: indexWebhookName, Value: w.Project + "/" + w.Name, Unique: true}}
	return ch, nil
}

func (v *Vault) openWebhook(ctx context.Context, r Record) (Webhook, error) {
	var m webhookMeta
	var s webhookSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return Webhook{}, err
	}
	w := Webhook(m)
	w.ID, w.Version, w.URL = WebhookID(r.ID), r.Version, s.URL
	w.Secret, w.Earlier = NewSecret(s.Secret), NewSecret(s.Earlier)
	return w, nil
}

func checkWebhook(w Webhook) error {
	switch {
	case !ValidName(w.Name):
		return fmt.Errorf("webhook name %.80q: %w", w.Name, ErrInvalid)
	case !ValidName(w.Project):
		return fmt.Errorf("project name %.80q: %w", w.Project, ErrInvalid)
	case !IsWebhookID(string(w.ID)):
		return fmt.Errorf("webhook ID %.80q: %w", w.ID, ErrInvalid)
	}
	for _, t := range w.Types {
		if !slices.Contains(eventTypes, t) {
			return fmt.Errorf("event type %.80q: %w", t, ErrInvalid)
		}
	}
	if _, err := webhookKeyBytes(w.Secret); err != nil {
		return err
	}
	return CheckWebhookURL(w.URL)
}
