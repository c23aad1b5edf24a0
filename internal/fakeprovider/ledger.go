package fakeprovider

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

var (
	errUnknown = errors.New("not known")
	errExpired = errors.New("expired")
	errRevoked = errors.New("revoked")
	errSpent   = errors.New("used before")
)

const codeTTL = 5 * time.Minute

// A grant is what one user agreed to once. All tokens belong to one and die with it.
type grant struct {
	user     string
	scopes   []string
	authTime time.Time
	dead     bool
}

type accessToken struct {
	grant   *grant
	expires time.Time
	killed  bool
}

type refreshToken struct {
	grant   *grant
	expires time.Time
	spent   bool
}

// A ledger knows every authorization request, code, grant and token. Nothing is ever removed, so
// that a second use is told from an invention.
type ledger struct {
	now         func() time.Time
	accessTTL   time.Duration
	refreshTTL  time.Duration
	offlineOnly bool
	secrets     *secrets

	mu          sync.Mutex
	omitRefresh bool
	requests    map[string]*authRequest // by ID
	codes       map[string]string       // code → request ID
	handles     map[string]string       // opaque token → "token ID:user", see handles
	access      map[string]*accessToken // by token ID
	refresh     map[string]*refreshToken
	grants      []*grant
	interval    time.Duration             // between two polls of a device
	devices     map[string]*deviceRequest // by device code
	states      map[*op.DeviceAuthorizationState]*deviceRequest
}

func newLedger(c Config, s *secrets) *ledger {
	return &ledger{
		now:         c.Now,
		accessTTL:   c.AccessTTL,
		refreshTTL:  c.RefreshTTL,
		offlineOnly: c.OfflineOnly,
		omitRefresh: c.OmitRefreshToken,
		secrets:     s,
		requests:    make(map[string]*authRequest),
		codes:       make(map[string]string),
		handles:     make(map[string]string),
		access:      make(map[string]*accessToken),
		refresh:     make(map[string]*refreshToken),
		interval:    c.DeviceInterval,
		devices:     make(map[string]*deviceRequest),
		states:      make(map[*op.DeviceAuthorizationState]*deviceRequest),
	}
}

func (l *ledger) setOmitRefreshToken(omit bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.omitRefresh = omit
}

// redeem turns the request behind a code into a grant and its first tokens. The second call for the
// same request ends the grant of the first (RFC 6749, 4.1.2).
func (l *ledger) redeem(requestID string, scopes []string, withRefresh bool) (tokenID, refresh string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	req, ok := l.requests[requestID]
	if !ok {
		return "", "", errUnknown
	}
	if req.redeemed != nil {
		req.redeemed.dead = true
		return "", "", errSpent
	}
	g := l.newGrant(req.user, scopes, req.authTime)
	req.redeemed = g
	tokenID = l.newAccess(g)
	if withRefresh {
		refresh = l.newRefresh(g)
	}
	return tokenID, refresh, nil
}

// rotate spends a refresh token. The second call with the same token ends its grant.
func (l *ledger) rotate(token string) (tokenID, refresh string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, err := l.liveRefresh(token)
	if err != nil {
		return "", "", err
	}
	tokenID = l.newAccess(old.grant)
	if l.omitRefresh {
		return tokenID, "", nil
	}
	old.spent = true
	return tokenID, l.newRefresh(old.grant), nil
}

// refreshGrant returns a copy of the grant a refresh token belongs to.
func (l *ledger) refreshGrant(token string) (grant, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, err := l.liveRefresh(token)
	if err != nil {
		return grant{}, err
	}
	return *t.grant, nil
}

func (l *ledger) liveRefresh(token string) (*refreshToken, error) {
	t, ok := l.refresh[token]
	switch {
	case !ok:
		return nil, errUnknown
	case t.spent:
		t.grant.dead = true
		return nil, errSpent
	case t.grant.dead:
		return nil, errRevoked
	case !l.now().Before(t.expires):
		return nil, errExpired
	}
	return t, nil
}

func (l *ledger) newGrant(user string, scopes []string, at time.Time) *grant {
	g := &grant{user: user, scopes: slices.Clone(scopes), authTime: at}
	l.grants = append(l.grants, g)
	return g
}

func (l *ledger) newAccess(g *grant) (tokenID string) {
	tokenID = random("")
	l.access[tokenID] = &accessToken{grant: g, expires: l.now().Add(l.accessTTL)}
	return tokenID
}

func (l *ledger) newRefresh(g *grant) string {
	token := random("fpr_")
	l.refresh[token] = &refreshToken{grant: g, expires: l.now().Add(l.refreshTTL)}
	l.secrets.add(token)
	return token
}

// Encrypt gives out a random handle for what the library wants to hide in a code ("request ID") or
// in an access token ("token ID:user"). Together with Decrypt it makes both opaque: there is nothing
// in them to forge.
func (l *ledger) Encrypt(plain string) (string, error) {
	prefix := "fpc_"
	if strings.Contains(plain, ":") {
		prefix = "fpa_"
	}
	handle := random(prefix)
	l.secrets.add(handle)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handles[handle] = plain
	return handle, nil
}

// Decrypt returns what Encrypt was given, or an error if the handle is not one of ours.
func (l *ledger) Decrypt(handle string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	plain, ok := l.handles[handle]
	if !ok {
		return "", errUnknown
	}
	return plain, nil
}

// bearer returns the user an access token was minted for, even if it is dead, and why it is not
// valid, if so.
func (l *ledger) bearer(token string) (user string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tokenID, user, ok := strings.Cut(l.handles[token], ":")
	if !ok {
		return "", errUnknown
	}
	return user, l.liveAccess(tokenID)
}

func (l *ledger) liveAccess(tokenID string) error {
	t, ok := l.access[tokenID]
	switch {
	case !ok:
		return errUnknown
	case t.grant.dead:
		return errRevoked
	case t.killed || !l.now().Before(t.expires):
		return errExpired
	}
	return nil
}

// revoke ends the grant of a refresh token, or one access token given by its ID.
func (l *ledger) revoke(tokenOrID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.refresh[tokenOrID]; ok {
		t.grant.dead = true
	}
	if t, ok := l.access[tokenOrID]; ok {
		t.killed = true
	}
}

func (l *ledger) refreshOwner(token string) (user string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.refresh[token]
	if !ok {
		return "", false
	}
	return t.grant.user, true
}

// random returns an unguessable string with a prefix that tells people what it is.
func random(prefix string) string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return prefix + base64.RawURLEncoding.EncodeToString(b)
}

// hasOffline tells whether the scopes ask for a refresh token.
func hasOffline(scopes []string) bool { return slices.Contains(scopes, oidc.ScopeOfflineAccess) }
