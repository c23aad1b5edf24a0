package declared

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// signsFields wants the signature over the fields of a call.
func (p *Provider) signsFields(k *tokenCall, got url.Values) error {
	s := p.connector.Token.Sign
	if s == nil {
		return nil
	}
	key, err := s.Key.ExpandAt(k.values, p.now())
	if err != nil {
		return err
	}
	var signed []string
	for _, name := range sorted(got) {
		if name == s.Field || len(s.Of) > 0 && !slices.Contains(s.Of, name) {
			continue
		}
		value := got.Get(name)
		if s.Pairs == "name=value" {
			value = name + "=" + value
		}
		signed = append(signed, value)
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(strings.Join(signed, s.Separator)))
	want := hex.EncodeToString(mac.Sum(nil))
	if s.Encoding == "base64" {
		want = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	if s.Field != "" {
		k.fields.text(s.Field, want)
	} else {
		k.headers.text(http.CanonicalHeaderKey(s.Header), want)
	}
	return nil
}
