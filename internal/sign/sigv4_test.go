package sign_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
)

func sigv4(t testing.TB) connectors.Signer {
	return connectors.Signer{
		Kind: connectors.SignerSigV4, KeyID: template(t, "{account.id}"), Key: template(t, "{account.key}"), Session: template(t, "{account.session}"),
		Service: template(t, "{app.service}"), Region: template(t, "{app.region}"),
	}
}

// The examples of AWS's documentation for S3, "Authenticating Requests: Using the Authorization Header".
func TestSigV4Examples(t *testing.T) {
	values := connectors.Values{
		"account.id": "AKIAIOSFODNN7EXAMPLE", "account.key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "app.service": "s3", "app.region": "us-east-1",
	}
	at := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	const host = "https://examplebucket.s3.amazonaws.com"
	for _, test := range []struct {
		name, headers, want string
		m                   message
	}{
		{
			name: "object", m: message{url: host + "/test.txt", header: http.Header{"Range": {"bytes=0-9"}}},
			headers: "host;range;x-amz-content-sha256;x-amz-date", want: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
		},
		{
			name: "upload",
			m: message{
				method: "PUT", url: host + "/test$file.text", body: "Welcome to Amazon S3.",
				header: http.Header{"Date": {"Fri, 24 May 2013 00:00:00 GMT"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}},
			},
			headers: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			want:    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
		},
		{
			name: "parameter without value", m: message{url: host + "/?lifecycle"},
			headers: "host;x-amz-content-sha256;x-amz-date", want: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
		},
		{
			name: "parameters", m: message{url: host + "/?prefix=J&max-keys=2"},
			headers: "host;x-amz-content-sha256;x-amz-date", want: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.m.request(t)
			r.ContentLength = 0 // the examples do not sign it
			r.Header.Set("User-Agent", "x")
			r.Header.Set("Connection", "close")
			var body []byte
			if test.m.body != "" {
				body = []byte(test.m.body)
			}
			if err := newSigner(t, sigv4(t)).Sign(r, values, body, at); err != nil {
				t.Fatal(err)
			}
			want := "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=" +
				test.headers + ", Signature=" + test.want
			if got := r.Header.Get("Authorization"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

var awsValues = connectors.Values{
	"account.id": "AKIDEXAMPLE", "account.key": "canary-secret-key", "account.session": "session-token",
	"app.service": "execute-api", "app.region": "eu-west-1",
}

// verifies signs what was received once more, with the headers that the signature names.
func verifies(r *http.Request, body, key string) bool {
	_, after, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	names, _, _ := strings.Cut(after, ",")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	u, err := url.Parse(r.URL.String())
	if err != nil || r.Header.Get("X-Amz-Content-Sha256") != hash {
		return false
	}
	again := &http.Request{Method: r.Method, URL: u, Host: r.Host, Header: http.Header{}}
	for _, name := range strings.Split(names, ";") {
		again.Header[http.CanonicalHeaderKey(name)] = r.Header[http.CanonicalHeaderKey(name)]
	}
	again.Header.Del("Host")
	if strings.Contains(names, "content-length") {
		again.ContentLength = int64(len(body))
	}
	err = v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: key},
		again, hash, "execute-api", "eu-west-1", at)
	return err == nil && again.Header.Get("Authorization") == r.Header.Get("Authorization")
}

func TestSigV4Tampered(t *testing.T) {
	signer := newSigner(t, sigv4(t))
	m := message{
		method: "POST", url: "https://api.example.com/a%2Fb/c%20d?q=1+2&a=%7E&a=0", body: `{"a":1}`,
		header: http.Header{"Content-Type": {"application/json"}, "X-Amz-Meta": {"a  b"}, "Authorization": {"Bearer mine"}, "X-Amz-Date": {"mine"}},
	}
	if got := m.signed(t, signer, awsValues).Header.Get("Authorization"); !strings.Contains(got, "SignedHeaders=content-length;content-type;host;") {
		t.Errorf("got %s", got)
	}
	for _, test := range []struct {
		name   string
		change func(r *http.Request, body, key *string)
		good   bool
	}{
		{"nothing", func(*http.Request, *string, *string) {}, true},
		{"header that is not signed", func(r *http.Request, _, _ *string) { r.Header.Set("User-Agent", "y") }, true},
		{"method", func(r *http.Request, _, _ *string) { r.Method = "PUT" }, false},
		{"host", func(r *http.Request, _, _ *string) { r.Host = "bpi.example.com" }, false},
		{"path", func(r *http.Request, _, _ *string) { r.URL.Path, r.URL.RawPath = "/a/b/c d", "" }, false},
		{"query", func(r *http.Request, _, _ *string) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "2", "3", 1) }, false},
		{"body", func(_ *http.Request, body, _ *string) { *body = `{"a":2}` }, false},
		{"body and its hash", func(r *http.Request, body, _ *string) {
			*body = `{"a":2}`
			sum := sha256.Sum256([]byte(*body))
			r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		}, false},
		{"signed header", func(r *http.Request, _, _ *string) { r.Header.Set("X-Amz-Meta", "c") }, false},
		{"content type", func(r *http.Request, _, _ *string) { r.Header.Set("Content-Type", "text/plain") }, false},
		{"time", func(r *http.Request, _, _ *string) { r.Header.Set("X-Amz-Date", "20260304T060608Z") }, false},
		{"session", func(r *http.Request, _, _ *string) { r.Header.Set("X-Amz-Security-Token", "session-tokem") }, false},
		{"key", func(_ *http.Request, _, key *string) { *key = "canary-secret-kez" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := m.signed(t, signer, awsValues)
			body, key := m.body, awsValues["account.key"]
			test.change(r, &body, &key)
			if got := verifies(r, body, key); got != test.good {
				t.Errorf("got %t for %v %s", got, r.Header, r.URL)
			}
		})
	}
}

