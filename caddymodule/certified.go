package caddymodule

import (
	"container/list"
	"crypto/sha256"
	"net/http"
	"sync"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
)

// maxCertified is how many client certificates have connections at a time.
const maxCertified = 64

// certified are the transports that present a client certificate. There is one for each certificate, so that a
// connection is used with the certificate only that it was made with. The zero value is ready.
type certified struct {
	mu sync.Mutex
	// recent are *presenting, that which was used last in front; known are its elements.
	recent list.List
	known  map[[sha256.Size]byte]*list.Element
}

// presenting is the transport of one certificate.
type presenting struct {
	id        [sha256.Size]byte
	transport *http.Transport
}

// transport returns what presents the connection's certificate and is like base else. The error is
// [oauth.ErrCertificate].
func (c *certified) transport(base *http.Transport, of *connection.Connection) (*http.Transport, error) {
	cert, key, err := of.Certificate()
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256([]byte(cert + "\x00" + key))
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.known[id]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*presenting).transport, nil
	}
	own, err := oauth.Presenting(base, cert, key)
	if err != nil {
		return nil, err
	}
	if c.known == nil {
		c.known = map[[sha256.Size]byte]*list.Element{}
	}
	c.known[id] = c.recent.PushFront(&presenting{id, own})
	for c.recent.Len() > maxCertified {
		c.drop(c.recent.Back())
	}
	return own, nil
}

// drop forgets a transport. Its connections end as soon as they are idle.
func (c *certified) drop(e *list.Element) {
	p := c.recent.Remove(e).(*presenting)
	delete(c.known, p.id)
	p.transport.CloseIdleConnections()
}

// close forgets all.
func (c *certified) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.recent.Len() > 0 {
		c.drop(c.recent.Front())
	}
}
