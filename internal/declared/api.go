package declared

import (
	"cmp"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// errNowhere is for a request that is below no base.
var errNowhere = errors.New("there is nothing at this URL")

// serveAPI answers a request to the API, if it has a credential as declared.
func (p *Provider) serveAPI(c *call) (*answer, error) {
	err := errNowhere
	sessions := p.sessions()
	if len(sessions) == 0 { // to tell what is wrong
		none := p.begin(p.newGrant(""))
		none.dead = true
		sessions = []*session{none}
	}
	for _, s := range sessions {
		for _, base := range p.baseNames() {
			fits := p.fitsAPI(c, s, base)
			if fits == nil {
				continue
			}
			if fits.err == nil {
				return p.answerAPI(fits, s), nil
			}
			if errors.Is(err, errNowhere) {
				err = fits.err
			}
		}
	}
	return nil, err
}

// bases are the bases by name.
func (p *Provider) bases() map[string]connectors.Template {
	all := map[string]connectors.Template{"": p.connector.API.BaseURL}
	maps.Copy(all, p.connector.API.Bases)
	return all
}

// baseNames are the names of the bases, those with the longest URLs first: one may lie below another one.
func (p *Provider) baseNames() []string {
	all := p.bases()
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(len(all[b].String())-len(all[a].String()), cmp.Compare(a, b))
	})
}

// apiCall is a request below a base, without its credential.
type apiCall struct {
	*call
	base, slot string
	// path is the path without a credential in it, rest what of that is below the base.
	path, rest string
	err        error
}

// fitsAPI takes the credential of a session off a request, nil if that is not below the base.
func (p *Provider) fitsAPI(c *call, s *session, base string) *apiCall {
	path, err := p.takePath(c, s)
	a := &apiCall{call: c, base: base, path: path}
	text, bad := p.bases()[base].ExpandAt(p.values, p.now())
	u, notURL := url.Parse(text)
	if bad != nil || notURL != nil || c.origin() != strings.TrimSuffix(u.Scheme+"://"+u.Host, ":443") {
		return nil
	}
	prefix := strings.TrimSuffix(u.EscapedPath(), "/")
	if a.rest = strings.TrimPrefix(path, prefix); !strings.HasPrefix(path, prefix) || !strings.HasPrefix(a.rest, "/") {
		return nil
	}
	if a.err = err; err != nil {
		return a
	}
	for _, slot := range p.slots(a.rest) {
		if a.err = p.takeCredential(a, s, slot); a.err == nil {
			a.slot = slot
			return a
		}
	}
	return a
}

// slots are those that a path may be asked for with: its own, or else none, or one that only a header chooses.
func (p *Provider) slots(path string) []string {
	plain, _ := url.PathUnescape(path)
	free := []string{""}
	for _, slot := range p.connector.API.Slots {
		if slices.ContainsFunc(slot.Paths, func(prefix string) bool { return plain == prefix || strings.HasPrefix(plain, prefix+"/") }) {
			return []string{slot.Name}
		}
		if len(slot.Paths) == 0 {
			free = append(free, slot.Name)
		}
	}
	return free
}

// injections are those for requests of a slot.
func (p *Provider) injections(slot string) []connectors.Injection {
	k := p.connector
	if len(k.Inject) == 0 {
		if k.Mode == connectors.ModeStatic || k.Mode == connectors.ModeNone || k.Signer != nil {
			return nil
		}
		return []connectors.Injection{{In: "header", Name: "Authorization", Template: bearer}}
	}
	return slices.DeleteFunc(slices.Clone(k.Inject), func(in connectors.Injection) bool { return in.Slot != "" && in.Slot != slot })
}

var bearer = must(connectors.ParseTemplate("Bearer {token}"))
