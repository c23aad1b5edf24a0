package trial

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Request is what was sent. In the place of secrets, and of what the provider has given, stand the names that
// templates have for them.
type Request struct {
	Method, URL string
	// Headers are lines such as "Accept: application/json", sorted.
	Headers []string
	Body    string
	// Status is that of the answer.
	Status int
}

// maxShown is how much of a body is shown.
const maxShown = 2000

// recorder notes what is sent.
type recorder struct {
	to    http.RoundTripper
	names func() map[string]string

	mu   sync.Mutex
	list []Request
}

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(out *http.Request) (*http.Response, error) {
	var body []byte
	if out.Body != nil {
		var err error
		if body, err = io.ReadAll(out.Body); err != nil {
			return nil, err
		}
		_ = out.Body.Close()
		again := *out
		again.Body = io.NopCloser(bytes.NewReader(body))
		out = &again
	}
	one := shown(out, body, namer(r.names()))
	resp, err := r.to.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	one.Status = resp.StatusCode
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, one)
	return resp, nil
}

// take returns what was noted since the last time.
func (r *recorder) take() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

func shown(out *http.Request, body []byte, name func(string) string) Request {
	to := *out.URL
	query := to.RawQuery
	to.RawQuery = ""
	text := name(to.String())
	if query != "" {
		text += "?" + name(decoded(query))
	}
	one := Request{Method: out.Method, URL: text}
	for header, values := range out.Header {
		for _, value := range values {
			if basic, ok := strings.CutPrefix(value, "Basic "); ok {
				if plain, err := base64.StdEncoding.DecodeString(basic); err == nil {
					value = "Basic " + string(plain)
				}
			}
			one.Headers = append(one.Headers, header+": "+name(value))
		}
	}
	slices.Sort(one.Headers)
	content := string(body)
	if strings.HasPrefix(out.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		content = decoded(content)
	}
	if len(content) > maxShown {
		content = content[:maxShown] + "…"
	}
	one.Body = name(content)
	return one
}

// decoded is a query or a form as people read it.
func decoded(query string) string {
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		if plain, err := url.QueryUnescape(pair); err == nil {
			pair = plain
		}
		pairs = append(pairs, readable(pair))
	}
	return strings.Join(pairs, "&")
}

// fresh are the values that are other ones each time, in queries, forms and JSON.
var fresh = regexp.MustCompile(`([?&]|\A)(state|code|code_challenge|code_verifier)=[^&]*|"(state|code|code_verifier)":"[^"]*"`)

// namer returns what puts names in the place of values, the longest values first.
func namer(names map[string]string) func(string) string {
	values := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range values {
		escaped, _ := json.Marshal(value) // text always can be written
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value), strings.Trim(string(escaped), `"`)} {
			pairs = append(pairs, form, "{"+names[value]+"}")
		}
	}
	replace := strings.NewReplacer(pairs...).Replace
	return func(text string) string {
		text = fresh.ReplaceAllStringFunc(text, func(found string) string {
			if name, _, ok := strings.Cut(strings.TrimLeft(found, "?&"), "="); ok && found[0] != '"' {
				return found[:len(found)-len(strings.TrimLeft(found, "?&"))] + name + "={" + name + "}"
			}
			name, _, _ := strings.Cut(found, ":")
			return name + ":\"{" + strings.Trim(name, `"`) + "}\""
		})
		return replace(text)
	}
}

// names are the made-up values that are secret, or the provider's, and what templates call them.
func (t *trial) names() map[string]string {
	names := map[string]string{}
	add := func(name, value string) {
		if len(value) >= 4 {
			names[value] = name
		}
	}
	for _, in := range t.connector.App {
		if in.Secret {
			add("app."+in.Name, t.client.App[in.Name])
		}
	}
	for _, in := range t.connector.Account {
		if in.Secret {
			add("account."+in.Name, t.client.Account[in.Name])
		}
	}
	given, _ := t.provider.Issued()
	for name, value := range given.Captured {
		add("captured."+name, value)
	}
	for name, value := range given.Slots {
		add("token."+name, value)
	}
	add("token", given.Access)
	add("refresh_token", given.Refresh)
	add("client_id", t.client.ClientID)
	add("client_secret", t.client.ClientSecret)
	return names
}
