package vault

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	webhookSecretPrefix = "whsec_"
	webhookSecretLength = 32
	// earlierSecret is how long the secret before signs too.
	earlierSecret = 24 * time.Hour
	maxWebhookURL = 2000
)

// NewWebhookSecret is a random secret for a [Webhook].
func NewWebhookSecret() string {
	key := make([]byte, webhookSecretLength)
	rand.Read(key) // it never fails
	return webhookSecretPrefix + base64.StdEncoding.EncodeToString(key)
}

// webhookKeyBytes is the key that a secret stands for.
func webhookKeyBytes(s Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(s.Reveal(), webhookSecretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, fmt.Errorf("webhook secret: %w: whsec_ and 24 to 64 bytes in base64", ErrInvalid)
	}
	return key, nil
}

// Sign signs what is sent at that time as Standard Webhooks has it, and returns the value of the header
// webhook-signature: a signature for each secret that is in force, with spaces between.
func (w Webhook) Sign(id EventID, at time.Time, body []byte) (string, error) {
	secrets := []Secret{w.Secret}
	if !w.Earlier.IsZero() && at.Before(w.EarlierUntil) {
		secrets = append(secrets, w.Earlier)
	}
	var signatures []string
	for _, s := range secrets {
		key, err := webhookKeyBytes(s)
		if err != nil {
			return "", err
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(string(id) + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " "), nil
}

// CheckWebhookURL returns nil for a URL that a webhook may have: https, or http on this machine,
// without a user and a fragment. Else it is [ErrInvalid], and the message does not have the URL.
func CheckWebhookURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || len(text) > maxWebhookURL:
		return fmt.Errorf("webhook URL: %w: it has the form https://host/path", ErrInvalid)
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("webhook URL: %w: it may have neither a user nor a fragment", ErrInvalid)
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("webhook URL: %w: it must be https, or http on localhost", ErrInvalid)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
