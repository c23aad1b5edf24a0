package api_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/comment"
)

// What requests may be answered with beside what belongs to the route.
const (
	ofAll = "parameter_invalid parameter_unknown internal_error credential_damaged vault_unavailable clock_wrong key_unavailable " +
		"not_configured request_timeout"
	ofChanges = "browser_not_allowed body_invalid field_unknown body_too_large content_type_not_supported record_changed vault_full"
	ofBodies  = "field_invalid"
	ofKeys    = "idempotency_key_invalid idempotency_key_reused request_in_progress"
)

// about is what the document says of the API as a whole.
const about = `Connections, authorization links, connected accounts, events, webhooks and the vault of a running Claviger.

The API does no authentication of its own: whoever reaches it may do everything, so it belongs on a unix socket or behind something that does.

A member without a value is absent, never null: where a description says that something is empty, zero or nil, an answer does not have it.
Times are RFC 3339 in UTC. Lists have ` + "`items`" + ` and, unless it is the last page, ` + "`next`" + `; send that as ` + "`after`" + ` with the same filters.
A filtered page may have fewer items than its limit, even none, and a ` + "`next`" + `.

A change with an ` + "`Idempotency-Key`" + ` is done once: the same request with the same key gets the first answer again, within a day, with
` + "`Idempotent-Replayed`" + `. What has failed is done anew. A backup and an erasure heed no key.

Errors are problem documents (RFC 9457) with a stable ` + "`code`" + `; ` + "`x-codes`" + ` lists those that an answer may have. What is confidential is marked by ` + "`x-secret`" + `.`

// generator makes the document out of the table of routes, the types and their comments.
type generator struct {
	schemas
	status    map[string]int // of codes
	responses object
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	comments, err := comment.Read("../../client", "json")
	if err != nil {
		t.Fatal(err)
	}
	g := &generator{responses: object{}, status: statusOfCodes(t), schemas: schemas{
		comments: comments, defs: object{}, sent: map[reflect.Type]bool{}, answered: map[reflect.Type]bool{},
	}}
	reach(reflect.TypeFor[client.Error](), g.answered)
	for _, o := range api.Operations() {
		if o.Body != nil {
			reach(o.Body, g.sent)
		}
		for _, a := range o.Answers {
			if a.Type != nil {
				reach(a.Type, g.answered)
			}
		}
	}
	return g
}

// statusOfCodes reads the statuses of all codes from the reference page, which is held against the sources.
func statusOfCodes(t *testing.T) map[string]int {
	t.Helper()
	data, err := os.ReadFile(errorsDoc)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for code, text := range sectionsOf(string(data)) {
		if m := statusLine.FindStringSubmatch(text); m != nil {
			all[code], _ = strconv.Atoi(m[1])
		}
	}
	return all
}

