package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// typed is what operators and users have typed, and further tokens.
type typed struct {
	conn  vault.Connection
	grant vault.Grant
	link  vault.Link
}

// typedValues are its values and names, which nobody may read in a store.
var typedValues = []string{"param-value", "app_key", "slot-value", "bot_token", "input-value", "api_key", "link-value", "subdomain", "held-value"}

// newTyped stores a connection, an account with a grant, and a link.
func newTyped(t *testing.T, v *vault.Vault) *typed {
	t.Helper()
	named := func(pairs ...string) vault.Secrets {
		values := map[string]string{"none": ""}
		for i := 0; i < len(pairs); i += 2 {
			values[pairs[i]] = pairs[i+1]
		}
		return vault.NewSecrets(values)
	}
	x := &typed{conn: vault.Connection{
		Name: "desk", Connector: "helpdesk", Way: "key", Origin: vault.OriginAPI, Params: map[string]string{"region": "eu"},
		ClientSecret: vault.NewSecret("helpdesk-client-secret"), SecretParams: named("app_key", "-----\nparam-value\n"),
	}}
	wantNil(t, v.PutConnection(t.Context(), &x.conn))
	a := vaulttest.Account(t, v, x.conn, "ada", vault.Grant{
		Access: vault.NewSecret("access-typed"), ObtainedAt: epoch,
		Slots: named("bot_token", "slot-value"), Inputs: named("api_key", "input-value", "private_key", "-----\ninput-value\r\n"),
	})
	x.link = newLink("token", newClock())
	x.link.ConnectionID, x.link.AccountID, x.link.Expires, x.link.CreatedAt = x.conn.ID, a.ID, farAway, epoch
	x.link.Inputs, x.link.Held = named("subdomain", "link-value"), vault.NewSecret("held-value")
	wantNil(t, v.CreateLink(t.Context(), &x.link))
	var err error
	x.grant, err = v.Grant(t.Context(), a.ID)
	wantNil(t, err)
	return x
}

