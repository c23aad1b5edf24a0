package declared_test

import (
	"cmp"
	"reflect"
	"regexp"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// template is a template of a text that is known to be one.
func template(text string) connectors.Template {
	t, err := connectors.ParseTemplate(text)
	if err != nil {
		panic(err)
	}
	return t
}

// templates are other templates than t for the same place.
func templates(path string, t connectors.Template) (list []any) {
	text := t.String()
	texts := []string{text + "x", "x" + text, text + "-x"}
	switch {
	case text == "":
		texts = []string{"https://other.example.com/other", "other", "{client_id}"}
	case strings.HasSuffix(path, "key") || strings.HasSuffix(path, "cert"):
		texts = []string{"x" + text}
	case strings.Contains(text, "?"):
		texts = append([]string{strings.Replace(text, "?", "/x?", 1)}, texts...)
	}
	for _, other := range texts {
		if t, err := connectors.ParseTemplate(other); err == nil {
			list = append(list, t)
		}
	}
	return list
}

// words are what a text can be that is one of a few.
var words = []string{
	"required", "off", "install",
	"basic", "basic_raw", "post", "none", "private_key_jwt", "client_secret_jwt", "bearer", "client",
	"POST", "GET", "PUT", "DELETE", "HEAD",
	"form", "json", "query", "text", "header", "cookie",
	"in_s", "in_ms", "in_min", "at_s", "at_ms", "rfc3339",
	"refresh_token", "access_token", "reauth", "requested", "granted", "refresh", "access",
	"always", "never", "sometimes", "connect", "both", "id_token", "token",
	"body", "path", "HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT", "RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS384",
	"hex", "base64", "base64url", "sha256", "sha1", "sha512", "value", "name=value", "jwt_exp", "introspection",
	"unix", "unix_ms", "http", "date", "sigv4", "oauth1", "hmac", "ed25519", "wsse",
	"emailAddress", "persistent", "unspecified", "X509", "Password",
	"objects", "texts", "map",
	"method", "host", "query", "path_and_query", "url", "body_sha256", "timestamp", "nonce", "key_id",
	"cursor", "next_url", "link", "page", "offset",
	";", ",", "+", " ",
}

// standards are what an empty text stands for.
var standards = []struct {
	path  *regexp.Regexp
	value string
}{
	{regexp.MustCompile(`(verify|identity|discover\[\d+\])\.method\z`), "GET"},
	{regexp.MustCompile(`signer\.method\z`), "HMAC-SHA1"},
	{regexp.MustCompile(`\.method\z`), "POST"},
	{regexp.MustCompile(`\.body\z`), "form"},
	{regexp.MustCompile(`\.as\z`), "in_s"},
	{regexp.MustCompile(`\.format\z`), "json"},
	{regexp.MustCompile(`scope(\.|_)separator\z`), " "},
	{regexp.MustCompile(`refresh\.scope\z`), "none"},
	{regexp.MustCompile(`revoke\.token\z`), "refresh"},
	{regexp.MustCompile(`\.auth\z`), "client"},
	{regexp.MustCompile(`\.pkce\z`), "required"},
	{regexp.MustCompile(`callback\.state\z`), "required"},
	{regexp.MustCompile(`response_type\z`), "code"},
	{regexp.MustCompile(`key_encoding\z`), "text"},
	{regexp.MustCompile(`saml\.encoding\z`), "base64url"},
	{regexp.MustCompile(`\.encoding\z`), "hex"},
	{regexp.MustCompile(`saml\.(subject_format|authentication)\z`), "unspecified"},
	{regexp.MustCompile(`\.pairs\z`), "value"},
	{regexp.MustCompile(`\.hash\z`), "sha256"},
	{regexp.MustCompile(`timestamp_as\z`), "unix"},
	{regexp.MustCompile(`\.when\z`), "both"},
	{regexp.MustCompile(`paginate\.in\z`), "query"},
	{regexp.MustCompile(`items_as\z`), "objects"},
}

// standard is what an empty text stands for in a place.
func standard(c *connectors.Connector, path string) string {
	switch {
	case path == "refresh.with" && c.Mode.NeedsUser():
		return connectors.RefreshWithToken
	case path == "refresh.with":
		return connectors.RefreshWithGrant
	case path == "refresh.method" && c.Token.Method != "":
		return c.Token.Method
	}
	for _, s := range standards {
		if s.path.MatchString(path) {
			return s.value
		}
	}
	return ""
}

// same tells whether two texts mean the same in a place where an empty one is the standard one.
func same(c *connectors.Connector, path, standard, a, b string) bool {
	a, b = cmp.Or(a, standard), cmp.Or(b, standard)
	if strings.HasSuffix(path, ".auth") && strings.HasPrefix(string(c.Token.ClientAuth), "basic") {
		a, b = strings.Replace(a, "client", "basic", 1), strings.Replace(b, "client", "basic", 1)
	}
	return a == b
}

// texts are other texts than s for the same place. What can be any text gets a longer one.
func texts(c *connectors.Connector, path, s string, t reflect.Type) (list []any) {
	add := func(text string) { list = append(list, reflect.ValueOf(text).Convert(t).Interface()) }
	switch {
	case strings.Contains(s, "?"):
		add(strings.Replace(s, "?", "/x?", 1))
	case s != "" && (strings.HasSuffix(path, ".text") || strings.HasSuffix(path, ".contains")):
		add(s[:len(s)-1]) // a longer one has the text in it
	case s != "":
		add(s + "x")
		add(s + "-x")
	default:
		add("other")
		add("/other")
		add("{signature} other")
	}
	empty := standard(c, path)
	for _, word := range words {
		if !same(c, path, empty, word, s) {
			add(word)
		}
	}
	return list
}

// tree is a tree as it stands in a file.
func tree(source string) *connectors.Tree {
	const file = "schema: 1\nname: tree\ntitle: Tree\nmode: login\nsteps: [{request: {url: https://tree.example.com, json: JSON}}]\n" +
		"api: {base_url: https://tree.example.com}\ninject: [{in: header, name: X-Tree, template: \"{client_id}\"}]\n"
	c, err := connectors.Decode("tree.yaml", []byte(strings.Replace(file, "JSON", source, 1)))
	if err != nil {
		panic(err)
	}
	return c.Steps[0].Request.JSON
}

// put sets what the hops lead to. root can be set.
func put(v reflect.Value, hops []hop, to reflect.Value) {
	if len(hops) == 0 {
		v.Set(to)
		return
	}
	h, rest := hops[0], hops[1:]
	switch {
	case h.field != nil:
		put(v.FieldByIndex(h.field), rest, to)
	case h.in:
		put(v.Elem(), rest, to)
	case h.key.IsValid():
		one := reflect.New(v.Type().Elem()).Elem()
		one.Set(v.MapIndex(h.key))
		put(one, rest, to)
		v.SetMapIndex(h.key, one)
	default:
		put(v.Index(h.index), rest, to)
	}
}

// copied is a deep copy that can be set. Templates and trees do not change, and stay the same.
func copied(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Interface().(type) {
	case connectors.Template, *connectors.Tree:
		return c
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.Set(reflect.New(v.Type().Elem()))
			c.Elem().Set(copied(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			c.Field(i).Set(copied(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				c.Index(i).Set(copied(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			c.Set(reflect.MakeMap(v.Type()))
			for _, key := range v.MapKeys() {
				c.SetMapIndex(key, copied(v.MapIndex(key)))
			}
		}
	}
	return c
}
