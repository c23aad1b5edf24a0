package api

import (
	"errors"
	"net/http"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// changeAttempts is how often a webhook is read again when the deliverer has noted something on it.
const changeAttempts = 5

func (a *api) changeWebhook(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.WebhookChange](w, r)
	if err != nil {
		return err
	}
	return a.alter(w, r, func(one *vault.Webhook) error {
		if err := writable(*one); err != nil {
			return err
		}
		if in.URL != nil {
			one.URL = *in.URL
		}
		if in.Events != nil {
			one.Types = typesOf(*in.Events)
		}
		if field, must := WebhookFault(*one); field != "" {
			return badField(field, must)
		}
		return nil
	})
}

func (a *api) enableWebhook(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	return a.alter(w, r, func(one *vault.Webhook) error {
		if one.Disabled && one.DisabledReason == ReasonNotConfigured {
			return refuse(CodeWebhookReadOnly, "webhook "+one.Name+" is no longer in the configuration",
				"put it back there and reload, or remove it: `claviger webhooks remove "+one.Name+"`")
		}
		one.Disabled = false // by whom ever: that is no setting of the configuration
		return nil
	})
}

func (a *api) disableWebhook(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	return a.alter(w, r, func(one *vault.Webhook) error {
		if err := writable(*one); err != nil || one.Disabled {
			return err
		}
		one.Disabled, one.DisabledReason = true, ReasonOperator
		return nil
	})
}

// alter changes the webhook that the path names, and answers with it.
func (a *api) alter(w http.ResponseWriter, r *http.Request, change func(*vault.Webhook) error) error {
	one, err := a.altered(r, change)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, webhookOf(one))
}

func (a *api) altered(r *http.Request, change func(*vault.Webhook) error) (vault.Webhook, error) {
	err := vault.ErrConflict
	for n := 0; errors.Is(err, vault.ErrConflict) && n < changeAttempts; n++ {
		one, e := a.webhook(r.Context(), r.PathValue("name"))
		if e != nil {
			return vault.Webhook{}, e
		}
		if e := change(&one); e != nil {
			return vault.Webhook{}, e
		}
		if err = a.Vault.PutWebhook(r.Context(), &one); err == nil {
			return one, nil
		}
	}
	return vault.Webhook{}, stored(err)
}

// rotateWebhookSecret makes the secret itself: what the vault has never comes out of it.
func (a *api) rotateWebhookSecret(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	secret := vault.NewWebhookSecret()
	one, err := a.altered(r, func(one *vault.Webhook) error {
		one.Secret = vault.NewSecret(secret)
		return writable(*one)
	})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, client.WebhookWithSecret{Webhook: webhookOf(one), Secret: secret})
}
