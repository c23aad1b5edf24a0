package cli

import (
	"context"
	"fmt"

	"github.com/claviger-proxy/claviger/client"
)

// maxCounted bounds how many accounts doctor looks at.
const maxCounted = 2000

// checkLimits tells where one user of a provider has more accounts than the provider keeps refresh tokens for.
// Where there are very many accounts, not all are looked at.
func (d *doctor) checkLimits(ctx context.Context) {
	if d.server == nil || !d.ready {
		return
	}
	counted, limits := 0, map[string]*client.Limits{}
	users := map[string]*oneUser{}
	for c, err := range d.server.AllConnections(ctx) {
		if err != nil {
			return // checkConnections has said it
		}
		kind := c.Connector + " " + c.Auth
		if _, known := limits[kind]; !known && c.Broken == "" {
			k, err := d.server.Connector(ctx, c.Connector, c.Auth)
			if err != nil {
				return
			}
			limits[kind] = k.Limits
		}
		if c.Broken != "" || limits[kind] == nil || limits[kind].RefreshTokens == 0 {
			continue
		}
		for a, err := range d.server.AllAccounts(ctx, client.AccountQuery{Connection: c.Name, Status: client.StatusActive}) {
			if counted++; err != nil || counted > maxCounted {
				return
			}
			if a.Identity.ID == "" {
				continue
			}
			who := c.ClientID + " " + a.Identity.ID
			if users[who] == nil {
				users[who] = new(oneUser)
			}
			if users[who].count(a); users[who].accounts == limits[kind].RefreshTokens+1 {
				d.warn("limit of "+c.Connector, users[who].text(limits[kind].RefreshTokens),
					"disconnect those that nobody needs: `"+program()+" accounts list --connection "+c.Name+"` shows them")
			}
		}
	}
}

// oneUser is a user of a provider who has several accounts with one OAuth client.
type oneUser struct {
	accounts int
	first    string
}

func (u *oneUser) count(a client.Account) {
	if u.accounts++; u.accounts == 1 {
		u.first = a.ID
	}
}

func (u *oneUser) text(limit int) string {
	return fmt.Sprintf("more than %d active accounts, such as %s, are of one user with one OAuth client, and the provider keeps %d refresh tokens for them: "+
		"those of the oldest have ended, or will", limit, u.first, limit)
}
