package connectors

// SAML is a SAML 2.0 assertion about a user that is signed here, for whoever bears it (RFC 7522): with an
// enveloped signature by RSA and SHA-256. It has an ID that is used once, and never an InResponseTo.
type SAML struct {
	// Key is the RSA private key, and Cert its certificate, which the provider knows: both PEM. The
	// certificate is part of the signature.
	Key  Template `yaml:"key"`
	Cert Template `yaml:"cert"`
	// Issuer is who signs, as the provider calls it.
	Issuer Template `yaml:"issuer"`
	// Subject is whom the assertion is about.
	Subject Template `yaml:"subject"`
	// SubjectFormat is how Subject is meant: unspecified (the default), emailAddress, X509SubjectName,
	// WindowsDomainQualifiedName, kerberos, entity, persistent or transient (SAML core section 8.3).
	SubjectFormat string `yaml:"subject_format,omitempty"`
	// Audience is whom the assertion is for.
	Audience Template `yaml:"audience"`
	// Recipient is the URL that the assertion may be sent to; empty means the token endpoint.
	Recipient Template `yaml:"recipient,omitempty"`
	// Attributes are further statements about the subject.
	Attributes map[string]Template `yaml:"attributes,omitempty"`
	// Authentication is how the subject has authenticated: unspecified (the default), Password,
	// PasswordProtectedTransport, PreviousSession, X509, TLSClient or Kerberos; none leaves out that it has.
	Authentication string `yaml:"authentication,omitempty"`
	// Lifetime is how long it is good from now on; zero means 5 minutes.
	Lifetime Duration `yaml:"lifetime,omitempty"`
	// Skew is how long before now it begins to be good, for clocks that are late; zero means a minute.
	Skew Duration `yaml:"skew,omitempty"`
	// Encoding is how it is written in the call: base64url without padding (the default), or base64.
	Encoding string `yaml:"encoding,omitempty"`
}
