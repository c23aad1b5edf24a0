package fakeprovider

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"sync"
)

// shortest is the length under which a string says nothing when it is found somewhere.
const shortest = 8

// secrets remembers every secret that was minted here or came in through the token endpoint.
type secrets struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

func newSecrets(first ...string) *secrets {
	s := &secrets{seen: make(map[string]struct{})}
	s.add(first...)
	return s
}

func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if len(v) >= shortest {
			s.seen[v] = struct{}{}
		}
	}
}

func (s *secrets) addForm(form url.Values) {
	for _, name := range []string{"code", "code_verifier", "refresh_token", "client_secret", "token", "device_code"} {
		s.add(form[name]...)
	}
}

// addAnswer takes the tokens out of what the token endpoint answered, made up by a fault or not.
func (s *secrets) addAnswer(body []byte) {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if v, ok := answer[name].(string); ok {
			s.add(v)
		}
	}
}

// Secrets returns every access token, refresh token, ID token, code, device code, code verifier and client secret
// that was ever minted or seen at the token endpoint, sorted. None of them may be found in a log, a
// URL, an error or a configuration of the app's side. States are not among them, nor are strings
// shorter than eight bytes.
func (s *Server) Secrets() []string {
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	return slices.Sorted(maps.Keys(s.secrets.seen))
}
