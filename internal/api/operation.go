package api

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Operation is a route, and what the document of the API says about it. A new route is a line in the table,
// and an [About].
type Operation struct {
	// Route is a method and a path below the prefix, as [http.ServeMux] takes them.
	Route string
	do    func(*api, http.ResponseWriter, *http.Request) error
	About
}

// Group is operations that belong together.
type Group struct {
	Tag, Text  string
	Operations []Operation
}

// About tells what a route takes and answers. What every route may be given and answer with is not in it.
type About struct {
	// ID names the operation in programs, Summary for people. Text may be empty.
	ID, Summary, Text string
	// Params are those of the query, and headers. What stands in braces in the route is known by its place:
	// see [PathParam].
	Params []Param
	// Body is the type of the body's JSON object; nil is none. With MayBeBare it may be left out.
	Body      reflect.Type
	MayBeBare bool
	// Media are content types that the body may have instead of JSON.
	Media   []string
	Answers []Answer
	// Codes are those of the problems that belong to this route.
	Codes []string
}

// Param is a parameter of a request.
type Param struct {
	Name, Text string
	// Header tells that it is a header, not a parameter of the query.
	Header bool
	// Type is string unless it is given.
	Type string
	// Default, Max, Enum and Pattern are those of the value, where there is one.
	Default any
	Max     int
	Enum    []string
	Pattern string
	// Repeats tells that it may be there more than once.
	Repeats bool
}

// Answer is one that is no problem.
type Answer struct {
	Status int
	// Type is that of the JSON object; nil is none.
	Type reflect.Type
	// Media are the content types of what is no JSON, beside or instead of it.
	Media []string
	Text  string
	// Location tells that the header of that name has the path of what was made.
	Location bool
	// ETag tells that the header of that name identifies what the answer has.
	ETag bool
	// Secret says what in the answer is confidential; empty when nothing is.
	Secret string
}

// Groups returns the table of all routes.
func Groups() []Group { return groups }

// of is the type that a body or an answer has.
func of[T any]() reflect.Type { return reflect.TypeFor[T]() }

// ok is the answer 200 with a T.
func ok[T any]() []Answer {
	return []Answer{{Status: http.StatusOK, Type: of[T](), Text: "What was asked for."}}
}

// done is the answer 200 with a T as it is after the change.
func done[T any]() []Answer {
	return []Answer{{Status: http.StatusOK, Type: of[T](), Text: "It is done; this is what has come of it."}}
}

// made is the answer 201 with a T, and where that is.
func made[T any]() []Answer {
	return []Answer{{Status: http.StatusCreated, Type: of[T](), Text: "It is made.", Location: true}}
}

// gone is the answer 204.
func gone() []Answer { return []Answer{{Status: http.StatusNoContent, Text: "It is gone."}} }

// tagged adds the header ETag to the answers.
func tagged(answers []Answer) []Answer {
	for i := range answers {
		answers[i].ETag = true
	}
	return answers
}

// secret marks what in the answers is confidential.
func secret(what string, answers []Answer) []Answer {
	for i := range answers {
		answers[i].Secret = what
	}
	return answers
}

// codes are those that the text has, with spaces between them.
func codes(text string) []string { return strings.Fields(text) }

// paged adds the parameters of a list.
func paged(filters ...Param) []Param {
	return append(filters,
		Param{Name: "limit", Type: "integer", Default: defaultPage, Max: maxPage, Text: "How many items the page has at most."},
		Param{Name: "after", Text: "The `next` of the page before; the first page without it. The other parameters must be the same."})
}

// oneOf is a parameter with one of a few values.
func oneOf[S ~string](name, text string, values []S) Param {
	p := Param{Name: name, Text: text}
	for _, v := range values {
		p.Enum = append(p.Enum, string(v))
	}
	return p
}

// repeated is the same parameter that may be there more than once.
func repeated(p Param) Param {
	p.Repeats = true
	return p
}

// flag is a parameter that is true or false.
func flag(name, text string) Param {
	return Param{Name: name, Text: text, Type: "boolean", Default: false}
}

// named is the same operation for an account that connection and identifier name.
func named(by About) About {
	by.ID += "ByName"
	by.Summary += ", by connection and identifier"
	by.Codes = slices.Compact(slices.Sorted(slices.Values(append(codes("connection_not_found account_tag_invalid"), by.Codes...))))
	return by
}