// What is sent is spelled so that a service cannot read it in another way.
func TestSigV4Spelling(t *testing.T) {
	r := message{method: "GET", url: "https://api.example.com:443/x?q=1+2&b=&a=%2B", host: "api.example.com:443"}.request(t)
	original := r.URL
	if err := newSigner(t, sigv4(t)).Sign(r, awsValues, nil, now); err != nil {
		t.Fatal(err)
	}
	if r.Host != "api.example.com" || r.URL.RawQuery != "q=1%202&b=&a=%2B" || original.RawQuery != "q=1+2&b=&a=%2B" {
		t.Errorf("got host %s, query %s, and %s in the URL that was given", r.Host, r.URL.RawQuery, original.RawQuery)
	}
	if !verifies(r, "", awsValues["account.key"]) {
		t.Errorf("%v does not verify", r.Header)
	}
	if got := r.Header.Get("X-Amz-Date"); got != "20260304T060607Z" {
		t.Errorf("got date %s", got)
	}
}

// S3 wants the path encoded once, other services the path that is sent encoded once more.
func TestSigV4Path(t *testing.T) {
	for service, path := range map[string]string{"s3": "/a%20b/%24c%2Fd%2B", "s3-outposts": "/a%20b/%24c%2Fd%2B", "sqs": "/a%2520b/%24c%252Fd%2B"} {
		values := maps.Clone(awsValues)
		values["app.service"] = service
		r := message{method: "GET", url: "https://api.example.com/a%20b/$c%2Fd+"}.signed(t, newSigner(t, sigv4(t)), values)
		again := message{method: "GET", url: "https://api.example.com/"}.request(t)
		again.URL.Opaque = "//api.example.com" + path
		again.Header.Set("X-Amz-Content-Sha256", r.Header.Get("X-Amz-Content-Sha256"))
		err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: values["account.key"], SessionToken: "session-token"},
			again, again.Header.Get("X-Amz-Content-Sha256"), service, "eu-west-1", now, func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err != nil || r.Header.Get("Authorization") != again.Header.Get("Authorization") || r.URL.RequestURI() != "/a%20b/$c%2Fd+" {
			t.Errorf("%s: got %s for %s, %v", service, r.Header.Get("Authorization"), r.URL.RequestURI(), err)
		}
	}
}

// The same key ID with another secret is signed with that secret.
func TestSigV4KeepsNoKey(t *testing.T) {
	signer := newSigner(t, sigv4(t))
	m := message{method: "GET", url: "https://api.example.com/"}
	m.signed(t, signer, awsValues)
	other := maps.Clone(awsValues)
	other["account.key"] = "other"
	if r := m.signed(t, signer, other); !verifies(r, "", "other") {
		t.Error("signed with a key that was seen before")
	}
}

func TestSigV4Session(t *testing.T) {
	values := connectors.Values{"account.id": "AKIDEXAMPLE", "account.key": "k", "app.service": "s3", "app.region": "x"}
	r := message{method: "GET", url: "https://api.example.com/"}.signed(t, newSigner(t, sigv4(t)), values)
	if r.Header["X-Amz-Security-Token"] != nil || strings.Contains(r.Header.Get("Authorization"), "token") {
		t.Errorf("got %v, want no session", r.Header)
	}
}

func TestSigV4Refuses(t *testing.T) {
	for _, test := range []struct {
		name, url, body string
		values          connectors.Values
		want            error
		text            string
	}{
		{name: "body that was not read", body: "x", want: sign.ErrBody},
		{name: "semicolon in the query", url: "https://api.example.com/?a=1;b=2", want: sign.ErrQuery},
		{name: "bad escape in the query", url: "https://api.example.com/?a=%zz", want: sign.ErrQuery},
		{name: "no secret", values: connectors.Values{"account.id": "AKIDEXAMPLE"}, text: "signing the request: key: no value for {account.key}"},
		{
			name:   "line break in the ID",
			values: connectors.Values{"account.id": "AKID\r\nX-Evil: 1", "account.key": "canary-secret-key", "app.service": "s3", "app.region": "x"},
			text:   "signing the request: header Authorization: the value has characters that cannot be sent in a header",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.url == "" {
				test.url = "https://api.example.com/?a=1+2"
			}
			if test.values == nil {
				test.values = awsValues
			}
			r := message{method: "POST", url: test.url, body: test.body}.request(t)
			err := newSigner(t, sigv4(t)).Sign(r, test.values, nil, now)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || test.text != "" && err.Error() != test.text {
				t.Fatalf("got %v, want %v%s", err, test.want, test.text)
			}
			if len(r.Header) != 0 || r.URL.String() != test.url {
				t.Errorf("the request has %v and %s", r.Header, r.URL)
			}
		})
	}
}
