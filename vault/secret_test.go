package vault_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/vault"
)

const canary = "s3cr3t-canary"

// holder has a secret in every place that a printer may reach.
type holder struct {
	Secret  vault.Secret
	Pointer *vault.Secret
	List    []vault.Secret
	Map     map[string]vault.Secret
	Any     any
	hidden  vault.Secret
	deep    struct{ s *vault.Secret }
}

func newHolder() holder {
	s := vault.NewSecret(canary)
	h := holder{Secret: s, Pointer: &s, List: []vault.Secret{s}, Map: map[string]vault.Secret{"k": s}, Any: s, hidden: s}
	h.deep.s = &s
	return h
}

func wantRedacted(t *testing.T, how, out string, shown bool) {
	t.Helper()
	hex := fmt.Sprintf("%x", canary)
	for _, form := range []string{canary, hex, strings.ToUpper(hex), fmt.Sprint([]byte(canary)), canary[:6]} {
		if strings.Contains(out, form) {
			t.Errorf("%s leaks: %s", how, out)
		}
	}
	if shown && !strings.Contains(out, "REDACTED") {
		t.Errorf("%s: got %s, want REDACTED", how, out)
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	h := newHolder()
	values := map[string]any{
		"secret": h.Secret, "pointer": &h.Secret, "list": h.List, "struct": h, "struct pointer": &h,
		"grant": vault.Grant{Access: h.Secret}, "link": &vault.Link{Token: h.Secret},
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%10.3s", "%p", "%T", "%w", "%z"} {
			wantRedacted(t, name+" "+verb, fmt.Sprintf(verb, v), name == "secret" && !strings.ContainsAny(verb, "pTw"))
		}
		wantRedacted(t, name+" Sprint", fmt.Sprint(v), true)
		wantRedacted(t, name+" Errorf", fmt.Errorf("x: %v", v).Error(), true)
	}
}

func TestSecretIsNotEncoded(t *testing.T) {
	h := newHolder()
	b, err := json.Marshal(h)
	wantNil(t, err)
	wantRedacted(t, "json", string(b), true)
	b, err = json.Marshal(map[vault.AccountID]vault.Grant{"a": {Access: h.Secret}})
	wantNil(t, err)
	wantRedacted(t, "json grant", string(b), true)
	b, err = yaml.Marshal(h)
	wantNil(t, err)
	wantRedacted(t, "yaml", string(b), true)
	b, err = h.Secret.MarshalText()
	wantNil(t, err)
	wantRedacted(t, "text", string(b), true)
}

func TestSecretIsNotLogged(t *testing.T) {
	h := newHolder()
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", "secret", h.Secret, "pointer", &h.Secret, "struct", h, "struct pointer", &h, "list", h.List)
	}
	encoders := []zapcore.Encoder{
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
		zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	}
	for _, e := range encoders {
		log := zap.New(zapcore.NewCore(e, zapcore.AddSync(&out), zap.DebugLevel))
		log.Info("x", zap.Any("secret", h.Secret), zap.Any("pointer", &h.Secret), zap.Any("struct", h),
			zap.Any("list", h.List), zap.Reflect("reflect", h.Secret), zap.Reflect("deep", &h),
			zap.Stringer("stringer", h.Secret), zap.Any("error", fmt.Errorf("x %v", h)))
		log.Sugar().Infow("x", "secret", h.Secret, "struct", h)
		log.Sugar().Infof("%v %+v %#v", h, h, &h)
	}
	wantRedacted(t, "log", out.String(), true)
}

func TestSecretValue(t *testing.T) {
	a, b := vault.NewSecret("one"), vault.NewSecret("one")
	if !a.Equal(b) || a.Equal(vault.NewSecret("two")) || a.Equal(vault.Secret{}) || !vault.NewSecret("").Equal(vault.Secret{}) {
		t.Error("Equal is wrong")
	}
	if a.Reveal() != "one" || (vault.Secret{}).Reveal() != "" {
		t.Error("Reveal is wrong")
	}
	if a.IsZero() || !vault.NewSecret("").IsZero() {
		t.Error("IsZero is wrong")
	}
}
