package connectors

import "slices"

// neverPassed are parameters that are for us alone: who has them could use them, or be taken in by them.
var neverPassed = []string{
	"access_token", "code", "error", "id_token", "iss", "oauth_token", "oauth_verifier", "refresh_token", "state",
}

func (v *validator) install() {
	i, callback := v.c.Install, v.c.Callback
	v.optional("callback.state", string(callback.State), string(StateRequired), string(StateInstall))
	if callback.State == StateInstall && v.c.Identity == nil {
		// Else a callback without a state could make an account that is connected again somebody else's.
		v.fail("callback.state", "install needs identity, by which an account is known again")
	}
	if len(i.Pass) > 0 && !i.Inbound {
		v.fail("install.pass", "needs install.inbound")
	}
	for n, name := range i.Pass {
		at := index("install.pass", n)
		switch {
		case !paramName.MatchString(name):
			v.fail(at, "%q is not a parameter name", name)
		case slices.Contains(neverPassed, name), name == callback.CodeParam, slices.Contains(callback.ErrorParams, name):
			v.fail(at, "%s is never passed on", name)
		case slices.Contains(i.Pass[:n], name):
			v.fail(at, "%s stands twice", name)
		}
	}
}
