package consent

import (
	"context"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// temporary asks the provider for temporary credentials (RFC 5849 section 2.1), which the link keeps until its
// user comes back, and returns where the browser goes.
func (f *Flow) temporary(ctx context.Context, j *journey, req oauth.AuthorizeRequest) (location string, err error) {
	pair, err := f.oauth.RequestTemporary(ctx, j.connection.App, req)
	if err != nil {
		return "", err
	}
	h, err := heldBy(j.link)
	if err != nil {
		return "", err
	}
	h.Temporary = holdPair(pair.Token, pair.Secret)
	if j.link.Held, err = h.secret(); err != nil {
		return "", err
	}
	return f.oauth.TemporaryURL(j.connection.App, pair, req)
}

// startCode says why a journey could not be started.
func startCode(err error) string {
	if code := exchangeCode(err); code != codeExchangeFailed {
		return code
	}
	return codeProviderRefused
}

// exchangeTemporary turns the temporary credentials and what the user brought back into a token.
func (f *Flow) exchangeTemporary(ctx context.Context, j *journey, r response) (oauth.Token, string) {
	h, err := heldBy(j.link)
	if err != nil || h.Temporary == nil { // the connector was another one when the journey began
		f.log.Error("the link has no temporary credentials", j.fields(zap.Error(err))...)
		return oauth.Token{}, codeConnection
	}
	pair := oauth.Temporary{Token: vault.NewSecret(h.Temporary.Token), Secret: vault.NewSecret(h.Temporary.Secret)}
	if !pair.Token.Equal(r.token) {
		return oauth.Token{}, codeTokenMismatch
	}
	token, err := f.oauth.ExchangeTemporary(ctx, j.connection.App, pair, r.code)
	if err != nil {
		f.log.Warn("exchanging temporary credentials", j.fields(zap.Error(err))...)
		return oauth.Token{}, exchangeCode(err)
	}
	return token, ""
}
