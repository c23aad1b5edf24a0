package connectors

import (
	"strconv"
	"strings"
)

// Errors says what refusals mean, beside what RFC 6749 and status 401 say.
type Errors struct {
	// PermanentWhen are refusals of the token endpoint, beside invalid_grant, that mean that the grant
	// is dead.
	PermanentWhen []ErrorCase `yaml:"permanent_when,omitempty"`
	// OperatorWhen are refusals, beside invalid_client and unauthorized_client, that mean that the
	// OAuth client is misconfigured.
	OperatorWhen []ErrorCase `yaml:"operator_when,omitempty"`
	// TransientWhen are refusals that are over after a while, such as an odd code for too many requests.
	TransientWhen []ErrorCase `yaml:"transient_when,omitempty"`
	// ExpiredWhen are answers of the API, beside status 401, that mean that the access token is no
	// longer good.
	ExpiredWhen []Expired `yaml:"expired_when,omitempty"`
}

// ErrorCase is a refusal of the token endpoint. All that is given must hold, and something is given.
// In a file it may be a code alone instead of a mapping. Where several cases hold, the one that says
// more wins: a text says more than a code, and a code more than a status.
//
// No case holds for the statuses 408, 425, 429 and 5xx, nor for an answer that limits requests (see [Rate]): a provider
// in trouble ends no grant.
type ErrorCase struct {
	// Code is the error code, in any case.
	Code string `yaml:"code,omitempty"`
	// Text stands somewhere in error_description, or in the error code, in any case.
	Text string `yaml:"text,omitempty"`
	// Status is the HTTP status; zero means any.
	Status int `yaml:"status,omitempty"`
}

// String returns the case for messages: its code, or what else it has.
func (c ErrorCase) String() string {
	var parts []string
	if c.Code != "" {
		parts = append(parts, c.Code)
	}
	if c.Text != "" {
		parts = append(parts, strconv.Quote(c.Text))
	}
	if c.Status != 0 {
		parts = append(parts, "status "+strconv.Itoa(c.Status))
	}
	return strings.Join(parts, ", ")
}
