package oauth_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// declared returns an app of the connector that the text declares; BASE in it is where its provider is.
// values are names of templates and their values, one after the other.
func declared(t testing.TB, base, yaml string, values ...string) oauth.App {
	t.Helper()
	head := "schema: 1\nname: provider\ntitle: Provider\n"
	if !strings.Contains(yaml, "\napi:") {
		head += "api: {base_url: BASE}\n"
	}
	c, err := connectors.Decode("provider.yaml", []byte(strings.ReplaceAll(head+yaml, "BASE", base)))
	if err != nil {
		t.Fatal(err)
	}
	app := oauth.App{
		Connector: c, Values: connectors.Values{},
		ClientID: "id", ClientSecret: vault.NewSecret(clientSecret),
	}
	for i := 0; i < len(values); i += 2 {
		app.Values[values[i]] = values[i+1]
	}
	if app.Endpoints, err = c.Endpoints(maps.Clone(app.Values)); err != nil {
		t.Fatal(err)
	}
	return app
}

// usual are the lines of a request that say nothing about the connector.
var usual = []string{
	"Host: HOST", "User-Agent: claviger", "Accept: application/json", "Accept-Encoding: identity", "Connection: close", formType,
}

// wire is a recorded request without what is usual: the request line, other headers, an empty line and the
// body.
func wire(t testing.TB, raw string) string {
	t.Helper()
	head, body, ok := strings.Cut(raw, "\r\n\r\n")
	if !ok {
		t.Fatalf("no request: %q", raw)
	}
	var lines []string
	for _, line := range strings.Split(head, "\r\n") {
		if strings.HasPrefix(line, "Content-Length: ") {
			continue
		}
		if !slices.Contains(usual, line) {
			lines = append(lines, strings.TrimSuffix(line, " HTTP/1.1"))
		}
	}
	return strings.Join(lines, "\n") + "\n\n" + body
}

func sameWire(t testing.TB, raw, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(wire(t, raw), "\n")); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// revealed lets cmp compare secrets.
var revealed = cmp.Transformer("reveal", func(s vault.Secret) string { return s.Reveal() })

func sameToken(t testing.TB, got, want oauth.Token) {
	t.Helper()
	if diff := cmp.Diff(want, got, revealed); diff != "" {
		t.Errorf("token (-want +got):\n%s", diff)
	}
}

// claimsOf checks a JWT's signature and returns its claims.
func claimsOf(t testing.TB, token string, alg jose.SignatureAlgorithm, key any) map[string]any {
	t.Helper()
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{alg})
	if err != nil {
		t.Fatalf("%q is no JWT: %v", token, err)
	}
	body, err := signed.Verify(key)
	if err != nil {
		t.Fatalf("the JWT's signature: %v", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(body, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
