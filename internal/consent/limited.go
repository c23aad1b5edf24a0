package consent

import (
	"errors"
	"time"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
)

// limitedError is for a request of our own that the provider did not answer because it limits requests. It says
// nothing about the credential.
type limitedError struct {
	wait time.Duration // 0 when the provider did not say
}

func (limitedError) Error() string { return codeRateLimited }

// limit is the error of an answer that says that the provider limits requests; nil for others.
func (f *Flow) limit(c *connection.Connection, a answer) error {
	wait, limited := c.Connector().Rate.Limit(a.status, a.header, func() []byte { return a.body }, f.now())
	if !limited {
		return nil
	}
	return limitedError{wait}
}

// unlessLimited is the code for a request to the API that has failed: that one, unless the provider limits requests.
func unlessLimited(err error, code string) string {
	if _, limited := errors.AsType[limitedError](err); limited {
		return codeRateLimited
	}
	return code
}

// waitOf is how long a provider that has not answered as it should wants not to be asked; 0 when it did not say.
func waitOf(err error) time.Duration {
	if api, ok := errors.AsType[limitedError](err); ok {
		return api.wait
	}
	if token, ok := errors.AsType[*oauth.Error](err); ok {
		return token.RetryAfter
	}
	return 0
}
