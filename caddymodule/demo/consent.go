package demo

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// actor is the provider's user that the demo plays.
const actor = "alice"

func (d *demo) introduce(context.Context) error {
	d.out.line(d.out.paint(bold, "Claviger demo") + ": everything runs on this machine, and nothing is kept.")
	d.out.line("")
	d.out.say("Postbox    %s   a provider: an OAuth server with a small mailbox", d.provider.URL())
	d.out.say("Claviger   %s   where your app sends its requests", d.proxy)
	return nil
}

// connect makes a link and waits for the user.
func (d *demo) connect(ctx context.Context) error {
	d.heading("Your app wants to read the mail of its user %q", identifier)
	link, err := d.admin.CreateLink(ctx, client.NewLink{Connection: connection, Identifier: identifier})
	if err != nil {
		return fmt.Errorf("making an authorization link: %w", err)
	}
	d.links = append(d.links, path.Base(link.URL))
	d.out.say("It asks Claviger for a link (`claviger connect %s %s`) and sends the user there:", connection, identifier)
	d.out.line("")
	d.out.show("%s", link.URL)
	d.out.line("")
	if !d.ask {
		return d.play(ctx, link.URL)
	}
	d.out.say("Open it in a browser, sign in at Postbox as %s with the password demo, and allow access.", actor)
	d.out.say("Or press Enter, and the demo does it for you.")
	pressed := enter()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-pressed:
			return d.play(ctx, link.URL)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if a, err := d.admin.Account(ctx, link.ConnectedAccountID); err == nil && a.Status == client.StatusActive {
				return nil
			}
			if time.Now().After(link.ExpiresAt) {
				return fmt.Errorf("the link has ended and nobody has consented")
			}
		}
	}
}

// play is the user with a browser: the link's button, the provider's login and consent.
func (d *demo) play(_ context.Context, link string) error {
	user := actor
	if d.user != "" {
		user = d.user
	}
	d.out.note("The demo plays the user: presses the button, signs in at Postbox as %s, allows access.", user)
	page, err := fakeprovider.NewBrowser().Consent(link, user, true)
	if err != nil {
		return fmt.Errorf("consenting: %w", err)
	}
	if page.Status != http.StatusOK {
		return fmt.Errorf("consenting: the last page has status %d", page.Status)
	}
	return nil
}

// showAccount checks that the account is there, and shows what is known about it.
func (d *demo) showAccount(ctx context.Context) error {
	a, err := d.admin.FindAccount(ctx, connection, identifier)
	if err != nil {
		return fmt.Errorf("looking for the connected account: %w", err)
	}
	if a.Status != client.StatusActive {
		return fmt.Errorf("the account is %s instead of ACTIVE after the user has consented", a.Status)
	}
	d.account, d.user = a.ID, a.Identity.ID
	d.heading("The account is ACTIVE")
	d.out.say("account    %s, also called %s/%s", a.ID, a.Connection, a.Identifier)
	d.out.say("who        %s <%s> at Postbox", a.Identity.Name, a.Identity.Email)
	d.out.say("scopes     %s", strings.Join(a.GrantedScopes, " "))
	d.out.say("token      in the vault, encrypted; it expires in %.0f s and is refreshed before",
		max(0, time.Until(a.TokenExpiresAt).Seconds()))
	return nil
}

// reconnect lets the user consent again and checks that the account has kept its ID.
func (d *demo) reconnect(ctx context.Context) error {
	d.heading("The user opens the reconnect link")
	link := d.links[len(d.links)-1]
	if err := d.play(ctx, strings.TrimSuffix(d.callback, "callback")+"link/"+link); err != nil {
		return err
	}
	a, err := d.admin.FindAccount(ctx, connection, identifier)
	if err != nil {
		return fmt.Errorf("looking for the connected account: %w", err)
	}
	if a.Status != client.StatusActive || a.ID != d.account {
		return fmt.Errorf("after the user has consented again the account is %s with ID %s, instead of ACTIVE with ID %s", a.Status, a.ID, d.account)
	}
	got, err := d.fetch(ctx, mailPath)
	if err != nil {
		return err
	}
	if _, err := got.mail(); err != nil {
		return err
	}
	d.out.checked("the account is ACTIVE again, with the same ID, and mail can be read")
	return nil
}
