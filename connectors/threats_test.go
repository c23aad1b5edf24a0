package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// Rows S-18, S-23 and S-26 of the threat table: hosts and URLs that a connector must not name, in
// every place where it names one. Row S-19 is in TestEndpointsRefused.
func TestThreatURLs(t *testing.T) {
	tests := []struct{ name, url string }{
		{"S-18 http", "http://api.good.test"},
		{"S-18 http upper case", "HTTP://api.good.test"},
		{"S-18 other scheme", "ftp://api.good.test"},
		{"S-18 no scheme", "api.good.test"},
		{"S-18 scheme of the page", "//api.good.test"},
		{"S-18 opaque", "https:api.good.test"},
		{"S-18 one slash", "https:/api.good.test"},
		{"S-18 three slashes", "https:///api.good.test"},
		{"S-18 user", "https://u@evil.test"},
		{"S-18 user and password", "https://api.good.test:x@evil.test"},
		{"S-18 empty user", "https://@evil.test"},
		{"S-18 backslash", `https://api.good.test\@evil.test`},
		{"S-18 star", "https://*"},
		{"S-18 wildcard", "https://*.com"},
		{"S-18 IPv4", "https://93.184.216.34"},
		{"S-18 private IPv4", "https://10.0.0.1"},
		{"S-18 metadata", "http://169.254.169.254"},
		{"S-18 IPv6", "https://[2606:4700::1111]"},
		{"S-18 IPv6 without brackets", "https://2606:4700::1111"},
		{"S-18 loopback as IPv4 in IPv6", "http://[::ffff:127.0.0.1]"},
		{"S-18 long form of loopback", "http://[0:0:0:0:0:0:0:1]"},
		{"S-18 zone", "http://[::1%25eth0]"},
		{"S-18 unspecified", "http://0.0.0.0:8080"},
		{"S-18 port 22", "https://api.good.test:22"},
		{"S-18 port 80", "https://api.good.test:80"},
		{"S-18 port 0", "https://api.good.test:0"},
		{"S-18 port 65536", "https://api.good.test:65536"},
		{"S-18 port with zero in front", "https://api.good.test:08443"},
		{"S-18 signed port", "https://api.good.test:+8443"},
		{"S-18 empty port", "https://api.good.test:"},
		{"S-18 http in the network of 127", "http://127.good.test"},
		{"S-18 http to a name that begins like localhost", "http://localhost.good.test"},
		{"S-18 fragment", "https://api.good.test#x"},
		{"S-18 empty fragment", "https://api.good.test#"},
		{"S-18 space", "https://api.good.test /"},
		{"S-18 tab", "https://api.good\t.test"},
		{"S-18 one label", "https://intranet"},
		{"S-18 empty label", "https://api..good.test"},
		{"S-18 label with dash at its end", "https://api-.good.test"},
		{"S-18 underscore", "https://a_b.good.test"},
		{"S-18 long label", "https://" + strings.Repeat("a", 64) + ".test"},
		{"S-18 long name", "https://" + strings.Repeat("abcdefgh.", 30) + "test"},
		{"S-18 encoded host", "https://api%2egood.test"},
		{"S-18 dot segment", "https://api.good.test/a/../b"},
		{"S-18 encoded dot segment", "https://api.good.test/a/%2e%2e/b"},
		{"S-18 encoded slash", "https://api.good.test/a%2fb"},
		{"S-18 empty segment", "https://api.good.test//a"},
		{"S-18 broken escape", "https://api.good.test/%zz"},
		{"S-23 decimal", "https://2130706433"},
		{"S-23 decimal, http", "http://2130706433"},
		{"S-23 hexadecimal and short", "http://0x7f.1"},
		{"S-23 hexadecimal", "http://0x7f000001"},
		{"S-23 octal", "http://0177.0.0.1"},
		{"S-23 short", "http://127.1"},
		{"S-23 five parts", "http://127.0.0.1.1"},
		{"S-23 numeric last label", "https://good.123"},
		{"S-23 bare 0x", "https://good.0x"},
		{"S-26 upper case", "https://API.GOOD.TEST"},
		{"S-26 trailing dot", "https://api.good.test."},
		{"S-26 upper case and trailing dot", "https://API.GOOD.TEST."},
		{"S-26 trailing dot on loopback", "http://localhost."},
		{"S-26 Cyrillic twin", "https://api.gооd.test"},
		{"S-26 wide twin", "https://ａpi.good.test"},
		{"S-26 ideographic full stop", "https://api。good.test"},
	}
	places := map[string]string{
		"authorize.url": "https://login.example.com/authorize",
		"token.url":     "https://login.example.com/token",
		"api.base_url":  "https://api.example.com",
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for path, good := range places {
				text := strings.Replace(minimal, " "+good, " '"+tt.url+"'", 1)
				c, err := connectors.Decode("x.yaml", []byte(text))
				if err == nil || c != nil || !strings.Contains(err.Error(), path) {
					t.Errorf("Decode with %s: %q: %v, want an error about it", path, tt.url, err)
				}
			}
		})
	}
}

func TestThreatHosts(t *testing.T) {
	for _, host := range []string{
		"", "*", "*.good.test", "https://good.test", "good.test/", "u@good.test", "good.test.", "GOOD.TEST",
		"good.test:22", "good.test:", "10.0.0.1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "::1", "[::2]",
		"{app.x}.good.test", "gооd.test", "good", "-a.test", "a b.test",
	} {
		text := minimal + "  hosts: ['" + host + "']\n"
		if c, err := connectors.Decode("x.yaml", []byte(text)); err == nil || c != nil {
			t.Errorf("Decode with host %q: no error", host)
		}
	}
}

func TestGoodURLs(t *testing.T) {
	for _, url := range []string{
		"https://api.good.test", "https://api.good.test/", "https://api.good.test/v1", "https://api.good.test:443",
		"https://api.good.test:8443/v1/", "https://xn--bcher-kva.test", "https://127.0.0.1:8443", "http://127.0.0.1:8080",
		"http://127.8.9.1:8080", "http://[::1]:8080", "http://localhost:8080", "http://localhost",
		"https://1.good.test", "https://api.good.test/~x/%20y",
	} {
		text := strings.Replace(minimal, "https://api.example.com", "'"+url+"'", 1)
		c, err := connectors.Decode("x.yaml", []byte(text))
		if err != nil {
			t.Errorf("Decode with %q: %v", url, err)
			continue
		}
		if _, err := c.Endpoints(nil); err != nil {
			t.Errorf("Endpoints with %q: %v", url, err)
		}
	}
}
