package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// Codes of webhooks.
const (
	CodeWebhookNotFound = "webhook_not_found"
	CodeWebhookExists   = "webhook_exists"
	CodeWebhookReadOnly = "webhook_read_only"
	CodeWebhookDisabled = "webhook_disabled"
)

// Reasons why a webhook is disabled, beside those of package webhook.
const (
	// ReasonOperator: somebody has disabled it through the API.
	ReasonOperator = "operator"
	// ReasonNotConfigured: it was written in the configuration, and is no longer.
	ReasonNotConfigured = "not_configured"
)

// WebhookFault says which field of a webhook is not good, and what it must be. Both are empty when it is
// good; a webhook without a secret is, too. Neither has a value of the webhook in it.
func WebhookFault(w vault.Webhook) (field, must string) {
	types := vault.EventTypes()
	unknown := func(t vault.EventType) bool { return !slices.Contains(types, t) }
	switch {
	case !vault.ValidName(w.Name):
		return "name", "must be lower-case letters, digits, - and _, at most 63, and begin with a letter or a digit"
	case vault.CheckWebhookURL(w.URL) != nil:
		return "url", "must be of the form https://host/path, or http on this machine, with neither a user nor a fragment"
	case slices.ContainsFunc(w.Types, unknown):
		return "events", "must be of " + joined(types)
	case w.Secret.IsZero():
		return "", ""
	}
	if _, err := w.Sign("", time.Time{}, nil); err != nil {
		return "secret", "must be whsec_ and 24 to 64 bytes in base64"
	}
	return "", ""
}

func (a *api) listWebhooks(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, pageParams...)
	if err != nil {
		return err
	}
	q, err := pageOf(values)
	if err != nil {
		return err
	}
	got, err := a.Vault.Webhooks(r.Context(), vault.DefaultProject, q)
	if err != nil {
		return stored(err)
	}
	page := client.Page[client.Webhook]{Items: make([]client.Webhook, len(got.Items)), Next: got.Next, Damaged: got.Damaged}
	for i, one := range got.Items {
		page.Items[i] = webhookOf(one)
	}
	return answer(w, http.StatusOK, page)
}

func (a *api) showWebhook(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	one, err := a.webhook(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, webhookOf(one))
}

func (a *api) createWebhook(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.NewWebhook](w, r)
	if err != nil {
		return err
	}
	one := vault.Webhook{Name: in.Name, Origin: vault.OriginAPI, URL: in.URL, Types: typesOf(in.Events), Secret: vault.NewSecret(in.Secret)}
	if field, must := WebhookFault(one); field != "" {
		return badField(field, must)
	}
	secret := cmp.Or(in.Secret, vault.NewWebhookSecret())
	one.Secret = vault.NewSecret(secret)
	err = a.Vault.PutWebhook(r.Context(), &one)
	if errors.Is(err, vault.ErrExists) {
		return refuse(CodeWebhookExists, "there is a webhook "+one.Name+" already", "")
	}
	if err != nil {
		return stored(err)
	}
	w.Header().Set("Location", a.Prefix+"/webhooks/"+one.Name)
	return answer(w, http.StatusCreated, client.WebhookWithSecret{Webhook: webhookOf(one), Secret: secret})
}

func (a *api) deleteWebhook(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	one, err := a.webhook(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	if err := writable(one); err != nil {
		return err
	}
	if err := a.Vault.DeleteWebhook(r.Context(), one.ID); err != nil {
		return stored(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// webhook returns the webhook with that name.
func (a *api) webhook(ctx context.Context, name string) (vault.Webhook, error) {
	one, err := a.Vault.FindWebhook(ctx, vault.DefaultProject, name)
	if errors.Is(err, vault.ErrNotFound) {
		return vault.Webhook{}, refuse(CodeWebhookNotFound, fmt.Sprintf("there is no webhook %.80q", name), "")
	}
	return one, stored(err)
}

// writable refuses a webhook of the configuration, unless it is no longer there.
func writable(w vault.Webhook) error {
	if w.Origin != vault.OriginConfig || w.Disabled && w.DisabledReason == ReasonNotConfigured {
		return nil
	}
	return refuse(CodeWebhookReadOnly, "webhook "+w.Name+" is written in the configuration", "change it there and reload")
}

func typesOf(names []string) []vault.EventType {
	types := make([]vault.EventType, len(names))
	for i, name := range names {
		types[i] = vault.EventType(name)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// webhookOf is w without its secrets.
func webhookOf(w vault.Webhook) client.Webhook {
	out := client.Webhook{
		ID: string(w.ID), Name: w.Name, Origin: string(cmp.Or(w.Origin, vault.OriginAPI)), URL: w.URL,
		Disabled: w.Disabled, DisabledReason: w.DisabledReason, DisabledAt: w.DisabledAt.UTC(),
		FailingSince: w.FailingSince.UTC(), LastDeliveredAt: w.LastDeliveredAt.UTC(), EarlierSecretUntil: w.EarlierUntil.UTC(),
		CreatedAt: w.CreatedAt.UTC(), UpdatedAt: w.UpdatedAt.UTC(),
	}
	for _, t := range w.Types {
		out.Events = append(out.Events, string(t))
	}
	return out
}
