//go:build peers

package peers

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// judge is a token endpoint that has xmlsec1 look at assertions, and knows nothing of them but the certificate.
type judge struct {
	*httptest.Server
	t    *testing.T
	cert string
	ttl  time.Duration

	mu         sync.Mutex
	assertions [][]byte
	tokens     map[string]string // whose they are
}

func newJudge(t *testing.T, cert string, ttl time.Duration) *judge {
	t.Helper()
	j := &judge{t: t, cert: filepath.Join(t.TempDir(), "cert.pem"), ttl: ttl, tokens: map[string]string{}}
	if err := os.WriteFile(j.cert, []byte(cert), 0o600); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", j.token)
	mux.HandleFunc("GET /me", j.me)
	j.Server = httptest.NewServer(mux)
	t.Cleanup(j.Close)
	return j
}

// port is that of the server.
func (j *judge) port() int { return j.Listener.Addr().(*net.TCPAddr).Port }

// verify tells what xmlsec1 says of a document for who has that certificate, whatever key the document brings.
func (j *judge) verify(document []byte, cert string) error {
	dir, err := os.MkdirTemp(j.t.TempDir(), "")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "assertion.xml")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		return err
	}
	out, err := exec.CommandContext(j.t.Context(), tools.xmlsec, "--verify", "--pubkey-cert-pem", cert, "--enabled-key-data", "rsa",
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (j *judge) token(w http.ResponseWriter, r *http.Request) {
	assertion, err := base64.RawURLEncoding.DecodeString(r.PostFormValue("assertion"))
	if err == nil {
		err = j.verify(assertion, j.cert)
	}
	var says struct {
		NameID string `xml:"Subject>NameID"`
	}
	if err == nil {
		err = xml.Unmarshal(assertion, &says)
	}
	if err != nil || r.PostFormValue("grant_type") != "urn:ietf:params:oauth:grant-type:saml2-bearer" {
		j.t.Logf("refused: %v", err)
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(object{"error": "invalid_grant"})
		return
	}
	token := "saml-token-" + rand.Text()
	addSecrets(token, base64.RawURLEncoding.EncodeToString(assertion))
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tokens[token], j.assertions = says.NameID, append(j.assertions, assertion)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object{"access_token": token, "token_type": "Bearer", "expires_in": int(j.ttl.Seconds())})
}

func (j *judge) me(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	who, ok := j.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_ = json.NewEncoder(w).Encode(object{"user": who})
}

// samlKey makes a key and its certificate, in PEM.
func samlKey(t *testing.T) (key, cert string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, private), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// xmlsec1 takes the signatures of assertions, whatever their values are, and sees each change of one.
func TestSAMLBearer(t *testing.T) {
	t.Parallel()
	key, cert := samlKey(t)
	const ttl = 2 * time.Second
	j := newJudge(t, cert, ttl)
	c := startClavigerWith(t, freePort(t), lazily, connection{
		name: "saml", connector: "saml", id: "us", port: j.port(), params: map[string]string{"key": key, "certificate": cert},
	})
	users := map[string]string{"u-plain": "ada@example.com", "u-odd": `O'Hara <&> "Söhne" ]]> &amp;`}
	for identifier, user := range users {
		a, err := c.api.CreateAccount(t.Context(), client.NewAccount{Connection: "saml", Identifier: identifier, Inputs: map[string]string{"user": user}})
		if err != nil || a.Status != client.StatusActive {
			t.Fatalf("%s: the account is %+v, %v", identifier, a, err)
		}
	}
	time.Sleep(ttl + 100*time.Millisecond) // a second assertion each
	for identifier, user := range users {
		var says struct{ User string }
		got, err := c.get("/me", "saml/"+identifier)
		if err != nil || json.Unmarshal([]byte(got.body), &says) != nil || says.User != user {
			t.Errorf("%s is %q at the provider, %v; want %q", identifier, got.body, err, user)
		}
	}
	if len(j.assertions) != 2*len(users) {
		t.Errorf("%d assertions were taken, want %d", len(j.assertions), 2*len(users))
	}
	_, other := samlKey(t)
	othersFile := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(othersFile, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	good := string(j.assertions[slices.IndexFunc(j.assertions, func(a []byte) bool { return strings.Contains(string(a), "ada@") })])
	if j.verify([]byte(good), othersFile) == nil {
		t.Error("an assertion is good for another certificate")
	}
	for _, change := range [][2]string{
		{"ada@example.com", "eve@example.com"},
		{"peers.example.com", "other.example.com"},
		{`NotOnOrAfter="2`, `NotOnOrAfter="3`},
		{"/token", "/other"},
		{` Version="2.0"`, ` Version="2.0" xml:lang="x"`},
		{"</saml:Subject>", "<saml:NameID>eve</saml:NameID></saml:Subject>"},
		{">https://issuer.", ">https://other."},
	} {
		if changed := strings.Replace(good, change[0], change[1], 1); changed == good || j.verify([]byte(changed), j.cert) == nil {
			t.Errorf("%s in place of %s goes unseen", change[1], change[0])
		}
	}
}

// A signature of somebody else's is refused by the judge, and nothing is saved.
func TestSAMLBearerRefused(t *testing.T) {
	t.Parallel()
	key, cert := samlKey(t)
	_, registered := samlKey(t)
	j := newJudge(t, registered, time.Minute)
	c := startClaviger(t, freePort(t), connection{name: "saml", connector: "saml", id: "us", port: j.port(), params: map[string]string{"key": key, "certificate": cert}})
	_, err := c.api.CreateAccount(t.Context(), client.NewAccount{Connection: "saml", Identifier: "u-1", Inputs: map[string]string{"user": "ada"}})
	wantCode(t, err, "credential_refused")
	c.wantNoAccount("saml", "u-1")
}
