package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/claviger-proxy/claviger/connectors"
)

// document is what a connector takes of a description: of OpenAPI 3, or of Swagger 2.0, whose members have
// other names. Everything else, which is nearly all of it, is not looked at, so that a mistake in some schema
// stops nobody.
type document struct {
	OpenAPI string `json:"openapi"`
	Swagger string `json:"swagger"`
	Info    struct {
		Title       string `json:"title"`
		Description string `json:"description"`
	} `json:"info"`
	ExternalDocs struct {
		URL string `json:"url"`
	} `json:"externalDocs"`
	Security []map[string][]string `json:"security"`

	Servers    []server `json:"servers"`
	Components struct {
		SecuritySchemes map[string]*securityScheme `json:"securitySchemes"`
	} `json:"components"`

	Host                string                     `json:"host"`
	BasePath            string                     `json:"basePath"`
	Schemes             []string                   `json:"schemes"`
	SecurityDefinitions map[string]*securityScheme `json:"securityDefinitions"`
}

type server struct {
	URL       string              `json:"url"`
	Variables map[string]variable `json:"variables"`
}

type variable struct {
	Enum        []string `json:"enum"`
	Default     string   `json:"default"`
	Description string   `json:"description"`
}

type securityScheme struct {
	Ref         string `json:"$ref"`
	Type        string `json:"type"`
	Description string `json:"description"`
	// Name and In are those of an API key.
	Name string `json:"name"`
	In   string `json:"in"`
	// Scheme is that of HTTP authentication.
	Scheme string          `json:"scheme"`
	Flows  map[string]flow `json:"flows"`
	// The others are Swagger 2.0's.
	Flow             string            `json:"flow"`
	AuthorizationURL string            `json:"authorizationUrl"`
	TokenURL         string            `json:"tokenUrl"`
	Scopes           map[string]string `json:"scopes"`
}

// flow is one of OAuth's.
type flow struct {
	AuthorizationURL       string            `json:"authorizationUrl"`
	DeviceAuthorizationURL string            `json:"deviceAuthorizationUrl"`
	TokenURL               string            `json:"tokenUrl"`
	RefreshURL             string            `json:"refreshUrl"`
	Scopes                 map[string]string `json:"scopes"`
}

// The names that OpenAPI 3 gives the flows.
const (
	flowCode     = "authorizationCode"
	flowClient   = "clientCredentials"
	flowPassword = "password"
	flowDevice   = "deviceAuthorization"
)

// parse reads a description, written in JSON or YAML.
func parse(data []byte) (*document, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the document has more than %d MiB", MaxSize>>20)
	}
	d := new(document)
	if err := decode(data, d); err != nil {
		return nil, fmt.Errorf("the document cannot be read: %w", err)
	}
	switch {
	case strings.HasPrefix(d.OpenAPI, "3."):
		return d, nil
	case d.Swagger == "2.0":
		d.upgrade()
		return d, nil
	case d.OpenAPI+d.Swagger == "":
		return nil, errors.New("this is no OpenAPI document: it has neither openapi nor swagger, which say the version")
	}
	return nil, fmt.Errorf("OpenAPI %.20s is not known; 3.x and Swagger 2.0 are", d.OpenAPI+d.Swagger)
}

func decode(data []byte, d *document) (err error) {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n\ufeff"), []byte("{")) {
		return json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), d)
	}
	if line := connectors.TooDeep(data); line > 0 {
		return fmt.Errorf("line %d is nested too deeply", line)
	}
	// The YAML parser is not ours: a document that trips it is a broken one.
	defer func() {
		if recover() != nil {
			err = errors.New("it is not YAML")
		}
	}()
	if err := yaml.Unmarshal(data, d); err != nil {
		return errors.New(firstLine(yaml.FormatError(err, false, false)))
	}
	return nil
}

func firstLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// upgrade gives the members of Swagger 2.0 the places that they have in OpenAPI 3.
func (d *document) upgrade() {
	if d.Host != "" {
		scheme := "https"
		if len(d.Schemes) > 0 && !slices.Contains(d.Schemes, scheme) {
			scheme = d.Schemes[0]
		}
		d.Servers = []server{{URL: scheme + "://" + d.Host + d.BasePath}}
	}
	d.Components.SecuritySchemes = d.SecurityDefinitions
	for _, s := range d.SecurityDefinitions {
		switch {
		case s == nil:
		case s.Type == "basic":
			s.Type, s.Scheme = "http", "basic"
		case s.Type == "oauth2":
			names := map[string]string{"accessCode": flowCode, "application": flowClient}
			name := s.Flow
			if known, ok := names[name]; ok {
				name = known
			}
			s.Flows = map[string]flow{name: {AuthorizationURL: s.AuthorizationURL, TokenURL: s.TokenURL, Scopes: s.Scopes}}
		}
	}
}

// scheme is the security scheme with that name, wherever it stands in the document.
func (d *document) scheme(name string) (*securityScheme, bool) {
	for range 10 { // a reference may lead to another one
		s := d.Components.SecuritySchemes[name]
		if s == nil {
			return nil, false
		}
		if s.Ref == "" {
			return s, true
		}
		var local bool
		if name, local = strings.CutPrefix(s.Ref, "#/components/securitySchemes/"); !local {
			return nil, false
		}
	}
	return nil, false
}
