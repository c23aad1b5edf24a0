package sign

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the protocol has no other
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// wsse is a UsernameToken in the header X-WSSE, after OASIS WSS UsernameToken Profile 1.1 section 3.1: the
// digest is over the bytes of the nonce, which is sent as base64. With Encoding "hex", as Emarsys wants it,
// the nonce is hexadecimal text that is sent as it is, and so is the digest, in base64.
type wsse struct{ declared connectors.Signer }

func newWSSE(s *connectors.Signer) (*wsse, error) {
	if s.Encoding != "" && s.Encoding != "hex" && s.Encoding != "base64" {
		return nil, errors.New("unknown encoding")
	}
	return &wsse{*s}, nil
}

func (*wsse) headers() []string { return []string{"X-WSSE"} }

func (*wsse) needsBody() bool { return false }

func (w *wsse) sign(c *call) (map[string]string, error) {
	user, err := c.expand("key_id", w.declared.KeyID)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(user, `"\`) {
		return nil, fmt.Errorf("key_id: %w", errUnsendable)
	}
	key, err := c.expand("key", w.declared.Key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 16)
	rand.Read(nonce) // it never fails
	return map[string]string{"X-WSSE": w.token(user, key, nonce, c.now.UTC().Format(time.RFC3339))}, nil
}

// token is the header's value.
func (w *wsse) token(user, key string, nonce []byte, created string) string {
	sent := base64.StdEncoding.EncodeToString(nonce)
	if w.declared.Encoding == "hex" {
		sent = hex.EncodeToString(nonce)
		nonce = []byte(sent)
	}
	sum := sha1.Sum([]byte(string(nonce) + created + key)) //nolint:gosec // see the import
	digest := sum[:]
	if w.declared.Encoding == "hex" {
		digest = []byte(hex.EncodeToString(digest))
	}
	return fmt.Sprintf(`UsernameToken Username="%s", PasswordDigest="%s", Nonce="%s", Created="%s"`,
		user, base64.StdEncoding.EncodeToString(digest), sent, created)
}
