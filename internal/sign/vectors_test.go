package sign

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dghubble/oauth1"

	"github.com/claviger-proxy/claviger/connectors"
)

// These examples have a nonce of their own, and no oauth_version, so they do not fit through the door.

func vectorCall(t *testing.T, method, url, host, body string) *call {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return &call{request: r, body: []byte(body)}
}

// RFC 5849 section 1.2.
func TestOAuth1Example(t *testing.T) {
	common := func(token, timestamp, nonce string) []param {
		list := []param{{"oauth_consumer_key", "dpf43f3p2l4k3l03"}}
		if token != "" {
			list = append(list, param{"oauth_token", token})
		}
		return append(list, param{"oauth_signature_method", "HMAC-SHA1"}, param{"oauth_timestamp", timestamp}, param{"oauth_nonce", nonce})
	}
	for _, test := range []struct {
		name, method, url, secret, want string
		protocol                        []param
	}{
		{
			name: "temporary credentials", method: "POST", url: "https://photos.example.net/initiate",
			protocol: append(common("", "137131200", "wIjqoS"), param{"oauth_callback", "http://printer.example.com/ready"}),
			want: `OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature_method="HMAC-SHA1", ` +
				`oauth_timestamp="137131200", oauth_nonce="wIjqoS", oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready", ` +
				`oauth_signature="74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D"`,
		},
		{
			name: "token credentials", method: "POST", url: "https://photos.example.net/token", secret: "hdhd0244k9j7ao03",
			protocol: append(common("hh5s93j4hdidpola", "137131201", "walatlh"), param{"oauth_verifier", "hfdp7dh39dks9884"}),
			want: `OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="hh5s93j4hdidpola", oauth_signature_method="HMAC-SHA1", ` +
				`oauth_timestamp="137131201", oauth_nonce="walatlh", oauth_verifier="hfdp7dh39dks9884", ` +
				`oauth_signature="gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D"`,
		},
		{
			name: "resource", method: "GET", url: "http://photos.example.net/photos?file=vacation.jpg&size=original", secret: "pfkkdhi9sl3r4s00",
			protocol: common("nnch734d00sl2jdk", "137131202", "chapoH"),
			want: `OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk", oauth_signature_method="HMAC-SHA1", ` +
				`oauth_timestamp="137131202", oauth_nonce="chapoH", oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := authorization(vectorCall(t, test.method, test.url, "", ""), &oauth1.HMACSigner{ConsumerSecret: "kd94hf93k423kf44"},
				test.secret, "Photos", test.protocol)
			if err != nil || got != test.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

// RFC 5849 section 3.4.1.1: a form and a query, with one name in both.
func TestOAuth1BaseString(t *testing.T) {
	c := vectorCall(t, "post", "http://EXAMPLE.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", "", "c2&a3=2+q")
	got, err := baseString(c, hmacSHA1, []param{
		{"oauth_consumer_key", "9djdj82h48djs9d2"},
		{"oauth_token", "kkk9d7dh3k39sjv7"},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", "137131201"},
		{"oauth_nonce", "7d8f3e4a"},
	})
	want := "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
		"oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26" +
		"oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// RFC 5849 section 3.4.1.2, and what follows from it.
func TestOAuth1BaseURI(t *testing.T) {
	for _, test := range []struct{ url, host, want string }{
		{"http://127.0.0.1/r%20v/X?id=123", "EXAMPLE.COM:80", "http://example.com/r%20v/X"},
		{"https://www.example.net:8080/?q=1", "", "https://www.example.net:8080/"},
		{"https://example.net:443", "", "https://example.net/"},
		{"https://example.net:80/a%2Fb", "", "https://example.net:80/a%2Fb"},
		{"https://[::1]:443/x", "", "https://[::1]/x"},
	} {
		if got := vectorCall(t, "GET", test.url, test.host, "").baseURI(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

// The example of "Atom Authentication" (M. Pilgrim, 2003), whose nonce is text; base64 is around it here.
func TestWSSEExample(t *testing.T) {
	w, err := newWSSE(&connectors.Signer{})
	if err != nil {
		t.Fatal(err)
	}
	got := w.token("bob", "taadtaadpstcsm", []byte("d36e316282959a9ed4c89851497a717f"), "2003-12-15T14:43:07Z")
	want := `UsernameToken Username="bob", PasswordDigest="quR/EWLAV4xLf9Zqyw4pDmfV9OY=", ` +
		`Nonce="ZDM2ZTMxNjI4Mjk1OWE5ZWQ0Yzg5ODUxNDk3YTcxN2Y=", Created="2003-12-15T14:43:07Z"`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
