package connectors

// JWT is a JSON Web Token that is signed here (RFC 7519). The claims iat and exp are always in it.
type JWT struct {
	// Alg is RS256, RS384, RS512, PS256, ES256, ES384, EdDSA, HS256, HS384 or HS512.
	Alg string `yaml:"alg"`
	// Key is the private key: PEM, or for HS… the secret.
	Key Template `yaml:"key"`
	// KeyEncoding is how the secret of HS… is written: text (the default), hex or base64.
	KeyEncoding string `yaml:"key_encoding,omitempty"`
	// Header are members of the header, beside alg and typ.
	Header map[string]Template `yaml:"header,omitempty"`
	// Claims are further claims.
	Claims map[string]Template `yaml:"claims,omitempty"`
	// Lifetime is from iat to exp; zero means 5 minutes.
	Lifetime Duration `yaml:"lifetime,omitempty"`
	// JTI adds a random claim jti.
	JTI bool `yaml:"jti,omitempty"`
	// NBF adds a claim nbf: the time of iat.
	NBF bool `yaml:"nbf,omitempty"`
}

// The values of [Signer].Kind.
const (
	SignerOAuth1  = "oauth1"  // RFC 5849
	SignerSigV4   = "sigv4"   // AWS Signature Version 4
	SignerHMAC    = "hmac"    // HMAC over parts of the request
	SignerEd25519 = "ed25519" // Ed25519 over parts of the request
	SignerWSSE    = "wsse"    // a UsernameToken in the header X-WSSE
)

// Signer signs each request with secrets that stay here.
type Signer struct {
	// Kind is oauth1 (RFC 5849), sigv4 (AWS Signature Version 4), hmac or ed25519 (over Parts of the request),
	// or wsse (a UsernameToken in the header X-WSSE).
	Kind string `yaml:"kind"`
	// Key is the secret: the secret access key, the HMAC key, the private key. With oauth1 it is the private
	// key of RSA-SHA1, and beside KeyID the consumer secret of the other methods.
	Key Template `yaml:"key,omitempty"`
	// KeyID names the key: the access key ID, the user of WSSE. With oauth1 it is the consumer key; empty
	// means that the connection's OAuth client is the consumer. It needs [ModeStatic] there.
	KeyID Template `yaml:"key_id,omitempty"`

	// Service, Region and Session are for sigv4.
	Service Template `yaml:"service,omitempty"`
	Region  Template `yaml:"region,omitempty"`
	Session Template `yaml:"session,omitempty"`

	// Method and Realm are for oauth1: HMAC-SHA1 (the default), HMAC-SHA256, RSA-SHA1 or PLAINTEXT.
	Method string   `yaml:"method,omitempty"`
	Realm  Template `yaml:"realm,omitempty"`
	// Token and TokenSecret are for oauth1 with [ModeStatic]: a token that the provider's pages give, and its
	// secret. Both are given, or neither; in other modes they come from the provider's answers.
	Token       Template `yaml:"token,omitempty"`
	TokenSecret Template `yaml:"token_secret,omitempty"`

	// Parts, Separator, Hash, Encoding and Header are for hmac and ed25519: what is signed, joined by
	// Separator (a line break when it is empty), with which hash (sha256, the default, sha1 or sha512), as
	// hex (the default), base64 or base64url, and in which header the signature goes, of which {signature}
	// in Template is a part; an empty Template is the signature alone.
	Parts     []string `yaml:"parts,omitempty"`
	Separator string   `yaml:"separator,omitempty"`
	Hash      string   `yaml:"hash,omitempty"`
	Encoding  string   `yaml:"encoding,omitempty"`
	Header    string   `yaml:"header,omitempty"`
	Template  string   `yaml:"template,omitempty"`
	// Timestamp is a header that gets the time before the request is signed, written as TimestampAs says:
	// unix (the default), or another form of the function now.
	Timestamp   string `yaml:"timestamp,omitempty"`
	TimestampAs string `yaml:"timestamp_as,omitempty"`
	// Nonce is a header that gets a random text before the request is signed.
	Nonce string `yaml:"nonce,omitempty"`
}

// FieldSignature signs the fields of a token call: HMAC-SHA256 over them in the order of their names.
type FieldSignature struct {
	// Key is the secret.
	Key Template `yaml:"key"`
	// Field or Header is where the signature goes.
	Field  string `yaml:"field,omitempty"`
	Header string `yaml:"header,omitempty"`
	// Of are the names of the fields that are signed; empty means all.
	Of []string `yaml:"of,omitempty"`
	// Pairs is how a field stands in the text: value (the default), or "name=value".
	Pairs string `yaml:"pairs,omitempty"`
	// Separator stands between two fields; empty means nothing does.
	Separator string `yaml:"separator,omitempty"`
	// Encoding is hex (the default) or base64.
	Encoding string `yaml:"encoding,omitempty"`
}

// ClientCert is the certificate that the client presents. The server's is verified all the same.
type ClientCert struct {
	// Cert and Key are PEM.
	Cert Template `yaml:"cert"`
	Key  Template `yaml:"key"`
}
