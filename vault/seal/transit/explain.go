package transit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// explain turns the error of a call into one that says what to do, and shows nothing that the
// server has sent.
func (r remote) explain(err error) error {
	if no := (*refusal)(nil); errors.As(err, &no) {
		return r.explainRefusal(no)
	}
	var (
		network   *net.OpError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		verify    *tls.CertificateVerificationError
		plain     tls.RecordHeaderError
	)
	switch {
	case err == nil:
		return unavailable("the answer is not one of a transit engine; check the address")
	case errors.As(err, &authority):
		return unavailable("the server's certificate is signed by an authority that is not known here; name the authority's file as CA file")
	case errors.As(err, &host):
		return unavailable("the server's certificate is for other names than the address has; correct the address")
	case errors.As(err, &verify):
		return unavailable("the server's certificate is not valid; it may be expired")
	case errors.As(err, &plain):
		return unavailable("what listens at the address does not speak TLS; check the address")
	case errors.As(err, &network):
		return unavailable("the server cannot be reached: %v", network)
	}
	return unavailable("what listens at the address broke off or does not speak HTTP; check the address")
}

// reply is what a refusal means. Statuses and words are those of the engine; see also
// https://developer.hashicorp.com/vault/api-docs#http-status-codes.
type reply struct {
	status int
	words  string // somewhere in what the server says; empty means anything
	kind   error
	advice string // %[1]s is the mount, %[2]s the key
}

var replies = []reply{
	{http.StatusBadRequest, "encryption key not found", seal.ErrUnknownKey, "the server has no key of that name; check key, mount and namespace"},
	{http.StatusBadRequest, "associated_data", seal.ErrUnavailable, "its type takes no associated data; make a key of type aes256-gcm96"},
	{http.StatusBadRequest, "'context'", seal.ErrUnavailable, "it is a derived key; make one without derived=true"},
	{http.StatusBadRequest, "too old", seal.ErrUnavailable, "the version that the vault was encrypted with is below min_decryption_version; lower that"},
	{http.StatusForbidden, "invalid token", seal.ErrUnavailable, "the server does not know the token: it is wrong, expired or revoked; renew it"},
	{http.StatusForbidden, "bad token", seal.ErrUnavailable, "the server does not know the token: it is wrong, expired or revoked; renew it"},
	{http.StatusForbidden, "", seal.ErrUnavailable, "permission denied; the token may have expired, there may be no such key, or the token's policy " +
		"lacks the capability update on %[1]s/encrypt/%[2]s and %[1]s/decrypt/%[2]s"},
	{http.StatusNotFound, "", seal.ErrUnknownKey, "the server has nothing at that path; check key, mount and namespace"},
	{http.StatusTooManyRequests, "", seal.ErrUnavailable, "the server limits how often it may be asked; try again later"},
	{http.StatusServiceUnavailable, "sealed", seal.ErrUnavailable, "the server is sealed; unseal it"},
	{http.StatusServiceUnavailable, "", seal.ErrUnavailable, "the server is sealed, in maintenance or not ready; unseal it or wait"},
}

func (r remote) explainRefusal(no *refusal) error {
	for _, p := range replies {
		if no.status != p.status || !strings.Contains(no.says, p.words) {
			continue
		}
		advice := p.advice
		if strings.Contains(advice, "%") {
			advice = fmt.Sprintf(advice, r.keys.o.Mount, r.name)
		}
		return fmt.Errorf("%w: %s", p.kind, advice)
	}
	switch {
	case no.status == http.StatusBadRequest && no.says != "":
		return fmt.Errorf("%w: the server refuses it", seal.ErrSealed)
	case no.status >= 300 && no.status < 400:
		return unavailable("the server answers with a redirect, which is not followed; set the address of the active server")
	case no.status >= 500:
		return unavailable("the server has an error of its own (status %d); its log says which", no.status)
	}
	return unavailable("the answer is not one of a transit engine (status %d); check the address", no.status)
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{seal.ErrUnavailable}, args...)...)
}
