package api_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// deck is a kit whose store and keys the test can get at.
type deck struct {
	*kit
	store   *slowStore
	keys    vaulttest.Keys
	resealt int // how often re-sealing was asked for
}

// slowStore takes a while to walk.
type slowStore struct {
	vault.Store
	wait time.Duration
}

func (s *slowStore) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		select {
		case <-time.After(s.wait):
		case <-ctx.Done():
			yield(vault.Record{}, ctx.Err())
			return
		}
		for r, err := range s.Store.Walk(ctx, after) {
			if !yield(r, err) {
				return
			}
		}
	}
}

func (s *slowStore) Measure(ctx context.Context) (vault.Size, error) {
	return s.Store.(vault.Measurer).Measure(ctx)
}

func newDeck(t *testing.T, change func(*api.Options)) *deck {
	t.Helper()
	d := &deck{store: &slowStore{Store: vaulttest.NewStore(t)}, keys: vaulttest.NewKeys(t)}
	d.kit = setupAt(t, vaulttest.OpenAt(t, d.store, d.keys, nil), 9090, func(o *api.Options) {
		o.Reseal = func() { d.resealt++ }
		if change != nil {
			change(o)
		}
	})
	return d
}

// reseal does what the server does when it is asked to.
func (d *deck) reseal() {
	d.t.Helper()
	if err := d.vault.Reseal(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

// rotated rotates the key, re-seals, and returns the ID of the earlier one.
func (d *deck) rotated() string {
	d.t.Helper()
	v, err := d.RotateKey(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	d.reseal()
	return v.Keys[1].ID
}

// damage changes what is sealed of a record.
func (d *deck) damage(kind vault.Kind, id string) {
	d.t.Helper()
	r, err := d.store.Get(d.t.Context(), vault.Key{Kind: kind, ID: id})
	if err != nil {
		d.t.Fatal(err)
	}
	r.Sealed = slices.Clone(r.Sealed)
	r.Sealed[len(r.Sealed)-1] ^= 1
	if err := d.store.Apply(d.t.Context(), vault.Change{Record: r, Same: true}); err != nil {
		d.t.Fatal(err)
	}
}

func TestVault(t *testing.T) {
	d := newDeck(t, nil)
	d.account("mail", "ada", nil)
	v, err := d.Vault(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v.Records["account"] != 1 || v.Records["grant"] != 1 || v.Records["connection"] != 1 || v.Records["meta"] != 0 {
		t.Errorf("records are %v", v.Records)
	}
	if v.KeyEncryptionKey != d.keys[0].ID || !v.SealedIdentifiers || v.Resealing != (client.Resealing{}) {
		t.Errorf("got %+v", v)
	}
	if len(v.Keys) != 1 || !v.Keys[0].Primary || v.Keys[0].CreatedAt.IsZero() || v.Keys[0].PromotedAt.IsZero() {
		t.Errorf("keys are %+v", v.Keys)
	}
	d.send("GET", "/claviger/vault?x=1", "").wants(t, 400, "parameter_unknown")
}

func TestKeys(t *testing.T) {
	d := newDeck(t, nil)
	d.account("mail", "ada", nil)
	ctx := t.Context()
	k, err := d.AddKey(ctx)
	if err != nil || k.ID == "" || k.Primary || !k.PromotedAt.IsZero() || d.resealt != 0 {
		t.Fatalf("added %+v, %v; re-sealing was asked for %d times", k, err, d.resealt)
	}
	first := d.vault.Keyring().Keys[0].ID
	v, err := d.PromoteKey(ctx, k.ID)
	if err != nil || !v.Keys[0].Primary || v.Keys[0].ID != k.ID || !v.Resealing.Needed || v.Resealing.Key != k.ID || d.resealt != 1 {
		t.Fatalf("promoted: %+v, %v; re-sealing was asked for %d times", v, err, d.resealt)
	}
	s, err := d.Status(ctx)
	if err != nil || s.Resealing == nil || s.Resealing.Key != k.ID {
		t.Errorf("status has %+v, %v", s.Resealing, err)
	}
	_, err = d.RetireKey(ctx, first)
	if e := refused(t, err, 409, "key_in_use"); !strings.Contains(e.Detail, "4 records") {
		t.Errorf("detail is %q", e.Detail)
	}
	_, err = d.RetireKey(ctx, k.ID)
	refused(t, err, 409, "key_in_use")
	d.reseal()
	if s, err = d.Status(ctx); err != nil || s.Resealing != nil {
		t.Errorf("status has %+v, %v", s.Resealing, err)
	}
	if v, err = d.RetireKey(ctx, first); err != nil || len(v.Keys) != 1 {
		t.Errorf("retired: %+v, %v", v, err)
	}
	for _, id := range []string{first, "ffffffff", "x/y", strings.Repeat("k", 300)} {
		_, err = d.RetireKey(ctx, id)
		refused(t, err, 404, "key_unknown")
		_, err = d.PromoteKey(ctx, id)
		refused(t, err, 404, "key_unknown")
	}
}

func TestRotate(t *testing.T) {
	d := newDeck(t, nil)
	d.account("mail", "ada", nil)
	v, err := d.RotateKey(t.Context())
	if err != nil || len(v.Keys) != 2 || !v.Keys[0].Primary || !v.Resealing.Needed || d.resealt != 1 {
		t.Fatalf("got %+v, %v; re-sealing was asked for %d times", v, err, d.resealt)
	}
	if v, err = d.PauseReseal(t.Context()); err != nil || !v.Resealing.Paused || d.resealt != 1 {
		t.Errorf("paused: %+v, %v", v, err)
	}
	if v, err = d.Reseal(t.Context()); err != nil || v.Resealing.Paused || d.resealt != 2 {
		t.Errorf("resumed: %+v, %v", v, err)
	}
	d.reseal()
	if v, err = d.Reseal(t.Context()); err != nil || v.Resealing.Needed || d.resealt != 2 {
		t.Errorf("done: %+v, %v; re-sealing was asked for %d times", v, err, d.resealt)
	}
	for range 100 {
		if _, err = d.AddKey(t.Context()); err != nil {
			break
		}
	}
	refused(t, err, 409, "keyset_full")
	_, err = d.RotateKey(t.Context())
	refused(t, err, 409, "keyset_full")
}

func TestRekey(t *testing.T) {
	d := newDeck(t, nil)
	use := func(path string, retired ...string) string {
		t.Helper()
		keys := seal.FileKeys{Path: path, Retired: retired}
		k, err := keys.Active(t.Context())
		if errors.Is(err, seal.ErrNoKey) && keys.CreateKey(t.Context()) == nil {
			k, err = keys.Active(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		d.vault.UseKeys(keys)
		return k.ID
	}
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	for _, step := range []struct {
		active  string
		retired []string
		changed bool
	}{{one, nil, true}, {one, nil, false}, {two, []string{one}, true}, {two, nil, false}} {
		want := client.Rekeyed{Changed: step.changed, KeyEncryptionKey: use(step.active, step.retired...)}
		if got, err := d.Rekey(t.Context()); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	d.vault.UseKeys(vaulttest.Keys{})
	for _, call := range []func() error{
		func() error { _, err := d.Rekey(t.Context()); return err },
		func() error { _, err := d.AddKey(t.Context()); return err },
		func() error { _, err := d.RotateKey(t.Context()); return err },
	} {
		if e := refused(t, call(), 503, "key_unavailable"); e.RequestID == "" {
			t.Errorf("got %+v", e)
		}
	}
	if !strings.Contains(d.log.String(), seal.ErrNoKey.Error()) {
		t.Error("the log does not say what is wrong with the key")
	}
}

func TestVerify(t *testing.T) {
	d := newDeck(t, nil)
	good, bad := d.account("mail", "ada", nil), d.account("mail", "ben", nil)
	v, err := d.Verify(t.Context())
	if err != nil || v.Faults != 0 || v.Found != nil || v.Records["account"] != 2 || v.Records["grant"] != 2 {
		t.Errorf("got %+v, %v", v, err)
	}
	d.damage(vault.KindAccount, string(bad.ID))
	v, err = d.Verify(t.Context())
	if err != nil || v.Faults == 0 || v.Found[0].Kind != "account" || v.Found[0].ID != string(bad.ID) || v.Records["account"] != 1 {
		t.Errorf("got %+v, %v", v, err)
	}
	page, err := d.Accounts(t.Context(), client.AccountQuery{})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != string(good.ID) || !slices.Equal(page.Damaged, []string{string(bad.ID)}) {
		t.Errorf("got %+v, %v", page, err)
	}
	if done, err := d.Compact(t.Context()); err != nil || done.Compacted {
		t.Errorf("compacted: %+v, %v", done, err) // this store has no such thing
	}
}

// What takes long is not ended by the times that a server gives to requests and answers.
func TestSlow(t *testing.T) {
	var handler http.Handler
	d := newDeck(t, func(o *api.Options) { handler = api.New(*o) })
	d.store.wait = 400 * time.Millisecond
	s := httptest.NewUnstartedServer(handler)
	s.Config.ReadTimeout, s.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	s.Start()
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{Base: s.URL, HTTP: &http.Client{Timeout: 200 * time.Millisecond}, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(t.Context()); err != nil {
		t.Errorf("verify: %v", err)
	}
	if _, err := c.Backup(t.Context(), new(strings.Builder)); err != nil {
		t.Errorf("backup: %v", err)
	}
	if _, err := c.RetireKey(t.Context(), d.rotated()); err != nil {
		t.Errorf("retire: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Verify(ctx); err == nil {
		t.Error("verify goes on when its caller has gone")
	}
}

// None of the routes takes a body or parameters that it does not know.
func TestVaultStrict(t *testing.T) {
	k := setup(t, nil)
	for _, route := range []string{
		"/vault/keys", "/vault/keys/x/promote", "/vault/keys/x/retire", "/vault/rotate", "/vault/rekey", "/vault/reseal",
		"/vault/reseal/pause", "/vault/backup", "/vault/verify", "/vault/compact",
	} {
		k.send("POST", "/claviger"+route, `{"x":1}`).wants(t, 400, "field_unknown")
		k.send("POST", "/claviger"+route, `x=1`, "Content-Type: text/plain").wants(t, 415, "content_type_not_supported")
		k.send("POST", "/claviger"+route+"?x=1", "").wants(t, 400, "parameter_unknown")
		k.send("POST", "/claviger"+route, "", "Origin: https://evil.example").wants(t, 403, "browser_not_allowed")
		k.send("PUT", "/claviger"+route, "").wants(t, 405, "method_not_allowed")
	}
	for body, code := range map[string]string{
		`{}`: "field_invalid", `{"identifier":""}`: "field_invalid", `{"identifier":"../x"}`: "field_invalid",
		`{"identifier":7}`: "field_invalid", `{"identifier":"a","all":true}`: "field_unknown", `["a"]`: "body_invalid", ``: "content_type_not_supported",
	} {
		got := k.send("POST", "/claviger/vault/forget", body)
		got.wants(t, got.status, code)
	}
	for _, path := range []string{"/vault/export", "/vault/keys", "/export", "/vault/keyset"} {
		if got := k.send("GET", "/claviger"+path, ""); got.status < 400 {
			t.Errorf("GET %s: %d", path, got.status)
		}
	}
	if len(k.vault.Keyring().Keys) != 1 {
		t.Error("a refused request has added a key")
	}
}

func TestForget(t *testing.T) {
	k, p := withProvider(t)
	a, other := granted(t, k, p, "alice"), granted(t, k, p, "bob")
	k.second("work")
	b := k.account("work", "alice", nil)
	got, err := k.Forget(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got.Removed)
	// IDs of one millisecond are in any order.
	if want := slices.Sorted(slices.Values([]string{string(a.ID), string(b.ID)})); !slices.Equal(got.Removed, want) || len(got.Accounts) != 2 || !got.Erased {
		t.Errorf("got %+v, want %v", got, want)
	}
	for _, d := range got.Accounts {
		if d.Account.ID == string(a.ID) && (!d.Revoked || d.Account.Connection != "mail" || d.Account.Next != "") {
			t.Errorf("got %+v", d)
		}
	}
	if n := p.LiveGrants("alice"); n != 0 {
		t.Errorf("the provider still has %d grants", n)
	}
	if _, err := k.Account(t.Context(), string(a.ID)); err == nil {
		t.Error("the account is still there")
	}
	if _, err := k.Account(t.Context(), string(other.ID)); err != nil {
		t.Errorf("the other user: %v", err)
	}
	got, err = k.Forget(t.Context(), "alice")
	if err != nil || len(got.Removed) != 0 || len(got.Accounts) != 0 {
		t.Errorf("the second time: %+v, %v", got, err)
	}
}

// A grant that waits for its user's choice has no account yet, and ends as well.
func TestForgetWhileChoosing(t *testing.T) {
	k, p := withProvider(t)
	c, err := k.set.ByName("mail")
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"alice", "bob"} {
		tokens, err := p.Grant(user, "mail.read")
		if err != nil {
			t.Fatal(err)
		}
		l := vault.Link{ConnectionID: c.ID, Identifier: user, Token: vault.NewSecret("canary-link-" + user), Expires: time.Now().Add(time.Hour)}
		if err := k.vault.CreateLink(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
		l.Status, l.Held = vault.LinkChoice, vault.NewSecret(`{"choice":{"grant":{"access":"`+tokens.Access+`","refresh":"`+tokens.Refresh+`"}}}`)
		if err := k.vault.PutLink(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := k.Forget(t.Context(), "alice"); err != nil || got.Links != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if alice, bob := p.LiveGrants("alice"), p.LiveGrants("bob"); alice != 0 || bob != 1 {
		t.Errorf("the provider has %d grants of the user that is forgotten, and %d of the other one", alice, bob)
	}
}

// busyStore remembers how many walk at once.
type busyStore struct {
	vault.Store
	now, most atomic.Int32
}

func (s *busyStore) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		n := s.now.Add(1)
		defer s.now.Add(-1)
		for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); {
			most = s.most.Load()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
		for r, err := range s.Store.Walk(ctx, after) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// Who asks for it many times at once gets one after the other, of two configurations too, and all are in
// the log.
func TestVerifyInTurn(t *testing.T) {
	store := &busyStore{Store: vaulttest.NewStore(t)}
	k, second := twice(t, store)
	k.account("mail", "ada", nil)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c := []*client.Client{k.Client, second}[i%2]
			if got, err := c.Verify(t.Context()); err != nil || got.Faults != 0 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	all.Wait()
	if n := store.most.Load(); n != 1 {
		t.Errorf("%d walked at once", n)
	}
	if _, err := k.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]int{"the vault was verified": 8, "the vault was compacted": 1} {
		if got := strings.Count(k.log.String(), want); got != n {
			t.Errorf("%q is in the log %d times, want %d", want, got, n)
		}
	}
}
