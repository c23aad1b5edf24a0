package api

import "strings"

// The forms of names, for the document.
const (
	namePattern       = `^[a-z0-9][a-z0-9_-]{0,62}$`
	identifierPattern = `^[A-Za-z0-9][A-Za-z0-9._@+=:|~-]{0,199}$`
	accountPattern    = `^ca_[0-9A-HJKMNP-TV-Z]{26}$`
)

// pathParams are the parameters of paths by what stands before them.
var pathParams = map[string]Param{
	"connectors/{name}":         {Text: "The connector's name.", Pattern: namePattern},
	"connections/{name}":        {Text: "The connection's name.", Pattern: namePattern},
	"earlier/{client}":          {Text: "The `client_id` of an earlier client."},
	"apps/{connector}":          {Text: "The connector's name.", Pattern: namePattern},
	"links/{id}":                {Text: "The link's ID."},
	"accounts/{id}":             {Text: "The account's ID.", Pattern: accountPattern},
	"accounts/{connection}":     {Text: "The name of the account's connection.", Pattern: namePattern},
	"{connection}/{identifier}": {Text: "The app's name for its user.", Pattern: identifierPattern},
	"events/{id}":               {Text: "The event's ID."},
	"webhooks/{name}":           {Text: "The webhook's name.", Pattern: namePattern},
	"deliveries/{id}":           {Text: "The delivery's ID."},
	"keys/{key}":                {Text: "The key's ID."},
}

// Path is the path of the route below the prefix, and Method its method.
func (o Operation) Path() string {
	_, path, _ := strings.Cut(o.Route, " ")
	return path
}

// Method is the route's method.
func (o Operation) Method() string {
	method, _, _ := strings.Cut(o.Route, " ")
	return method
}

// PathParams are the parameters that stand in braces in the route. One that nobody has described has no text.
func (o Operation) PathParams() []Param {
	var list []Param
	segments := strings.Split(o.Path(), "/")
	for i, s := range segments {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			p := pathParams[segments[i-1]+"/"+s]
			p.Name = strings.TrimSuffix(name, "}")
			list = append(list, p)
		}
	}
	return list
}
