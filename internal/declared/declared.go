// Package declared plays a provider as its connector declares it, for tests.
//
// [Register] makes up what an operator and a user would type in for a connector. [New] takes that and plays
// the provider: an [http.RoundTripper], and an [http.Handler], that answers for all hosts of the connector.
// It is strict: a request that is not as the declaration says, to the letter, is refused, and noted; see
// [Provider.Violations]. What it knows it knows from the declaration alone, and shares no code with those
// who make the requests, so that both have to read a connector in the same way.
//
// There are no pages: whoever opens the authorization endpoint is sent back at once, with a code or, after
// [Provider.Deny], with an error.
package declared

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// Options change how a provider plays. The zero value is ready.
type Options struct {
	// Now is the provider's clock; nil means time.Now.
	Now func() time.Time
	// Several gives the user two of all that the connector discovers. The second one is that of the values that
	// are captured.
	Several bool
	// Eternal gives tokens without an end, and no refresh tokens. It is for connectors with ttl never, whose
	// providers do that for some apps.
	Eternal bool
	// Unregistered has the client register itself before it does anything else. It is for connectors with register;
	// else the client is known already.
	Unregistered bool
}

// Provider is one provider with one user. It is safe for concurrent use.
type Provider struct {
	connector *connectors.Connector
	client    Registration
	now       func() time.Time
	eternal   bool
	several   bool
	// values are those of the inputs and of the client, and what is captured wherever it is asked for.
	values connectors.Values
	needs  needs
	claims map[string][]string
	person Person
	ends   []*endpoint
	// enrols tells that the client registers itself.
	enrols bool

	mu         sync.Mutex
	violations []Violation
	answered   map[string]int
	minted     int
	marks      map[*connectors.Condition]int // how often a mark that could be several was written
	calls      int                           // how many requests there were
	fresh      map[string]int                // what must never come twice, by the number of its request
	codes      map[string]*code
	// continued are the pages by the cursors that the provider has given.
	continued map[string]place
	devices   map[string]*device
	// temporaries are the consents of OAuth 1.0a.
	temporaries map[string]*temporary
	grants      []*grant
	chains      []chain
	// broken are the sessions of chains that have ended in a refusal. What they have a token of can be revoked.
	broken    []*session
	trouble   *connectors.ErrorCase
	inSteps   bool // the trouble is after the token call
	deadAs    *connectors.ErrorCase
	refusedAs *connectors.Expired
	limit     *Limit
	deny      int
	sentBack  int
	flip      bool
	// shown is the JWT of the other side that was seen last, and over are those that are no longer good.
	shown string
	over  map[string]bool
	// closed tells that the user's account has ended, for modes without consent.
	closed   bool
	enrolled enrolment
	// ended tells that the client has revoked something.
	ended bool
}

// Violation is a request that is not as the connector declares.
type Violation struct {
	// Endpoint is what the request was for, as far as that could be told.
	Endpoint string
	Why      string
}

func (v Violation) String() string { return v.Endpoint + ": " + v.Why }

// endpoint is one URL of the provider.
type endpoint struct {
	name   string
	url    connectors.Template
	method string
	// serve answers a request, or says why it is not as declared; then it has changed nothing.
	serve func(*call) (*answer, error)
}

// New plays the provider of a connector, which has no Ways any more, with what it knows of the client and
// the user. It is an error if no provider could answer as the connector wants it.
func New(c *connectors.Connector, client Registration, o Options) (*Provider, error) {
	p := &Provider{
		connector: c, client: client, now: o.Now, eternal: o.Eternal, several: o.Several, enrols: o.Unregistered, needs: needsOf(c), claims: claimsIn(c),
		answered: map[string]int{}, fresh: map[string]int{}, over: map[string]bool{},
		marks: map[*connectors.Condition]int{},
		codes: map[string]*code{}, continued: map[string]place{}, devices: map[string]*device{}, temporaries: map[string]*temporary{},
	}
	if p.now == nil {
		p.now = time.Now
	}
	app, err := c.AppValues(client.App)
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	account, err := c.AccountValues(client.Account)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	p.values = connectors.Values{"client_id": client.ClientID, "client_secret": client.ClientSecret}
	maps.Copy(p.values, app)
	maps.Copy(p.values, account)
	if err := p.ownClient(); err != nil {
		return nil, err
	}
	if err := p.fix(); err != nil {
		return nil, err
	}
	p.person = newPerson(c.Name)
	p.ends = p.endpoints()
	if c.Mode == connectors.ModeStatic || c.Mode == connectors.ModeNone || c.Mode == connectors.ModeJWT {
		p.found()
	}
	return p, nil
}

// endpoints are the URLs that the connector names, but for those of the API.
func (p *Provider) endpoints() (all []*endpoint) {
	c := p.connector
	add := func(name string, url connectors.Template, method string, serve func(*call) (*answer, error)) {
		if !url.IsZero() {
			all = append(all, &endpoint{name, url, method, serve})
		}
	}
	if c.Mode == connectors.ModeOAuth1 {
		add("temporary", c.Authorize.RequestURL, http.MethodPost, p.giveTemporary)
		add("authorize", c.Authorize.URL, http.MethodGet, p.authorizeTemporary)
		add("token", c.Token.URL, http.MethodPost, p.grantPair)
		return p.andSteps(all)
	}
	all = p.registrationEnds()
	token := cmp.Or(c.Token.Method, http.MethodPost)
	if c.Mode.Consents() {
		add("authorize", c.Authorize.URL, http.MethodGet, p.authorize)
	}
	add("token", c.Token.URL, token, p.grantToken)
	if d := c.Device; d != nil {
		add("device", d.URL, http.MethodPost, p.startDevice)
		add("device token", c.Token.URL, token, p.pollDevice)
	}
	url := c.Refresh.URL
	if url.IsZero() {
		url = c.Token.URL
	}
	add("refresh", url, cmp.Or(c.Refresh.Method, token), p.refreshToken)
	if i := c.Introspect; i != nil {
		add("introspect", i.URL, http.MethodPost, p.introspect)
	}
	if r := c.Revoke; r != nil {
		add("revoke", r.URL, cmp.Or(r.Method, http.MethodPost), p.revoke)
	}
	return p.andSteps(all)
}

// andSteps adds the URLs of the steps.
func (p *Provider) andSteps(all []*endpoint) []*endpoint {
	for i, s := range p.connector.Steps {
		all = append(all, &endpoint{
			fmt.Sprintf("steps[%d]", i), s.Request.URL, cmp.Or(s.Request.Method, http.MethodPost),
			func(r *call) (*answer, error) { return p.step(i, r) },
		})
	}
	return all
}

var (
	_ http.Handler      = (*Provider)(nil)
	_ http.RoundTripper = (*Provider)(nil)
)
