package fakeprovider

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func (s *Server) mailRoutes(mux *http.ServeMux) {
	mux.Handle("GET /api/me", s.signedIn(s.me))
	mux.Handle("GET /api/messages", s.signedIn(s.messages))
	mux.Handle("GET /api/messages/{id}", s.signedIn(s.message))
	mux.Handle("POST /api/messages/{id}/read", s.signedIn(s.message))
	mux.Handle("/api/", s.signedIn(func(w http.ResponseWriter, _ *http.Request, _ string) {
		fail(w, http.StatusNotFound, "not_found", "there is nothing here")
	}))
}

// bearerToken returns the request's access token, or an empty string.
func bearerToken(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// signedIn lets a request through with the user its access token stands for (RFC 6750, 3).
func (s *Server) signedIn(next func(w http.ResponseWriter, r *http.Request, user string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := bearerToken(r)
		if token == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="postbox"`)
			fail(w, http.StatusUnauthorized, "unauthorized", "an access token is required")
			return
		}
		user, err := s.ledger.bearer(token)
		if err != nil {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="invalid_token", error_description="the access token is %s"`, err))
			fail(w, http.StatusUnauthorized, "invalid_token", "the access token is "+err.Error())
			return
		}
		next(w, r, user)
	})
}

func (s *Server) me(w http.ResponseWriter, _ *http.Request, user string) {
	u, _ := s.mail.user(user)
	writeJSON(w, http.StatusOK, map[string]string{"id": u.ID, "name": u.Name, "email": u.Email})
}

func (s *Server) messages(w http.ResponseWriter, r *http.Request, user string) {
	q := r.URL.Query()
	page, err1 := number(q, "page", 1, 1, 1_000_000)
	limit, err2 := number(q, "limit", 20, 1, 100)
	unread, err3 := strconv.ParseBool(orDefault(q.Get("unread"), "false"))
	if err := errors.Join(err1, err2, err3); err != nil {
		fail(w, http.StatusBadRequest, "bad_request", "page, limit or unread is not valid")
		return
	}
	list, more := s.mail.list(user, unread, page, limit)
	if more {
		q.Set("page", strconv.Itoa(page+1))
		w.Header().Set("Link", fmt.Sprintf(`<%s/api/messages?%s>; rel="next"`, s.url, q.Encode()))
	}
	writeJSON(w, http.StatusOK, map[string][]Message{"messages": list})
}

func (s *Server) message(w http.ResponseWriter, r *http.Request, user string) {
	msg, ok := s.mail.message(user, r.PathValue("id"), r.Method == http.MethodPost)
	if !ok {
		fail(w, http.StatusNotFound, "not_found", "no such message")
		return
	}
	writeJSON(w, http.StatusOK, msg)
}

func fail(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]string{"error": code, "message": text})
}

// number reads a number from a query within bounds.
func number(q url.Values, name string, otherwise, least, most int) (int, error) {
	if !q.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s must be a number from %d to %d", name, least, most)
	}
	return n, nil
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