// wantTyped fails unless the vault has all of it.
func wantTyped(t *testing.T, v *vault.Vault, want *typed) {
	t.Helper()
	c, err := v.Connection(t.Context(), want.conn.ID)
	wantNil(t, err)
	named, err := v.FindConnection(t.Context(), "", "desk")
	wantNil(t, err)
	g, err := v.Grant(t.Context(), want.grant.AccountID)
	wantNil(t, err)
	l, err := v.FindLink(t.Context(), want.link.Token)
	wantNil(t, err)
	for what, d := range map[string]string{
		"connection": cmp.Diff(want.conn, c), "connection by name": cmp.Diff(want.conn, named),
		"grant": cmp.Diff(want.grant, g), "link": cmp.Diff(want.link, l),
	} {
		if d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	for secrets, want := range map[string]map[string]string{
		fmt.Sprint(c.SecretParams.Reveal()): {"app_key": "-----\nparam-value\n"},
		fmt.Sprint(g.Slots.Reveal()):        {"bot_token": "slot-value"},
		fmt.Sprint(g.Inputs.Reveal()):       {"api_key": "input-value", "private_key": "-----\ninput-value\r\n"},
		fmt.Sprint(l.Inputs.Reveal()):       {"subdomain": "link-value"},
	} {
		if secrets != fmt.Sprint(want) {
			t.Errorf("got %s, want %s", secrets, want)
		}
	}
	if c.Way != "key" {
		t.Errorf("got way %q", c.Way)
	}
}

// What was typed is what is read, through every change of its records.
func TestInputsAreKept(t *testing.T) {
	v := vaulttest.New(t)
	x := newTyped(t, v)
	wantTyped(t, v, x)

	x.conn.Scopes = []string{"read"}
	wantNil(t, v.PutConnection(t.Context(), &x.conn))
	x.link.Status = vault.LinkStarted
	wantNil(t, v.PutLink(t.Context(), &x.link))
	x.grant.Generation, x.grant.Access = 2, vault.NewSecret("access-2")
	_, err := v.ReplaceGrant(t.Context(), x.grant.AccountID, x.grant)
	wantNil(t, err)
	wantTyped(t, v, x)

	x.grant.Expires, x.grant.Learned = epoch.Add(time.Hour), time.Hour
	_, err = v.NoteLifetime(t.Context(), x.grant.AccountID, 2, x.grant.Expires, x.grant.Learned)
	wantNil(t, err)
	wantTyped(t, v, x)

	a, err := v.Account(t.Context(), x.grant.AccountID)
	wantNil(t, err)
	next := x.grant
	next.Inputs = vault.NewSecrets(map[string]string{"api_key": "another"})
	_, err = v.Connect(t.Context(), vault.Link{}, a, next)
	wantNil(t, err)
	g, err := v.Grant(t.Context(), a.ID)
	wantNil(t, err)
	if got := fmt.Sprint(g.Inputs.Reveal()); got != "map[api_key:another]" || g.Generation != 3 {
		t.Errorf("got generation %d with %s", g.Generation, got)
	}
}

// A grant may have nothing but inputs, and a record that has none has no place for them.
func TestInputsAlone(t *testing.T) {
	v := vaulttest.New(t)
	conn := vaulttest.Connection(t, v, "github")
	for name, inputs := range map[string]vault.Secrets{
		"some": vault.NewSecrets(map[string]string{"api_key": "x"}), "none": nil, "empty": {}, "void": vault.NewSecrets(map[string]string{"a": ""}),
	} {
		a := vaulttest.Account(t, v, conn, name, vault.Grant{Inputs: inputs})
		g, err := v.Grant(t.Context(), a.ID)
		wantNil(t, err)
		if !g.Access.IsZero() || (g.Inputs == nil) != (len(inputs) == 0) || len(g.Inputs) != len(inputs) || g.Slots != nil {
			t.Errorf("%s: got %+v", name, g)
		}
	}
}

// V-01: neither the names nor the values can be read in the store, before and after re-sealing.
func TestV01InputsAreSealed(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	x := newTyped(t, v)
	for _, clear := range []bool{false, true, false} {
		wantNil(t, v.SealIdentifiers(t.Context(), !clear))
		second := promoteNew(t, v)
		wantNil(t, v.Reseal(t.Context()))
		wantSealedBy(t, store, second)
		wantTyped(t, v, x)
		text := readable(t, store)
		for _, one := range typedValues {
			if strings.Contains(text, one) {
				t.Errorf("clear %v: %q can be read", clear, one)
			}
		}
		if !strings.Contains(text, `"way":"key"`) || !strings.Contains(text, `"region":"eu"`) {
			t.Errorf("the clear part is not where it should be: %s", text)
		}
	}
}

func TestInputsInABackup(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	x := newTyped(t, v)
	b := backup(t, v)
	for _, one := range typedValues {
		if bytes.Contains(b, []byte(one)) {
			t.Errorf("%q can be read", one)
		}
	}
	to := vaulttest.NewStore(t)
	wantNil(t, restore(t, b, to, keys))
	wantTyped(t, vaulttest.OpenAt(t, to, keys, nil), x)
}

// V-02: inputs of one record do not open in another.
func TestV02InputsMoved(t *testing.T) {
	s := newSetting(t)
	g, err := s.Grant(t.Context(), s.a.ID)
	wantNil(t, err)
	g.Generation, g.Inputs = 2, vault.NewSecrets(map[string]string{"api_key": "input-value"})
	_, err = s.ReplaceGrant(t.Context(), s.a.ID, g)
	wantNil(t, err)
	g.Inputs = nil
	_, err = s.ReplaceGrant(t.Context(), s.b.ID, g)
	wantNil(t, err)
	from := s.record(t, vault.KindGrant, string(s.a.ID))
	s.store.change = func(r vault.Record) vault.Record {
		if r.Kind == vault.KindGrant && r.ID == string(s.b.ID) {
			r.Sealed, r.Meta = from.Sealed, from.Meta
		}
		return r
	}
	_, err = s.Grant(t.Context(), s.b.ID)
	wantDamaged(t, err, vault.KindGrant, string(s.b.ID))
	if strings.Contains(err.Error(), "input-value") {
		t.Errorf("error %q has an input", err)
	}
}

// However a record is printed, encoded or logged, its inputs are not.
func TestInputsAreNotPrinted(t *testing.T) {
	secrets := vault.NewSecrets(map[string]string{"api_key": canary, "other": canary})
	values := map[string]any{
		"secrets": secrets, "pointer": &secrets,
		"grant":      vault.Grant{Slots: secrets, Inputs: secrets},
		"link":       vault.Link{Inputs: secrets},
		"connection": vault.Connection{Name: "desk", SecretParams: secrets},
		"list":       []vault.Grant{{Inputs: secrets}},
		"hidden":     struct{ s vault.Secrets }{secrets},
	}
	var out bytes.Buffer
	var logs []*zap.Logger
	for _, e := range []zapcore.Encoder{
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	} {
		logs = append(logs, zap.New(zapcore.NewCore(e, zapcore.AddSync(&out), zap.DebugLevel)))
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%10.3s", "%p", "%T", "%w", "%z"} {
			wantRedacted(t, name+" "+verb, fmt.Sprintf(verb, v), false)
			wantRedacted(t, name+" pointer "+verb, fmt.Sprintf(verb, &v), false)
		}
		shown := name != "hidden" // whose pointers are printed
		wantRedacted(t, name+" Errorf", fmt.Errorf("x: %v", v).Error(), shown)
		b, err := json.Marshal(v)
		wantNil(t, err)
		wantRedacted(t, name+" json", string(b), shown)
		b, err = yaml.Marshal(v)
		wantNil(t, err)
		wantRedacted(t, name+" yaml", string(b), shown)
		for _, log := range logs {
			log.Info("x", zap.Any("any", v), zap.Reflect("reflect", &v), zap.Any("error", fmt.Errorf("x %+v", v)))
			log.Sugar().Infow("x", "value", v)
			log.Sugar().Infof("%v %+v %#v", v, v, &v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("x", "value", v, "pointer", &v)
		}
		wantRedacted(t, name+" log", out.String(), shown)
		out.Reset()
	}
}

// A backup with inputs, read as the one of TestVectorBySecondImplementation is.
func TestInputsVectorBySecondImplementation(t *testing.T) {
	text, err := os.ReadFile("testdata/vector/key")
	wantNil(t, err)
	kek, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.TrimPrefix(string(text), "claviger-key-1:")))
	wantNil(t, err)
	file, err := os.ReadFile("testdata/vector/inputs.backup")
	wantNil(t, err)
	r := &reader{t: t, b: file}
	r.take(18)
	r.varint()
	keyset := r.record()
	n := 4 + binary.BigEndian.Uint32(keyset.sealed)
	id, forValues := key(t, kek, keyset.sealed[4:n], "claviger/keyset/1", keyset.meta)
	opened, clear := map[string]string{}, map[string]string{}
	for r.varint() > 0 {
		rec := r.record()
		opened[rec.kind], clear[rec.kind] = rec.open(t, id, forValues, "default"), string(rec.meta)
	}
	doc, err := os.ReadFile("../docs/reference/vault-format.md")
	wantNil(t, err)
	for kind, want := range map[string]string{
		"connection": `{"client_secret":"helpdesk-client-secret","params":{"app_key":"-----\nparam-value\n"}}`,
		"grant":      `{"access":"access-typed","slots":{"bot_token":"slot-value"},"inputs":{"api_key":"input-value","private_key":"-----\ninput-value\r\n"}}`,
		"link":       `{"token":"token","return_url":"https://app.test/done","app_state":"x","identifier":"ada","inputs":{"subdomain":"link-value"},"held":"held-value"}`,
	} {
		if opened[kind] != want {
			t.Errorf("%s has %s, want %s", kind, opened[kind], want)
		}
		if line := fmt.Sprintf("\n%-12s%s\n", kind, want); !strings.Contains(string(doc), line) {
			t.Errorf("docs/reference/vault-format.md does not have %s", line)
		}
	}
	if !strings.Contains(clear["connection"], `"way":"key"`) {
		t.Errorf("the connection has %s in clear", clear["connection"])
	}
}

// The same file by this program.
func TestInputsVector(t *testing.T) {
	text, err := os.ReadFile("testdata/vector/key")
	wantNil(t, err)
	k, err := seal.ParseKey(string(text))
	wantNil(t, err)
	file, err := os.ReadFile("testdata/vector/inputs.backup")
	wantNil(t, err)
	store, keys := vaulttest.NewStore(t), vaulttest.Keys{k}
	wantNil(t, restore(t, file, store, keys))
	v := vaulttest.OpenAt(t, store, keys, nil)
	c, err := v.FindConnection(t.Context(), "", "desk")
	wantNil(t, err)
	a, err := v.FindAccount(t.Context(), c.ID, "ada")
	wantNil(t, err)
	g, err := v.Grant(t.Context(), a.ID)
	wantNil(t, err)
	l, err := v.FindLink(t.Context(), vault.NewSecret("token"))
	wantNil(t, err)
	wantTyped(t, v, &typed{conn: c, grant: g, link: l})
}
