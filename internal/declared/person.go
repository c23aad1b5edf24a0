package declared

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// Person is the user at the provider.
type Person struct {
	ID, Name, Email, Avatar string
}

func newPerson(connector string) Person {
	return Person{
		ID: "person-of-" + connector, Name: "Pia Person", Email: "pia@example.com", Avatar: "https://img.example.com/pia.png",
	}
}

// write says who the person is, as far as the connector asks. What stands there already is who it is.
func (u *Person) write(doc document, root string, i *connectors.Identity) {
	for _, m := range []struct {
		path  string
		value *string
	}{{i.ID, &u.ID}, {i.Name, &u.Name}, {i.Email, &u.Email}, {i.Avatar, &u.Avatar}} {
		if m.path != "" {
			*m.value = text(doc.set(under(root, m.path), *m.value))
		}
	}
}

// told is the person as far as the connector asks.
func (u Person) told(i *connectors.Identity) (p Person) {
	if i == nil {
		return Person{}
	}
	for _, m := range []struct {
		path   string
		value  string
		target *string
	}{{i.ID, u.ID, &p.ID}, {i.Name, u.Name, &p.Name}, {i.Email, u.Email, &p.Email}, {i.Avatar, u.Avatar, &p.Avatar}} {
		if m.path != "" {
			*m.target = m.value
		}
	}
	return p
}

// idToken says who the person is, as far as the connector asks an ID token.
func (w *saying) idToken() string {
	claims := document{"iss": "https://issuer.example.com", "aud": w.client.ClientID, "iat": w.now().Unix(), "exp": w.now().Add(time.Hour).Unix()}
	if i := w.connector.Identity; i != nil && i.From == "id_token" {
		w.person.write(claims, "", i)
	}
	claims.set("sub", "subject-of-the-token")
	return unsigned(claims)
}

// mintJWT makes a token that has claims.
func (p *Provider) mintJWT(names []string, expires time.Time) string {
	p.minted++
	claims := document{"jti": strconv.Itoa(p.minted)}
	if !expires.IsZero() {
		claims["exp"] = expires.Unix()
	}
	for _, name := range names {
		claims.set(name, "claim-"+name)
	}
	return unsigned(claims)
}

// unsigned is a JWT whose signature nobody checks.
func unsigned(claims document) string {
	head, _ := json.Marshal(document{"alg": "RS256", "typ": "JWT"})
	body, _ := json.Marshal(claims) // what is in a document can be written
	encode := base64.RawURLEncoding.EncodeToString
	return encode(head) + "." + encode(body) + "." + encode([]byte("a signature that nobody looks at"))
}

// sorted are the keys of a map, sorted.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
