package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/client"
)

// authority signs client certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, certificateOf("authority"), certificateOf("authority"), key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func certificateOf(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: name == "authority", BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// issue returns the inputs of an account with a certificate for a name. The leak check looks for the key.
func (a authority) issue(t *testing.T, name string) map[string]string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, certificateOf(name), a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	watchSecret(strings.Split(text, "\n")[2])
	return map[string]string{"cert": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "key": text}
}

// certAPI is an API that wants a client certificate, and answers whose it is.
type certAPI struct {
	*httptest.Server
	authority

	mu       sync.Mutex
	open     map[net.Conn]bool
	dialled  int
	requests int
}

func newCertAPI(t *testing.T, http2 bool) *certAPI {
	t.Helper()
	a := &certAPI{authority: newAuthority(t), open: map[net.Conn]bool{}}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.requests++
		a.mu.Unlock()
		fmt.Fprintf(w, "%s %s", r.Proto, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	a.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		a.mu.Lock()
		defer a.mu.Unlock()
		switch state {
		case http.StateNew:
			a.open[conn] = true
			a.dialled++
		case http.StateClosed:
			delete(a.open, conn)
		}
	}
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	a.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	a.EnableHTTP2 = http2
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

// counts are the connections that are open, those that there were, and the requests.
func (a *certAPI) counts() (open, dialled, requests int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open), a.dialled, a.requests
}

// startCertified runs a sidecar with a connector whose credential is the certificate, and nothing else.
func startCertified(t *testing.T, a *certAPI) *sidecar {
	t.Helper()
	s := prepare(t, options{
		claviger: "connection cert {\n }",
		proxy:    "transport {\n tls_trust_pool file @dir@/roots.pem\n }",
		// So that there is a folder of connectors.
		connectors: map[string]string{"other": "api:\n  base_url: http://127.0.0.1:{app.port}"},
	})
	s.write("roots.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})))
	s.write("connectors/cert.yaml", "schema: 1\nname: cert\ntitle: Cert\nmode: static\n"+
		"account: [{name: cert, secret: true, multiline: true}, {name: key, secret: true, multiline: true}]\n"+
		"client_cert: {cert: \"{account.cert}\", key: \"{account.key}\"}\napi: {base_url: \""+a.URL+"\"}\n")
	s.load(s.caddyfile())
	return s
}

func (s *sidecar) certified(name string, inputs map[string]string) {
	s.t.Helper()
	if _, err := s.api().CreateAccount(s.t.Context(), client.NewAccount{Connection: "cert", Identifier: name, Inputs: inputs}); err != nil {
		s.t.Fatal(err)
	}
}

// The API is shown the account's own certificate on each connection, which is kept, and never another one's.
func TestClientCertificate(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			a := newCertAPI(t, proto == "HTTP/2.0")
			s := startCertified(t, a)
			names := []string{"ada", "bob", "eve"}
			for _, name := range names {
				s.certified(name, a.issue(t, name))
			}
			for range 5 {
				for _, name := range names {
					if got := s.get("/v1/me", "Connected-Account: cert/"+name); got.body != proto+" "+name {
						t.Errorf("%s is %d %q to the API", name, got.StatusCode, got.body)
					}
				}
			}
			if _, dialled, _ := a.counts(); dialled != len(names) {
				t.Errorf("there were %d connections for %d certificates", dialled, len(names))
			}
			config, err := http.Get(s.admin() + "/config/")
			if err != nil {
				t.Fatal(err)
			}
			defer config.Body.Close()
			text, err := io.ReadAll(config.Body)
			if err != nil || strings.Contains(string(text), "PRIVATE KEY") || strings.Contains(string(text), "BEGIN CERTIFICATE") {
				t.Errorf("a certificate or its key is in the configuration, %v", err)
			}
		})
	}
}

// What cannot be presented is not sent without, and a certificate that the API does not take is called that.
func TestClientCertificateRefused(t *testing.T) {
	a := newCertAPI(t, false)
	s := startCertified(t, a)
	good, other := a.issue(t, "ada"), a.issue(t, "bob")
	for name, inputs := range map[string]map[string]string{
		"mixed":   {"cert": good["cert"], "key": other["key"]},
		"no-key":  {"cert": good["cert"], "key": "KEY-THAT-IS-NONE"},
		"no-cert": {"cert": "nothing", "key": good["key"]},
	} {
		s.certified(name, inputs)
		got := s.get("/v1/me", "Connected-Account: cert/"+name)
		if got.StatusCode != http.StatusConflict || got.Header.Get("Claviger-Error") != "credential_unfit" || strings.Contains(got.body, "KEY-THAT") {
			t.Errorf("%s: got %d %s", name, got.StatusCode, got.body)
		}
	}
	if _, dialled, _ := a.counts(); dialled != 0 {
		t.Errorf("the API was called %d times", dialled)
	}
	s.certified("stranger", newAuthority(t).issue(t, "stranger"))
	got := s.get("/v1/me", "Connected-Account: cert/stranger")
	if got.StatusCode != http.StatusBadGateway || got.Header.Get("Claviger-Error") != "provider_tls" || !strings.Contains(got.body, "client certificate") {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	if _, _, requests := a.counts(); requests != 0 {
		t.Errorf("the API has read %d requests", requests)
	}
}

// An API whose own certificate is not trusted gets no certificate and no request.
func TestClientCertificateServer(t *testing.T) {
	a := newCertAPI(t, false)
	s := startCertified(t, a)
	s.options.proxy = ""
	s.load(s.caddyfile())
	s.certified("ada", a.issue(t, "ada"))
	got := s.get("/v1/me", "Connected-Account: cert/ada")
	if _, _, requests := a.counts(); got.Header.Get("Claviger-Error") != "provider_tls" || requests != 0 {
		t.Errorf("got %d %s, and %d requests were read", got.StatusCode, got.body, requests)
	}
}

// Many accounts do not leave as many connections, and the end of the configuration leaves none.
func TestClientCertificates(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2 %t", http2), func(t *testing.T) {
			a := newCertAPI(t, http2)
			s := startCertified(t, a)
			const accounts = 100
			for i := range accounts {
				name := fmt.Sprintf("user_%d", i)
				s.certified(name, a.issue(t, name))
				if got := s.get("/v1/me", "Connected-Account: cert/"+name); !strings.HasSuffix(got.body, " "+name) {
					t.Fatalf("%s is %d %q to the API", name, got.StatusCode, got.body)
				}
			}
			await(t, "64 connections are left", func() bool { open, _, _ := a.counts(); return open == 64 })
			if got := s.get("/v1/me", "Connected-Account: cert/user_99"); got.StatusCode != http.StatusOK {
				t.Errorf("got %d %s", got.StatusCode, got.body)
			}
			if _, dialled, _ := a.counts(); dialled != accounts {
				t.Errorf("there were %d connections: that of the last one was not used again", dialled)
			}
			if err := caddy.Stop(); err != nil {
				t.Fatal(err)
			}
			await(t, "no connection is left", func() bool { open, _, _ := a.counts(); return open == 0 })
		})
	}
}
