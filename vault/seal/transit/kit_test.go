package transit_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/vault/seal/transit"
)

const token = "hvs.do-not-print-this-token"

// server answers as the transit engine of Vault and OpenBao does to a token whose policy has the
// capability update on encrypt and decrypt.
type server struct {
	*httptest.Server
	mount, namespace string

	mu       sync.Mutex
	keys     map[string]*engineKey
	requests []*http.Request
	instead  http.HandlerFunc // answers everything, when it is set
}

// engineKey is a key of the engine with its versions, of which the first is 1.
type engineKey struct {
	versions   []cipher.AEAD
	minDecrypt int
	derived    bool
	signs      bool // its type encrypts nothing
}

func newKey(t testing.TB) *engineKey {
	t.Helper()
	k := &engineKey{}
	k.rotate(t)
	return k
}

func (k *engineKey) rotate(t testing.TB) {
	t.Helper()
	raw := make([]byte, 32)
	rand.Read(raw)
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	k.versions = append(k.versions, a)
}

// startServer starts a server with the key "claviger" on a loopback port.
func startServer(t testing.TB, tls bool) *server {
	t.Helper()
	s := &server{mount: "transit", keys: map[string]*engineKey{"claviger": newKey(t)}}
	if tls {
		s.Server = httptest.NewTLSServer(s)
	} else {
		s.Server = httptest.NewServer(s)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *server) answer(f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = f
}

func (s *server) seen() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func refuse(w http.ResponseWriter, status int, says string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []string{says}})
}

// refusing answers everything with one refusal, which repeats the token.
func refusing(status int, says string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		refuse(w, status, says+" "+r.Header.Get("X-Vault-Token"))
	}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	instead := s.instead
	s.mu.Unlock()
	if instead != nil {
		io.Copy(io.Discard, r.Body) // else the server does not notice that the client is gone
		instead(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/"+s.mount+"/")
	verb, name, _ := strings.Cut(path, "/")
	switch {
	case r.Header.Get("X-Vault-Namespace") != s.namespace || !ok || verb != "encrypt" && verb != "decrypt":
		refuse(w, http.StatusNotFound, fmt.Sprintf("no handler for route %q. route entry not found.", strings.TrimPrefix(r.URL.Path, "/v1/")))
	case r.Method != http.MethodPut && r.Method != http.MethodPost:
		refuse(w, http.StatusMethodNotAllowed, "unsupported operation")
	case r.Header.Get("X-Vault-Token") == "":
		refuse(w, http.StatusForbidden, "permission denied")
	case r.Header.Get("X-Vault-Token") != token:
		refuse(w, http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
	case s.keys[name] == nil && verb == "encrypt": // it would make the key, which the policy forbids
		refuse(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	case s.keys[name] == nil:
		refuse(w, http.StatusBadRequest, "encryption key not found")
	default:
		s.serve(w, r, verb, s.keys[name])
	}
}

func (s *server) serve(w http.ResponseWriter, r *http.Request, verb string, k *engineKey) {
	var in struct {
		Plaintext, Ciphertext, Context string
		AssociatedData                 string `json:"associated_data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "failed to parse JSON input: "+err.Error())
		return
	}
	bound, err := base64.StdEncoding.DecodeString(in.AssociatedData)
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
	case k.signs && len(bound) > 0:
		refuse(w, http.StatusBadRequest, "'[0].associated_data' provided for non-AEAD cipher suite rsa-4096")
	case k.derived && in.Context == "":
		refuse(w, http.StatusBadRequest, "missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key")
	case verb == "encrypt":
		k.encrypt(w, in.Plaintext, bound)
	default:
		k.decrypt(w, in.Ciphertext, bound)
	}
}

func (k *engineKey) encrypt(w http.ResponseWriter, plaintext string, bound []byte) {
	plain, err := base64.StdEncoding.DecodeString(plaintext)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	n := len(k.versions)
	nonce := make([]byte, 12)
	rand.Read(nonce)
	out := k.versions[n-1].Seal(nonce, nonce, plain, bound)
	result(w, map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", n, base64.StdEncoding.EncodeToString(out)), "key_version": n})
}

func (k *engineKey) decrypt(w http.ResponseWriter, ciphertext string, bound []byte) {
	version, text, ok := strings.Cut(strings.TrimPrefix(ciphertext, "vault:v"), ":")
	n, err := strconv.Atoi(version)
	switch {
	case !strings.HasPrefix(ciphertext, "vault:v"):
		refuse(w, http.StatusBadRequest, "invalid ciphertext: no prefix")
		return
	case !ok || err != nil || n < 1:
		refuse(w, http.StatusBadRequest, "invalid ciphertext: wrong number of fields")
		return
	case n > len(k.versions):
		refuse(w, http.StatusBadRequest, "invalid ciphertext: version is too new")
		return
	case n < k.minDecrypt:
		refuse(w, http.StatusBadRequest, "ciphertext or signature version is disallowed by policy (too old)")
		return
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) < 12 {
		refuse(w, http.StatusBadRequest, "invalid ciphertext: could not decode base64")
		return
	}
	plain, err := k.versions[n-1].Open(nil, raw[:12], raw[12:], bound)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	result(w, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)})
}

func result(w http.ResponseWriter, data map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"request_id": "8c1c8c0a-0000-0000-0000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
		"data": data, "wrap_info": nil, "warnings": nil, "auth": nil,
	})
}

// options are those of a server with the key "claviger".
func (s *server) options() transit.Options {
	return transit.Options{Address: s.URL, Key: "claviger", Token: func() (string, error) { return token, nil }}
}

func newKeys(t testing.TB, o transit.Options) *transit.Keys {
	t.Helper()
	k, err := transit.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
