package declared

import (
	"errors"
	"fmt"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
)

// The phases that steps belong to.
const (
	phaseConnect = "connect"
	phaseRefresh = "refresh"
)

// chain is a session on its way through the steps of a phase.
type chain struct {
	phase   string
	next    int
	session *session
}

// stepsOf are the numbers of the steps of a phase, in their order.
func (p *Provider) stepsOf(phase string) (list []int) {
	for i, s := range p.connector.Steps {
		if s.When == "" || s.When == "both" || s.When == phase {
			list = append(list, i)
		}
	}
	return list
}

// step answers a step, if it is the turn of that one in some chain.
func (p *Provider) step(number int, c *call) (*answer, error) {
	err := errors.New("it is not the turn of this step")
	for _, one := range p.open() {
		steps := p.stepsOf(one.phase)
		if one.next >= len(steps) || steps[one.next] != number {
			continue
		}
		if err = p.fitsStep(p.connector.Steps[number], c, one.session.values); err != nil {
			continue
		}
		response := p.connector.Steps[number].Response
		a := p.refused(response, one.session.grant.dead || p.closed)
		if p.trouble != nil && p.inSteps {
			a = p.refuse(response, *p.trouble)
		}
		if a != nil {
			p.chains = nil
			p.broken = append(p.broken, one.session)
			return a, nil
		}
		return p.advance(one, number), nil
	}
	return nil, err
}

// open are the chains that wait for a step, those included that a login would begin.
func (p *Provider) open() []chain {
	if p.connector.Mode != connectors.ModeLogin {
		return p.chains
	}
	all := slices.Clone(p.chains)
	all = append(all, chain{phase: phaseConnect, session: p.begin(p.newGrant(""))})
	if n := len(p.grants); n > 0 {
		all = append(all, chain{phase: phaseRefresh, session: p.begin(p.grants[n-1])})
	}
	return all
}

// advance answers a step, and takes the session into use after the last one.
func (p *Provider) advance(one chain, number int) *answer {
	a := p.sayStep(one.session, p.connector.Steps[number])
	one.next++
	p.chains = nil
	if one.next < len(p.stepsOf(one.phase)) {
		p.chains = []chain{one}
		return a
	}
	p.use(one.session)
	return a
}

// fitsStep tells whether a request is that of a step.
func (p *Provider) fitsStep(s connectors.Step, c *call, values connectors.Values) error {
	r := s.Request
	headers, query := newFields(), newFields()
	p.headers(headers, r.Headers, values)
	if b := r.Basic; b != nil {
		headers.must["Authorization"] = func(got string) error {
			user, password, err := splitBasic(got, false)
			if err != nil {
				return err
			}
			return p.fitHalves(b, user, password, values)
		}
	}
	p.templates(query, r.Query, values)
	if err := query.check("parameter", c.query); err != nil {
		return err
	}
	if err := headers.checkHeaders(c); err != nil {
		return err
	}
	if err := p.presents(c); err != nil {
		return err
	}
	switch {
	case len(r.Form) > 0:
		return p.fitsForm(r.Form, c, values)
	case r.JSON != nil:
		return p.fitsJSON(r.JSON, "application/json", c, values)
	case !r.Text.IsZero():
		if got := c.Header.Get("Content-Type"); got != r.ContentType {
			return fmt.Errorf("the body is %q and not %q", got, r.ContentType)
		}
		return p.fitsWith(r.Text, string(c.body), values, connectors.Template.ExpandXML)
	case len(c.body) > 0:
		return errors.New("it has a body")
	}
	return nil
}

// presents wants the client's certificate where the connector has one.
func (p *Provider) presents(c *call) error {
	declared := p.connector.ClientCert
	switch {
	case declared == nil && c.certificate != "":
		return errors.New("the client presents a certificate")
	case declared == nil:
		return nil
	}
	if c.URL.Scheme != "https" || c.certificate == "" {
		return errors.New("the client presents no certificate")
	}
	want, err := declared.Cert.ExpandAt(p.values, p.now())
	if err == nil && want != c.certificate {
		err = errors.New("the client presents another certificate")
	}
	return err
}
