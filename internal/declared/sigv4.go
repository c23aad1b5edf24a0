package declared

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

var sigV4Header = regexp.MustCompile(`\AAWS4-HMAC-SHA256 Credential=([^/]+)/([0-9]{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})\z`)

// checkSigV4 checks an AWS Signature Version 4.
func (p *Provider) checkSigV4(s *connectors.Signer, c *call, values connectors.Values) error {
	header, err := c.once("Authorization")
	if err != nil {
		return err
	}
	found := sigV4Header.FindStringSubmatch(header)
	if found == nil {
		return errors.New("is not that of AWS")
	}
	key, err := p.sigV4Facts(s, c, found, values)
	if err != nil {
		return err
	}
	date, err := c.once("X-Amz-Date")
	if err != nil {
		return err
	}
	at, err := time.Parse("20060102T150405Z", date)
	if ago := p.now().Sub(at); err != nil || ago < -time.Second || ago > drift || found[2] != date[:8] {
		return fmt.Errorf("has the time %q", date)
	}
	request, err := canonicalRequest(c, found[5], strings.HasPrefix(found[4], "s3"))
	if err != nil {
		return err
	}
	scope := strings.Join([]string{found[2], found[3], found[4], "aws4_request"}, "/")
	hash := sha256.Sum256([]byte(request))
	signed := strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, hex.EncodeToString(hash[:])}, "\n")
	mac := []byte("AWS4" + key)
	for _, part := range append(strings.Split(scope, "/"), signed) {
		h := hmac.New(sha256.New, mac)
		h.Write([]byte(part))
		mac = h.Sum(nil)
	}
	if hex.EncodeToString(mac) != found[6] {
		return errSignature
	}
	return nil
}

// sigV4Facts checks who has signed and for what, and returns the secret.
func (p *Provider) sigV4Facts(s *connectors.Signer, c *call, found []string, values connectors.Values) (string, error) {
	for i, t := range map[int]connectors.Template{1: s.KeyID, 3: s.Region, 4: s.Service} {
		if err := p.fits(t, found[i], values); err != nil {
			return "", err
		}
	}
	session, err := p.expand(s.Session, values)
	if err != nil {
		return "", err
	}
	signed := strings.Split(found[5], ";")
	if got := c.Header.Get("X-Amz-Security-Token"); got != session || session != "" && !slices.Contains(signed, "x-amz-security-token") {
		return "", errors.New("has another session token")
	}
	sum := sha256.Sum256(c.body)
	if got := c.Header.Get("X-Amz-Content-Sha256"); got != "" && got != hex.EncodeToString(sum[:]) {
		return "", errors.New("has the hash of another body")
	}
	if !slices.Contains(signed, "host") || !slices.Contains(signed, "x-amz-date") {
		return "", errors.New("is not over host and date")
	}
	return s.Key.ExpandAt(values, p.now())
}

// canonicalRequest is what the signature is over.
func canonicalRequest(c *call, signed string, once bool) (string, error) {
	var headers strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		value := strings.Join(c.Header.Values(name), ",")
		switch name {
		case "host":
			value = strings.TrimSuffix(c.Host, ":443")
		case "content-length":
			value = fmt.Sprint(len(c.body))
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	path := c.path
	if !once {
		var segments []string
		for segment := range strings.SplitSeq(path, "/") {
			segments = append(segments, encodeStrictly(segment))
		}
		path = strings.Join(segments, "/")
	}
	query, err := canonicalQuery(c.URL.RawQuery)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(c.body)
	return strings.Join([]string{c.Method, path, query, headers.String(), signed, hex.EncodeToString(hash[:])}, "\n"), nil
}

// canonicalQuery has the parameters in the order of their names, and encoded in one way.
func canonicalQuery(raw string) (string, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "", err
	}
	var pairs []string
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, encodeStrictly(name)+"="+encodeStrictly(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&"), nil
}

// encodeStrictly leaves only what RFC 3986 section 2.3 calls unreserved.
func encodeStrictly(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
