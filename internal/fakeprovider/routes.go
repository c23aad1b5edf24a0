package fakeprovider

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	tokenPath  = "/oauth/token"
	revokePath = "/revoke"
	// formLimit is more than any honest form has.
	formLimit = 1 << 20
)

var discardLog = log.New(io.Discard, "", 0)

// newOP configures the OAuth library. Its default paths are the ones we want; its options for other
// paths would change a variable that all providers of a process share.
func newOP(s *Server) (*op.Provider, error) {
	key, err := newSigningKey()
	if err != nil {
		return nil, err
	}
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true}
	config.DeviceAuthorization = op.DeviceAuthorizationConfig{
		Lifetime: s.config.DeviceTTL, PollInterval: s.config.DeviceInterval, UserFormPath: devicePath, UserCode: op.UserCodeBase20,
	}
	if len(s.config.Scopes) > 0 {
		config.SupportedScopes = s.config.Scopes
	}
	_, _ = rand.Read(config.CryptoKey[:]) // unused: the ledger hands out opaque tokens
	return op.NewProvider(config, &storage{ledger: s.ledger, client: s.client, mail: s.mail, key: key},
		op.StaticIssuer(s.url), op.WithAllowInsecure(), op.WithCrypto(s.ledger),
		op.WithCORSOptions(nil), op.WithLogger(slog.New(slog.DiscardHandler)))
}

// routes maps paths to what they do when nothing is wrong.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.Handle("/authorize", s.withIssuer(s.op))
	mux.Handle("/authorize/callback", s.withIssuer(s.op))
	mux.HandleFunc("POST "+tokenPath, s.token)
	mux.Handle("POST "+revokePath, s.op)
	mux.Handle("POST "+deviceCodePath, s.op)
	mux.HandleFunc("GET "+devicePath, s.devicePage)
	mux.HandleFunc("POST "+devicePath, s.device)
	mux.Handle("GET /keys", s.op)
	mux.Handle("/userinfo", s.signedIn(func(w http.ResponseWriter, r *http.Request, _ string) { s.op.ServeHTTP(w, r) }))
	mux.HandleFunc("GET "+oidc.DiscoveryEndpoint, s.discovery)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.discovery)
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /consent", s.consentPage)
	mux.Handle("POST /consent", s.withIssuer(http.HandlerFunc(s.consent)))
	s.mailRoutes(mux)
	s.probeRoutes(mux)
	return mux
}

// handler is every request's way in: it is logged, held, broken or answered.
func (s *Server) handler() http.Handler {
	mux := s.routes()
	echo := s.signedIn(s.echo)
	proper := func(w http.ResponseWriter, r *http.Request) {
		// Not through the mux, which redirects paths it finds unclean.
		if r.URL.Path == "/api/echo" || strings.HasPrefix(r.URL.Path, "/api/echo/") {
			echo.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.enter() {
			cut(w)
			return
		}
		defer s.running.Done()
		isToken := r.URL.Path == tokenPath
		if isToken || r.URL.Path == revokePath {
			r.Body = http.MaxBytesReader(w, r.Body, formLimit)
			_ = r.ParseForm() // the library parses it again and reports the error
			s.secrets.addForm(r.PostForm)
		}
		token := bearerToken(r)
		user, _ := s.ledger.bearer(token)
		entry := s.journal.begin(r, user, token)
		answer := &answer{ResponseWriter: w, started: func(status int) { s.journal.answered(entry, status) }}
		if isToken {
			if !s.tokens.pass(r.Context()) {
				cut(w)
				return
			}
			answer.keep = new(bytes.Buffer)
			defer func() { s.secrets.addAnswer(answer.keep.Bytes()) }()
		}
		if f, ok := s.faults.take(r.URL.Path); ok {
			f.serve(answer, r, proper)
			return
		}
		proper(answer, r)
	})
}

// token guards the library's token endpoint against requests it does not expect.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749, 5.1
	if id, secret, ok := r.BasicAuth(); ok {
		_, idErr := url.QueryUnescape(id)
		_, secretErr := url.QueryUnescape(secret)
		if idErr != nil || secretErr != nil || r.PostForm.Has("client_secret") {
			op.RequestError(w, r, oidc.ErrInvalidRequest().WithDescription("client credentials malformed or sent twice"), s.op.Logger())
			return
		}
	}
	s.op.ServeHTTP(w, r)
}

// discovery is the library's document with what it promises in vain corrected.
func (s *Server) discovery(w http.ResponseWriter, r *http.Request) {
	d := op.CreateDiscoveryConfig(op.ContextWithIssuer(r.Context(), s.url), s.op, s.op.Storage())
	d.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
	d.ResponseModesSupported = []string{string(oidc.ResponseModeQuery)}
	d.GrantTypesSupported = s.client.GrantTypes()
	d.IntrospectionEndpoint, d.EndSessionEndpoint = "", ""
	writeJSON(w, http.StatusOK, struct {
		*oidc.DiscoveryConfiguration
		Issuer bool `json:"authorization_response_iss_parameter_supported"`
	}{d, !s.config.OmitIssuer})
}

// withIssuer adds iss to the redirects that carry an authorization response (RFC 9207).
func (s *Server) withIssuer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.config.OmitIssuer {
			w = &issuerWriter{ResponseWriter: w, server: s}
		}
		next.ServeHTTP(w, r)
	})
}

type issuerWriter struct {
	http.ResponseWriter
	server *Server
}

func (w *issuerWriter) WriteHeader(status int) {
	if to, err := url.Parse(w.Header().Get("Location")); err == nil && to.IsAbs() {
		q := to.Query()
		if (q.Has("code") || q.Has("error")) && !w.own(to) {
			q.Set("iss", w.server.url)
			to.RawQuery = q.Encode()
			w.Header().Set("Location", to.String())
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// own tells a redirect to the provider's callback, which shows no response yet.
func (w *issuerWriter) own(to *url.URL) bool { return strings.HasPrefix(to.String(), w.server.url+"/") }

func (w *issuerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// answer notes the status and keeps the beginning of the body, if told to.
type answer struct {
	http.ResponseWriter
	started func(status int)
	keep    *bytes.Buffer
	wrote   bool
}

func (a *answer) WriteHeader(status int) {
	if !a.wrote && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.wrote = true
		a.started(status)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	if a.keep != nil && a.keep.Len()+len(p) <= 64<<10 {
		a.keep.Write(p)
	}
	return a.ResponseWriter.Write(p)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
