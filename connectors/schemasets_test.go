package connectors_test

import "strings"

// closed are the fields that have one of a few values, and what those are. Of a list it is its elements,
// and of a map its keys.
var closed = map[string][]string{
	"Connector.without": strings.Fields("account api app auth assertion authorize callback categories client_cert description " +
		"device discover docs errors identity inject install introspect limits mode notes paginate rate refresh register revoke saml setup signer steps title token verify"),
	"Tested.how":      {"documentation", "account", "emulator", "unverified"},
	"Input.normalize": {"trim", "lower", "host"},
	"Scheme.mode": {
		"oauth2_code", "client_credentials", "password", "device", "jwt_bearer", "saml_bearer", "token_exchange", "jwt", "oauth1", "login", "static", "none",
	},
	"Authorize.pkce": {"required", "off"},
	"Authorize.omit": {"response_type", "redirect_uri"},
	"Authorize.param_names": {
		"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "state", "scope", "login_hint",
	},
	"Callback.state":                {"required", "install"},
	"Scope.separator":               {" ", ",", "+", ";"},
	"Scope.incremental":             {"merge", "include_granted"},
	"TokenCall.client_auth":         {"basic", "basic_raw", "post", "none", "private_key_jwt", "client_secret_jwt"},
	"TokenCall.method":              {"POST", "GET"},
	"TokenCall.body":                {"form", "json", "query"},
	"TokenCall.field_names":         tokenFields,
	"TokenCall.omit":                tokenFields,
	"TokenCall.expires_from":        {"jwt_exp", "introspection"},
	"TokenCall.ttl":                 {"never"},
	"TokenResponse.format":          {"json", "form", "text", "header", "cookie"},
	"TokenResponse.scope_separator": {" ", ",", "+", ";"},
	"Expires.as":                    {"in_s", "in_ms", "in_min", "at_s", "at_ms", "rfc3339"},
	"Refresh.with":                  {"refresh_token", "access_token", "reauth"},
	"Refresh.method":                {"POST", "GET"},
	"Refresh.field_names":           tokenFields,
	"Refresh.omit":                  tokenFields,
	"Refresh.scope":                 {"none", "requested", "granted"},
	"Refresh.rotates":               {"always", "sometimes", "never"},
	"Introspect.auth":               {"client", "basic", "bearer", "none"},
	"Revoke.method":                 {"POST", "DELETE", "GET"},
	"Revoke.token":                  {"refresh", "access"},
	"Revoke.auth":                   {"client", "basic", "bearer", "none"},
	"Revoke.body":                   {"form", "json", "query", "none"},
	"Register.with":                 {"dynamic"},
	"Register.field_names":          registered,
	"Step.when":                     {"connect", "refresh", "both"},
	"Request.method":                {"POST", "GET", "PUT"},
	"JWT.alg":                       {"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"},
	"JWT.key_encoding":              {"text", "hex", "base64"},
	"Signer.kind":                   {"oauth1", "sigv4", "hmac", "ed25519", "wsse"},
	"Signer.method":                 {"HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT"},
	"Signer.parts": {
		"method", "host", "path", "query", "path_and_query", "url", "body", "body_sha256", "timestamp", "nonce", "key_id",
	},
	"SAML.subject_format": {
		"unspecified", "emailAddress", "X509SubjectName", "WindowsDomainQualifiedName", "kerberos", "entity", "persistent", "transient",
	},
	"SAML.authentication": {
		"none", "unspecified", "Password", "PasswordProtectedTransport", "PreviousSession", "X509", "TLSClient", "Kerberos",
	},
	"SAML.encoding":           {"base64url", "base64"},
	"Signer.hash":             {"sha256", "sha1", "sha512"},
	"Signer.encoding":         {"hex", "base64", "base64url"},
	"Signer.timestamp_as":     {"unix", "unix_ms", "rfc3339", "date", "http", "basic"},
	"FieldSignature.pairs":    {"value", "name=value"},
	"FieldSignature.encoding": {"hex", "base64"},
	"Injection.in":            {"header", "query", "path", "cookie", "body", "basic"},
	"Ask.method":              {"GET", "HEAD", "POST"},
	"Discover.items_as":       {"objects", "texts", "map"},
	"Identity.from":           {"id_token", "token"},
	"Window.as":               {"in_s", "in_ms", "duration", "at_s", "at_ms", "rfc3339"},
	"LimitText.as":            {"in_s", "in_ms", "duration", "at_s", "at_ms", "rfc3339"},
	"Paginate.style":          {"cursor", "next_url", "link", "page", "offset", "none"},
	"Paginate.in":             {"query", "body"},
}

