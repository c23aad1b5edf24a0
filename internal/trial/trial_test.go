package trial_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/trial"
)

// All cases of package declared, and a connector of each mode that is built in, pass their trial in each of their
// ways. The whole catalogue is tried by package declared.
func TestRun(t *testing.T) {
	list, err := connectors.LoadDir(os.DirFS("../declared/testdata"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gmail", "zendesk", "slack", "quickbooks", "snowflake", "zoom-s2s"} {
		list = append(list, builtin(t, name))
	}
	for _, c := range list {
		ways := c.Ways
		if len(ways) == 0 {
			ways = []connectors.Way{{}}
		}
		for _, w := range ways {
			one, _ := c.Way(w.ID)
			t.Run(strings.Trim(c.Name+"/"+w.ID, "/"), func(t *testing.T) {
				t.Parallel()
				passes(t, one)
			})
		}
	}
}

func builtin(t *testing.T, name string) *connectors.Connector {
	t.Helper()
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c, ok := catalog.Lookup(name)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return c
}

func passes(t *testing.T, c *connectors.Connector) {
	t.Helper()
	steps, err := trial.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 6 {
		t.Errorf("there are %d steps", len(steps))
	}
	for _, s := range steps {
		if s.Err != nil {
			t.Errorf("%s: %v", s.Name, s.Err)
		}
		if s.Note == "" {
			t.Errorf("%s says nothing", s.Name)
		}
	}
}

// What is sent is shown as the documentation of a provider would show it.
func TestRequests(t *testing.T) {
	way, _ := builtin(t, "zendesk").Way("oauth")
	steps, err := trial.Run(t.Context(), way)
	if err != nil {
		t.Fatal(err)
	}
	token := steps[0].Requests[1]
	want := trial.Request{
		Method: "POST", URL: "https://acme.zendesk.com/oauth/tokens", Status: 200,
		Headers: []string{"Accept-Encoding: identity", "Accept: application/json", "Content-Type: application/json", "User-Agent: claviger"},
		Body: `{"client_id":"{client_id}","client_secret":"{client_secret}","code":"{code}","code_verifier":"{code_verifier}",` +
			`"grant_type":"authorization_code","redirect_uri":"https://claviger.example.com/oauth/callback/trial"}`,
	}
	if diff := cmp.Diff(want, token); diff != "" {
		t.Error(diff)
	}
	authorize := steps[0].Requests[0]
	if !strings.HasSuffix(authorize.URL, "&response_type=code&scope=read&state={state}") || !strings.Contains(authorize.URL, "code_challenge={code_challenge}") {
		t.Errorf("the authorization request is shown as %s", authorize.URL)
	}
	basic, _ := builtin(t, "zendesk").Way("api-token")
	if steps, err = trial.Run(t.Context(), basic); err != nil {
		t.Fatal(err)
	}
	if got := steps[1].Requests[0].Headers; !slices.Contains(got, "Authorization: Basic ada@example.com/token:{account.api_token}") {
		t.Errorf("the app's request is shown with %q", got)
	}
}

// A step that goes wrong is the last one, and says why.
func TestRunFails(t *testing.T) {
	c, err := connectors.Decode("x.yaml", []byte(`schema: 1
name: odd
title: Odd
authorize: {url: "https://odd.example/authorize"}
token:
  url: https://odd.example/token
  client_auth: post
  response: {access: data, refresh: data.refresh}
api: {base_url: "https://odd.example"}
`))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := trial.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if last := steps[len(steps)-1]; last.Name != "connect" || last.Err == nil {
		t.Errorf("got %+v", steps)
	}
	c, err = connectors.Decode("x.yaml", []byte(`schema: 1
name: odd
title: Odd
mode: static
account: [{name: site, pattern: "[0-9]{400}x"}]
inject: [{in: header, name: X-Site, template: "{account.site}"}]
api: {base_url: "https://{account.site}.odd.example.com"}
`))
	if err != nil {
		t.Fatal(err)
	}
	if steps, err := trial.Run(t.Context(), c); err == nil {
		t.Errorf("got %+v, want an error: no host can be like that", steps)
	}
}

// A SAML assertion is shown as the XML that it is, without its signature, and the fields behind it are shown, too.
func TestAssertionIsReadable(t *testing.T) {
	steps, err := trial.Run(t.Context(), builtin(t, "sap-successfactors"))
	if err != nil {
		t.Fatal(err)
	}
	body := ""
	for _, s := range steps {
		for _, r := range s.Requests {
			if r.Method == "POST" && body == "" {
				body = r.Body
			}
		}
	}
	for _, want := range []string{
		"assertion=<saml:Assertion ", "<ds:Signature>…</ds:Signature><saml:Subject>", ">{client_id}</saml:AttributeValue>", "&client_id={client_id}&company_id=",
		"&grant_type=urn:ietf:params:oauth:grant-type:saml2-bearer",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("there is no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "SignatureValue") || strings.Contains(body, "X509Certificate") {
		t.Errorf("the signature is shown: %s", body)
	}
}
