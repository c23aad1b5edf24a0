package declared

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// saying is one answer with a token that is being written.
type saying struct {
	*Provider
	connectors.TokenResponse
	session *session
	doc     document
	header  http.Header
	body    string
	// ttl is the token's life if the answer does not say it, and silent says that it does not.
	ttl    connectors.Duration
	silent bool
	// step says that the answer is that of a step, which has nothing in it that is not asked for.
	step bool
}

// sayToken answers a call of the token endpoint. What is in the answer is in the session then.
func (p *Provider) sayToken(s *session, refreshed bool) *answer {
	t := p.connector.Token
	w := &saying{Provider: p, TokenResponse: t.Response, session: s, doc: document{}, header: http.Header{}, ttl: t.DefaultTTL}
	w.silent = t.DefaultTTL > 0 && t.Response.Expires.Path == "" || t.ExpiresFrom != "" || p.eternal
	w.tokens(refreshed)
	w.put(w.doc, t.Capture, false)
	if i := p.connector.Identity; i != nil && i.From == "token" {
		p.person.write(w.doc, w.Root, i)
	}
	return w.answer()
}

// sayStep answers a step.
func (p *Provider) sayStep(s *session, step connectors.Step) *answer {
	w := &saying{Provider: p, session: s, doc: document{}, header: http.Header{}, ttl: step.DefaultTTL, step: true}
	if step.Response != nil {
		w.TokenResponse = *step.Response
		w.silent = step.DefaultTTL > 0 && step.Response.Expires.Path == "" || p.eternal
		w.tokens(false)
	}
	w.put(w.doc, step.Capture, true)
	return w.answer()
}

// inBody tells whether the token is a member of the body.
func (w *saying) inBody() bool { return w.Format == "" || w.Format == "json" || w.Format == "form" }

// set writes a member that a path leads to, or the standard name if there is none. Without a token in the
// body only what is declared is in it.
func (w *saying) set(path, standard string, value any) {
	if path == "" && !w.inBody() {
		return
	}
	w.doc.set(under(w.Root, cmp.Or(path, standard)), value)
}

// tokens writes the tokens and what belongs to them.
func (w *saying) tokens(refreshed bool) {
	s, now := w.session, w.now()
	life := w.lifetime(w.ttl)
	s.born, s.expires = now, now.Add(life)
	if w.eternal {
		s.expires = time.Time{}
	}
	access := w.mint("token", s.expires)
	s.values["token"] = access
	w.access(access)
	w.refresh(refreshed)
	if !w.silent {
		w.set(w.Expires.Path, "expires_in", expiry(w.Expires.As, s.expires, now))
	}
	if w.inBody() || w.Scope != "" {
		s.scopes = s.grant.scopes
		s.scopes = w.scopes(s.scopes, refreshed)
	}
	for _, name := range sorted(w.Slots) {
		if w.inBody() && w.Slots[name] == cmp.Or(w.Access, "access_token") {
			s.values["token."+name] = access // one token by two names, as a step gives another one after it
			continue
		}
		token := w.mint("token."+name, s.expires)
		s.values["token."+name] = token
		w.doc.set(under(w.Root, w.Slots[name]), token)
	}
	if w.givesIDToken() && (!w.step || w.IDToken != "") {
		s.idToken = w.idToken()
		w.set(w.IDToken, "id_token", s.idToken)
	}
}

// scopes writes what was granted, that of the user's own token in a place of its own if there is one; a refresh is not
// about that token.
func (w *saying) scopes(all []string, refreshed bool) []string {
	var own, users, named []string
	for _, scope := range all {
		if rest, ok := strings.CutPrefix(scope, userScope); ok && w.UserScope != "" {
			users, named = append(users, rest), append(named, scope)
		} else {
			own = append(own, scope)
		}
	}
	separator := cmp.Or(w.ScopeSeparator, " ")
	w.set(w.Scope, "scope", strings.Join(own, separator))
	if w.UserScope != "" && len(users) > 0 && !refreshed {
		w.doc.set(under(w.Root, w.UserScope), strings.Join(users, separator))
	}
	return slices.Concat(own, named)
}

// access writes the main token.
func (w *saying) access(token string) {
	switch w.Format {
	case "text":
		w.body = token
	case "header":
		w.header.Set(w.Access, token)
	case "cookie":
		w.header.Add("Set-Cookie", (&http.Cookie{Name: w.Access, Value: token, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}).String())
		w.header.Add("Set-Cookie", "other=cookie")
	default:
		w.set(w.Access, "access_token", token)
		w.doc.set(under(w.Root, "token_type"), "Bearer")
	}
}

// refresh writes the refresh token, if there is a new one.
func (w *saying) refresh(refreshed bool) {
	g := w.session.grant
	if w.step && w.RefreshToken == "" || !w.step && !w.givesRefreshToken() {
		return
	}
	if refreshed {
		g.refreshes++
		if how := w.connector.Refresh.Rotates; how == "never" || how != "always" && g.refreshes%2 == 0 {
			return
		}
		g.spent[g.refresh] = true
	}
	s := w.session
	g.refresh = w.mint("refresh_token", time.Time{})
	s.values["refresh_token"], s.refreshExpires = g.refresh, w.now().Add(w.refreshLifetime())
	w.set(w.RefreshToken, "refresh_token", g.refresh)
	if w.RefreshExpires.Path != "" {
		w.doc.set(under(w.Root, w.RefreshExpires.Path), expiry(w.RefreshExpires.As, s.refreshExpires, w.now()))
	}
}

// put writes what the connector keeps. fresh says that it is another value each time where it can be.
func (w *saying) put(doc document, capture map[string]string, fresh bool) {
	for _, name := range sorted(capture) {
		value := w.values["captured."+name]
		if claims := w.claims["captured."+name]; len(claims) > 0 {
			value = w.mintJWT(claims, w.session.expires)
		} else if fresh && !w.inURL(name) {
			w.minted++
			value += "-" + strconv.Itoa(w.minted)
		}
		w.session.values["captured."+name] = text(doc.set(under(w.Root, capture[name]), value))
	}
}

// answer is the whole answer, with the mark of a success.
func (w *saying) answer() *answer {
	if ok := w.SuccessWhen; ok != nil {
		w.mark(w.doc, w.beside()(ok.Path), ok)
	}
	var a *answer
	switch {
	case w.Format == "text":
		a = &answer{http.StatusOK, http.Header{"Content-Type": {"text/plain"}}, []byte(w.body)}
	case w.Format == "form":
		a = w.doc.answerForm(http.StatusOK)
	default:
		a = w.doc.answerJSON(http.StatusOK)
	}
	for name, values := range w.header {
		a.header[name] = values
	}
	return a
}

// beside tells where the mark and the error of an answer stand: under the root, or beside it, as the one and
// the other is done.
func (w *saying) beside() func(path string) string {
	w.flip = !w.flip
	if w.flip {
		return func(path string) string { return path }
	}
	return func(path string) string { return under(w.Root, path) }
}