var tokenFields = []string{
	"client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri", "refresh_token", "scope", "assertion", "username",
	"password", "client_assertion", "client_assertion_type", "subject_token", "subject_token_type", "device_code",
}

var registered = []string{
	"redirect_uris", "client_name", "grant_types", "response_types", "token_endpoint_auth_method", "scope", "software_id", "software_version",
}

// The forms of names.
const (
	connectorForm = `^[a-z0-9][a-z0-9_-]{0,62}$`
	inputForm     = `^[a-z][a-z0-9_]{0,62}$`
	baseForm      = `^[a-z][a-z0-9-]{0,62}$`
	headerForm    = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
	paramForm     = `^[A-Za-z0-9._~-]{1,100}$`
	memberForm    = `^$|^([A-Za-z0-9_$@:-]|\\\.)+(\.([A-Za-z0-9_$@:-]|\\\.)+)*$`
	urlForm       = `^$|^https?://`
	httpsForm     = `^$|^[Hh][Tt][Tt][Pp][Ss]://`
	pathForm      = `^$|^/`
)

// forms are the fields with a form of their own; of a list it is its elements, and of a map its keys.
var forms = map[string]string{
	"Connector.name": connectorForm, "Connector.extends": connectorForm, "Connector.categories": connectorForm, "Way.id": connectorForm,
	"Connector.docs": httpsForm, "Input.help": httpsForm, "Input.name": inputForm, "VisibleWhen.input": inputForm, "Discover.into": inputForm,
	"Callback.capture": inputForm, "TokenCall.capture": inputForm, "Step.capture": inputForm, "Discover.capture": inputForm,
	"TokenResponse.slots": inputForm, "API.bases": baseForm,
	"TokenCall.headers": headerForm, "Refresh.headers": headerForm, "Introspect.headers": headerForm, "Revoke.headers": headerForm,
	"Request.headers": headerForm, "Ask.headers": headerForm, "API.headers": headerForm, "HeaderTest.name": headerForm,
	"Rate.retry_after": headerForm, "Window.remaining": headerForm, "Window.reset": headerForm, "LimitText.path": memberForm,
	"Authorize.params": paramForm, "Authorize.reconsent_params": paramForm, "Device.params": paramForm, "TokenCall.params": paramForm,
	"Refresh.params": paramForm, "Revoke.params": paramForm, "Request.query": paramForm, "Request.form": paramForm,
	"TokenResponse.root": memberForm, "TokenResponse.access": memberForm, "TokenResponse.refresh": memberForm,
	"TokenResponse.id_token": memberForm, "TokenResponse.scope": memberForm, "TokenResponse.user_scope": memberForm, "TokenResponse.error_path": memberForm,
	"Expires.path": memberForm, "Condition.path": memberForm, "Expired.path": memberForm, "Introspect.expires": memberForm, "Introspect.active": memberForm,
	"Identity.id": memberForm, "Identity.name": memberForm, "Identity.email": memberForm, "Identity.avatar": memberForm,
	"Discover.items": memberForm, "Discover.id": memberForm, "Discover.label": memberForm,
	"Paginate.next": memberForm, "Paginate.last": memberForm, "Paginate.more": memberForm,
	"Ask.path":      pathForm,
	"Authorize.url": urlForm, "Authorize.request_url": urlForm, "Authorize.issuer": urlForm, "Device.url": urlForm, "TokenCall.url": urlForm,
	"Refresh.url": urlForm, "Introspect.url": urlForm, "Revoke.url": urlForm, "Register.url": urlForm, "Register.metadata": urlForm, "Request.url": urlForm, "API.base_url": urlForm,
	"Tested.date": `^$|^[0-9]{4}-[0-9]{2}-[0-9]{2}$`,
}

// musts are the keys that a mapping must have, unless the file extends another one that may have them.
var musts = map[string][]string{
	"Connector": {"title"}, "Input": {"name"}, "VisibleWhen": {"input"}, "Way": {"id", "title"}, "Device": {"url"}, "Client": {"id"}, "Condition": {"path"},
	"Revoke": {"url"}, "Introspect": {"url"}, "Register": {"with"}, "Step": {"request"}, "Request": {"url"}, "JWT": {"alg", "key"}, "Signer": {"kind"},
	"FieldSignature": {"key"}, "ClientCert": {"cert", "key"}, "Injection": {"in"}, "Slot": {"name"}, "Probe": {"path"}, "Identity": {"id"},
	"Discover": {"path", "into"}, "HeaderTest": {"name", "contains"}, "LimitText": {"path", "pattern"}, "Paginate": {"style"}, "SAML": {"key", "cert", "issuer", "subject", "audience"},
}

// shorthands are the types that may be text instead of a mapping.
var shorthands = []string{"ErrorCase", "Expires", "Paginate", "Tested"}
