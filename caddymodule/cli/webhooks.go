package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func webhooksCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "webhooks",
		Short: "Lists, adds, changes and removes the endpoints that get events",
		Long: `Works with webhooks. A webhook is an endpoint of your app that is told, by signed requests, what happens
to connected accounts. Those that are written in the configuration are changed there.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(webhooksList(s), webhooksAdd(s), webhooksShow(s), webhooksRemove(s), webhooksEnable(s), webhooksDisable(s),
				webhooksRotate(s), webhooksDeliveries(s), webhooksReplay(s))
			group(c)
		},
	}
}

func webhooksList(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "Lists webhooks"}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		list, err := whole(s.AllWebhooks(ctx))
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, list)
		}
		if len(list) == 0 {
			fmt.Fprintf(call.err, "There are no webhooks. `%s webhooks add NAME URL` makes one.\n", program())
			return nil
		}
		rows := make([][]string, len(list))
		for i, w := range list {
			rows[i] = []string{w.Name, webhookOrigin(w), webhookState(w), webhookEvents(w), clean(w.URL)}
		}
		table(call.out, []string{"WEBHOOK", "FROM", "STATE", "EVENTS", "URL"}, rows)
		return nil
	})
	return c
}

func webhookOrigin(w client.Webhook) string { return origin(client.Connection{Origin: w.Origin}) }

// webhookState is how a webhook does, in a few words.
func webhookState(w client.Webhook) string {
	switch {
	case w.Disabled:
		return "disabled: " + w.DisabledReason
	case !w.FailingSince.IsZero():
		return "failing"
	}
	return "ok"
}

// webhookEvents are the types that a webhook gets.
func webhookEvents(w client.Webhook) string {
	if len(w.Events) == 0 {
		return "all but the frequent ones"
	}
	names := make([]string, len(w.Events))
	for i, t := range w.Events {
		names[i] = strings.TrimPrefix(t, "connected_account.")
	}
	return strings.Join(names, " ")
}

func webhooksShow(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "show NAME", Short: "Shows what is known about a webhook"}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		w, err := s.Webhook(ctx, call.args[0])
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, w)
		}
		now, disabled := time.Now(), ""
		if w.Disabled {
			disabled = moment(w.DisabledAt, now)
		}
		facts(call.out, []fact{
			{"webhook", w.Name},
			{"id", w.ID},
			{"from", webhookOrigin(w)},
			{"URL", clean(w.URL)},
			{"events", webhookEvents(w)},
			{"state", webhookState(w)},
			{"disabled", disabled},
			{"failing since", moment(w.FailingSince, now)},
			{"last delivered", moment(w.LastDeliveredAt, now)},
			{"earlier secret", moment(w.EarlierSecretUntil, now)},
			{"created", moment(w.CreatedAt, now)},
			{"updated", moment(w.UpdatedAt, now)},
		})
		return nil
	})
	return c
}

func webhooksAdd(s *settings) *cobra.Command {
	var types []string
	c := &cobra.Command{
		Use: "add NAME URL", Short: "Adds a webhook, and prints its secret once",
		Long: `Adds a webhook, which gets what happens from then on, and prints the secret that its requests are signed
with. The secret is not shown again; "webhooks rotate-secret" makes another one.

Without --event it gets all events but token_refreshed and token_fetched, which are frequent.`,
		Example: "  claviger webhooks add app https://app.example.com/hooks/claviger\n" +
			"  claviger webhooks add app https://app.example.com/hooks/claviger --event status_updated --event deleted",
	}
	c.Flags().StringArrayVar(&types, "event", nil, "type of event to get, such as connected_account.created or created; may be repeated")
	does(c, s, 2, 2, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		made, err := s.CreateWebhook(ctx, client.NewWebhook{Name: call.args[0], URL: call.args[1], Events: eventTypes(types)})
		if err != nil {
			return s.failure(err)
		}
		return printSecret(call, made, "is ready")
	})
	return c
}

// eventTypes are the types that flags name, with or without their first word.
func eventTypes(flags []string) []string {
	var types []string
	for _, t := range flags {
		if !strings.Contains(t, ".") {
			t = "connected_account." + t
		}
		types = append(types, t)
	}
	return types
}

func webhooksRotate(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "rotate-secret NAME", Short: "Gives a webhook a new secret, and prints it once",
		Long: `Gives a webhook a new random secret. For a day, requests are signed with the one before, too, so that the
receiver can change over without losing any.`,
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		made, err := s.RotateWebhookSecret(ctx, call.args[0])
		if err != nil {
			return s.failure(err)
		}
		return printSecret(call, made, "has a new secret")
	})
	return c
}

// printSecret prints the one answer that has the secret.
func printSecret(c *call, w client.WebhookWithSecret, done string) error {
	if c.json {
		return printJSON(c.out, w)
	}
	fmt.Fprintf(c.out, "Webhook %s %s. This is the secret that its requests are signed with; it is not shown again:\n\n  %s\n\n",
		w.Name, done, w.Secret)
	if !w.EarlierSecretUntil.IsZero() {
		fmt.Fprintf(c.out, "The secret before signs too until %s.\n", moment(w.EarlierSecretUntil, time.Now()))
	}
	fmt.Fprintln(c.out, "Verify each request with a library of Standard Webhooks (https://www.standardwebhooks.com), which takes the secret as\n"+
		"it stands here, the raw body, and the headers webhook-id, webhook-timestamp and webhook-signature.")
	return nil
}

func webhooksRemove(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "remove NAME", Short: "Removes a webhook and what is still to be delivered to it"}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		if err := s.DeleteWebhook(ctx, call.args[0]); err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, map[string]string{"removed": call.args[0]})
		}
		fmt.Fprintf(call.out, "Webhook %s is removed.\n", call.args[0])
		return nil
	})
	return c
}

func webhooksEnable(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "enable NAME", Short: "Lets a disabled webhook get events again",
		Long: `Lets a webhook get events again that was disabled, by hand or because it has failed. What has happened in
the meantime is not sent to it; "claviger events" shows it.`,
	}
	return switches(c, s, (*client.Client).EnableWebhook, "gets events again")
}

func webhooksDisable(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "disable NAME", Short: "Stops a webhook from getting events",
		Long: `Stops a webhook from getting events. What is still to be delivered is given up when it is due, and can be
replayed after "webhooks enable".`,
	}
	return switches(c, s, (*client.Client).DisableWebhook, "gets no more events")
}

func switches(c *cobra.Command, s *settings, do func(*client.Client, context.Context, string) (client.Webhook, error), done string) *cobra.Command {
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		w, err := do(s.Client, ctx, call.args[0])
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, w)
		}
		fmt.Fprintf(call.out, "Webhook %s %s.\n", w.Name, done)
		return nil
	})
	return c
}
