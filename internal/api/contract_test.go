package api_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/claviger-proxy/claviger/internal/api"
)

// watched is the API with those options. What it is asked and what it answers is held against the document.
func watched(t *testing.T, o api.Options) http.Handler {
	t.Helper()
	h, prefix := api.New(o), cmp.Or(o.Prefix, api.DefaultPrefix)
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.Clone(context.WithoutCancel(r.Context()))
		asked.URL.Path = strings.TrimPrefix(r.URL.Path, prefix)
		asked.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, prefix)
		var body bytes.Buffer
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &body), r.Body}
		answered := &recorder{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(answered, r) // a panic is an answer that was broken off: there is nothing to look at
		asked.Body = io.NopCloser(&body)
		if err := c.check(asked, answered); err != nil {
			t.Errorf("%s %s: %d is not as the document has it: %v\n%s", r.Method, r.URL, answered.status, err, answered.body.String())
		}
	})
}

// recorder keeps a copy of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// contract is what the document promises.
type contract struct {
	doc    *openapi3.T
	routes *http.ServeMux
	mu     sync.Mutex
	met    map[string]bool // operation and status, and operation and code
}

var theContract = sync.OnceValues(func() (*contract, error) {
	text, err := strict(api.Document())
	if err != nil {
		return nil, err
	}
	c := &contract{routes: http.NewServeMux(), met: map[string]bool{}}
	if c.doc, err = openapi3.NewLoader().LoadFromData(text); err != nil {
		return nil, err
	}
	if err := c.doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			route := &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)}
			c.routes.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
				*w.(*found) = found{route: route, params: pathValues(r, route)}
			})
		}
	}
	return c, nil
})

// strict is the document with objects that have no other members than those that it names. It does not promise that
// there never will be more, but there are none now.
func strict(document []byte) ([]byte, error) {
	var doc object
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	components, _ := doc["components"].(object)
	defs, _ := components["schemas"].(object)
	for _, def := range defs {
		if schema := def.(object); schema["properties"] != nil {
			schema["additionalProperties"] = false
		}
	}
	return json.Marshal(doc)
}

// found is where a request leads, in the place of an answer.
type found struct {
	http.ResponseWriter
	route  *routers.Route
	params map[string]string
}

func (f *found) Header() http.Header         { return http.Header{} }
func (f *found) Write(p []byte) (int, error) { return len(p), nil }
func (f *found) WriteHeader(int)             {}

func pathValues(r *http.Request, route *routers.Route) map[string]string {
	values := map[string]string{}
	for _, p := range route.Operation.Parameters {
		if p.Value.In == "path" {
			values[p.Value.Name] = r.PathValue(p.Value.Name)
		}
	}
	return values
}

// check holds a request and its answer against the document. Of a request that is refused it looks at the answer only.
func (c *contract) check(r *http.Request, a *recorder) error {
	code := a.Header().Get("Claviger-Error")
	switch {
	case a.status == 499: // nobody gets it
		return nil
	case slices.Contains([]string{api.CodeRoute, api.CodeMethod, api.CodeBrowser}, code):
		return c.problem(a)
	}
	at := c.find(r)
	if at.route == nil {
		return errors.New("there is no such route in it")
	}
	id := at.route.Operation.OperationID
	c.mu.Lock()
	c.met[id+" "+strconv.Itoa(a.status)], c.met[id+" "+code] = true, true
	c.mu.Unlock()
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: at.params, Route: at.route}
	switch {
	case a.status >= 400:
		codes := codesAt(at.route.Operation, a.status)
		if codes == nil {
			codes = codesAt(at.route.Operation, 0)
		}
		if !slices.Contains(codes, code) {
			return fmt.Errorf("operation %s has no code %s with status %d", id, code, a.status)
		}
		if code == api.CodeFieldUnknown && at.route.Operation.RequestBody != nil && c.request(in) == nil {
			return errors.New("it takes a body with a field that the server refuses")
		}
	case id == "importAccounts" && bytes.Contains(a.body.Bytes(), []byte(`"outcome":"refused"`)): // and so maybe not good
	default:
		if err := c.request(in); err != nil {
			return fmt.Errorf("the request: %w", err)
		}
	}
	if err := declared(at.route.Operation, a); err != nil {
		return err
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.status, Header: a.Header(), Body: io.NopCloser(bytes.NewReader(a.body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
}

// declared looks whether the headers of an answer that a caller may use are those that the document has.
func declared(o *openapi3.Operation, a *recorder) error {
	answer := cmp.Or(o.Responses.Status(a.status), o.Responses.Default())
	for _, name := range []string{"Location", "ETag", "Idempotent-Replayed", "Retry-After", "Claviger-Error"} {
		if a.Header().Get(name) != "" && answer.Value.Headers[name] == nil {
			return fmt.Errorf("operation %s has no header %s with status %d", o.OperationID, name, a.status)
		}
	}
	return nil
}

// find is where the request leads. What is in the place of an account's ID and is none, is the name of a
// connection.
func (c *contract) find(r *http.Request) found {
	var at found
	c.routes.ServeHTTP(&at, r)
	if id := at.params["id"]; at.route != nil && at.route.Path == "/accounts/{id}/token" && !strings.HasPrefix(id, "ca_") {
		at.params = map[string]string{"connection": id, "identifier": "token"}
		path := "/accounts/{connection}/{identifier}"
		item := c.doc.Paths.Value(path)
		at.route = &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: http.MethodGet, Operation: item.Get}
	}
	return at
}

func (c *contract) request(in *openapi3filter.RequestValidationInput) error {
	query, err := url.ParseQuery(in.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	for name := range query {
		if in.Route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("there is no parameter %s", name)
		}
	}
	if in.Route.Operation.RequestBody == nil { // then {} is taken, too
		in.Request.Body = http.NoBody
	}
	return openapi3filter.ValidateRequest(in.Request.Context(), in)
}

// problem checks an answer that belongs to no operation.
func (c *contract) problem(a *recorder) error {
	var body any
	if err := json.Unmarshal(a.body.Bytes(), &body); err != nil {
		return err
	}
	return c.doc.Components.Schemas["Problem"].Value.VisitJSON(body, openapi3.EnableJSONSchema2020())
}

// codesAt are the codes that the document has for a status; that of nothing is for those that have none of their own.
func codesAt(o *openapi3.Operation, status int) (codes []string) {
	answer := o.Responses.Status(status)
	if status == 0 {
		answer = o.Responses.Default()
	}
	if answer == nil {
		return nil
	}
	list, _ := answer.Value.Extensions["x-codes"].([]any)
	for _, code := range list {
		codes = append(codes, code.(string))
	}
	return codes
}
