package connectors

// Limits are what the provider allows beside how often tokens may be refreshed, for which there is
// [Refresh].Limit. They change nothing that is done: people are told.
type Limits struct {
	// RefreshTokens is how many refresh tokens one user of the provider may have for one OAuth client. A further
	// one ends the oldest. Zero means that no limit is known.
	RefreshTokens int `yaml:"refresh_tokens,omitempty"`
	// Accounts is how many accounts an OAuth client may have that the provider has not reviewed. Zero means that
	// no limit is known.
	Accounts int `yaml:"accounts,omitempty"`
}

func (v *validator) limits() {
	l := v.c.Limits
	if l == nil {
		return
	}
	switch {
	case l.RefreshTokens < 0:
		v.fail("limits.refresh_tokens", "must be a number above 0")
	case l.Accounts < 0:
		v.fail("limits.accounts", "must be a number above 0")
	case l.RefreshTokens == 0 && l.Accounts == 0:
		v.fail("limits", "must have refresh_tokens or accounts")
	case l.RefreshTokens > 0 && (v.c.Refresh.None || v.c.RefreshesWith() != RefreshWithToken):
		v.fail("limits.refresh_tokens", "has no use: there are no refresh tokens")
	}
}
