package integration

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/claviger-proxy/claviger/client"
)

// receiver is an app's endpoint for events, which verifies what it gets as the app would: with the
// library of Standard Webhooks. Below each path it is another webhook.
type receiver struct {
	t    *testing.T
	port int

	mu     sync.Mutex
	server *http.Server
	// verifiers and status are by path; without a status it is 204.
	verifiers map[string]*standardwebhooks.Webhook
	status    map[string]int
	got       map[string][]received
}

// received is one request that a receiver has taken.
type received struct {
	event client.Event
	body  string
	// signatures is how many there were in the header.
	signatures int
}

// urlSecret is in the URL of every webhook of these tests.
const urlSecret = "key=of-the-receiver"

func newReceiver(t *testing.T) *receiver {
	r := &receiver{
		t: t, port: freePort(t), verifiers: map[string]*standardwebhooks.Webhook{}, status: map[string]int{}, got: map[string][]received{},
	}
	t.Cleanup(r.down)
	return r
}

// up begins to listen.
func (r *receiver) up() {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+itoa(r.port))
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server = &http.Server{Handler: r}
	go r.server.Serve(l) // ends with down
}

// down lets nobody connect any more.
func (r *receiver) down() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		_ = r.server.Close()
	}
}

// url is that of a webhook.
func (r *receiver) url(path string) string {
	return "http://127.0.0.1:" + itoa(r.port) + "/" + path + "?" + urlSecret
}

// verifies has requests to a path verified by a secret.
func (r *receiver) verifies(path, secret string) {
	r.t.Helper()
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verifiers[path] = v
}

func (r *receiver) answers(path string, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status[path] = status
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Errorf("reading the body: %v", err)
		return
	}
	path := strings.TrimPrefix(req.URL.Path, "/")
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.verifiers[path]; v == nil || v.Verify(body, req.Header) != nil {
		r.t.Errorf("/%s: the signature is not good", path)
	}
	if status := r.status[path]; status != 0 {
		w.WriteHeader(status)
		return
	}
	one := received{body: string(body), signatures: len(strings.Fields(req.Header.Get("Webhook-Signature")))}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&one.event); err != nil || req.Header.Get("Webhook-Id") != one.event.ID || req.URL.RawQuery != urlSecret || req.Method != "POST" {
		r.t.Errorf("/%s got %s with %v, %v", path, req.Method, req.Header, err)
	}
	r.got[path] = append(r.got[path], one)
	w.WriteHeader(http.StatusNoContent)
}

// events are what came to a path, in the order in which it has happened.
func (r *receiver) events(path string) []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(r.got[path])
	slices.SortStableFunc(list, func(a, b received) int { return strings.Compare(a.event.ID, b.event.ID) })
	return list
}

// lines are the events of a path, with what is special about each.
func (r *receiver) lines(path string) (all []string) {
	for _, one := range r.events(path) {
		d := one.event.Data
		line := []string{strings.TrimPrefix(one.event.Type, "connected_account.")}
		for _, text := range []string{d.OldStatus, d.Status, d.Reason, d.Class} {
			if text != "" {
				line = append(line, text)
			}
		}
		all = append(all, strings.Join(line, " "))
	}
	return all
}

// webhookSecret is a random secret of a webhook.
func webhookSecret() string {
	key := make([]byte, 32)
	rand.Read(key) // it never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

// deliverers counts the goroutines that deliver events.
func deliverers() int {
	stacks := make([]byte, 8<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "internal/webhook.(*Deliverer).Run(")
}

// page is an answer of the admin endpoint.
func (s *sidecar) page(path string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.admin()+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := persist(newClient(s.t, nil), req)
	if err != nil || a.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: got %v %s", path, err, a.body)
	}
	return a.body
}
