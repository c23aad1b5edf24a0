package declared

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// answer is what the provider says.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// RoundTrip answers a request without a network.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	a, err := p.answer(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}, nil
}

// ServeHTTP answers for the host that a request names.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host = "https", r.Host
	if r.TLS == nil {
		out.URL.Scheme = "http"
	}
	a, err := p.answer(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // who has gone need not be told
}

// answer finds what the request is for. Of several endpoints with one URL it is the one that it fits.
func (p *Provider) answer(r *http.Request) (*answer, error) {
	c, err := readCall(r)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	var wrong []Violation
	for _, e := range p.ends {
		rest, ok := p.at(e.url, c)
		if !ok {
			continue
		}
		if c.Method != e.method {
			wrong = append(wrong, Violation{e.name, "method " + c.Method + " and not " + e.method})
			continue
		}
		if p.enrols && !p.enrolled.known && e.name != "metadata" && e.name != "register" {
			wrong = append(wrong, Violation{e.name, "nobody has registered the client"})
			continue
		}
		a, err := e.serve(rest)
		if err == nil {
			p.answered[e.name]++
			return a, nil
		}
		wrong = append(wrong, Violation{e.name, err.Error()})
	}
	a, err := p.serveAPI(c)
	if err == nil {
		p.answered["api"]++
		return a, nil
	}
	if len(wrong) == 0 || !errors.Is(err, errNowhere) {
		wrong = append(wrong, Violation{"api", err.Error()})
	}
	p.violations = append(p.violations, Violation{join(wrong, func(v Violation) string { return v.Endpoint }), join(wrong, Violation.String)})
	return p.violated(), nil
}

func join(list []Violation, text func(Violation) string) string {
	var texts []string
	for _, v := range list {
		if t := text(v); !slices.Contains(texts, t) {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, "; ")
}

// violated answers what is not as declared. It is no answer that a connector gives a meaning.
func (p *Provider) violated() *answer {
	return &answer{http.StatusTeapot, http.Header{"Content-Type": {"text/plain"}}, []byte("not as declared")}
}