func (g *generator) document() []byte {
	paths, tags := object{}, []object{}
	for _, group := range api.Groups() {
		tags = append(tags, object{"name": group.Tag, "description": group.Text})
		for _, o := range group.Operations {
			item, _ := paths[o.Path()].(object)
			if item == nil {
				item = object{}
				paths[o.Path()] = item
			}
			item[strings.ToLower(o.Method())] = g.operation(o, group.Tag)
		}
	}
	g.of(reflect.TypeFor[client.Error](), "")
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Claviger management API", "version": "1", "description": about,
			"contact": object{"name": "Claviger", "url": "https://github.com/claviger-proxy/claviger"},
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []object{{"url": api.DefaultPrefix, "description": "Where the document itself is served."}},
		"security": []object{}, "tags": tags, "paths": paths,
		"components": object{"schemas": g.defs, "responses": g.responses, "headers": headers, "parameters": object{"IdempotencyKey": idempotencyKey}},
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (g *generator) operation(o api.Operation, tag string) object {
	op := object{
		"operationId": o.ID, "summary": o.Summary, "tags": []string{tag}, "responses": g.answers(o),
		"description": cmp.Or(o.Text, o.Summary+"."),
	}
	var params []object
	for _, p := range o.PathParams() {
		params = append(params, parameter(p, "path"))
	}
	for _, p := range o.Params {
		in := "query"
		if p.Header {
			in = "header"
		}
		params = append(params, parameter(p, in))
	}
	if o.Once() {
		params = append(params, object{"$ref": "#/components/parameters/IdempotencyKey"})
	}
	if len(params) > 0 {
		op["parameters"] = params
	}
	if o.Body != nil {
		content := object{"application/json": object{"schema": g.of(o.Body, "")}}
		for _, media := range o.Media {
			content[media] = object{}
		}
		op["requestBody"] = object{"required": !o.MayBeBare, "content": content}
	}
	return op
}

func parameter(p api.Param, in string) object {
	schema := object{"type": cmp.Or(p.Type, "string")}
	if len(p.Enum) > 0 {
		schema["enum"] = p.Enum
	}
	if p.Pattern != "" {
		schema["pattern"] = p.Pattern
	}
	if p.Type == "integer" {
		schema["minimum"] = 1
	}
	if p.Max > 0 {
		schema["maximum"] = p.Max
	}
	if p.Default != nil {
		schema["default"] = p.Default
	}
	if p.Repeats {
		schema = object{"type": "array", "items": schema}
	}
	out := object{"name": p.Name, "in": in, "description": p.Text, "schema": schema}
	if in == "path" {
		out["required"] = true
	}
	return out
}

// answers are those that are no problems, the problems of the route by their status, and those that others have, too.
func (g *generator) answers(o api.Operation) object {
	out := object{}
	for _, a := range o.Answers {
		out[strconv.Itoa(a.Status)] = g.answer(a, o.Once())
	}
	common, own := commonCodes(o), map[int][]string{}
	for _, code := range o.Codes {
		own[g.status[code]] = append(own[g.status[code]], code)
	}
	for status, codes := range own {
		for _, code := range common {
			if g.status[code] == status {
				codes = append(codes, code)
			}
		}
		out[strconv.Itoa(status)] = problemOf("", codes)
	}
	name := "Problem"
	switch {
	case o.Body != nil:
		name = "ProblemOfBody"
	case o.Method() != http.MethodGet:
		name = "ProblemOfChange"
	}
	if o.Method() != http.MethodGet && !o.Once() {
		name += "WithoutKey"
	}
	g.responses[name] = problemOf("Any other problem: ", common)
	out["default"] = object{"$ref": "#/components/responses/" + name}
	return out
}

// commonCodes are those that do not belong to the route itself.
func commonCodes(o api.Operation) []string {
	list := strings.Fields(ofAll)
	if o.Method() != http.MethodGet {
		list = append(list, strings.Fields(ofChanges)...)
	}
	if o.Body != nil {
		list = append(list, ofBodies)
	}
	if o.Once() {
		list = append(list, strings.Fields(ofKeys)...)
	}
	return list
}

func (g *generator) answer(a api.Answer, once bool) object {
	out := object{"description": a.Text}
	content := object{}
	if a.Type != nil {
		content["application/json"] = object{"schema": g.of(a.Type, "")}
	}
	for _, media := range a.Media {
		content[media] = object{}
	}
	if len(content) > 0 {
		out["content"] = content
	}
	with := object{}
	if a.Location {
		with["Location"] = object{
			"description": "The path of what was made.", "required": true, "schema": object{"type": "string", "format": "uri-reference"},
		}
	}
	if a.ETag {
		with["ETag"] = object{"description": "It changes with what the answer has.", "required": true, "schema": object{"type": "string"}}
	}
	if once {
		with["Idempotent-Replayed"] = object{"$ref": "#/components/headers/Idempotent-Replayed"}
	}
	if len(with) > 0 {
		out["headers"] = with
	}
	if a.Secret != "" {
		out["x-secret"] = a.Secret
	}
	return out
}

// idempotencyKey is the parameter of all changes.
var idempotencyKey = object{
	"name": "Idempotency-Key", "in": "header", "schema": object{"type": "string", "pattern": "^[ -~]{1,255}$"},
	"description": "A random text: the request is done once, however often it is sent with it.",
}

var headers = object{
	"Idempotent-Replayed": object{
		"description": "It is there when the answer is the one that was given before.", "schema": object{"type": "string", "const": "true"},
	},
	"Claviger-Error": object{"description": "The code.", "required": true, "schema": object{"type": "string"}},
	"Retry-After":    object{"description": "After how many seconds it makes sense to try again.", "schema": object{"type": "integer"}},
}

func problemOf(what string, codes []string) object {
	codes = slices.Compact(slices.Sorted(slices.Values(codes)))
	return object{
		"description": what + "`" + strings.Join(codes, "`, `") + "`",
		"x-codes":     codes,
		"headers": object{
			"Claviger-Error": object{"$ref": "#/components/headers/Claviger-Error"},
			"Retry-After":    object{"$ref": "#/components/headers/Retry-After"},
		},
		"content": object{"application/problem+json": object{"schema": ref("Problem")}},
	}
}
