package caddymodule

import (
	"errors"
	"io"
	"net/http"

	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/internal/policy"
)

// trailerGuard keeps credentials and steering headers out of the trailers of a request. They are
// filled in when the body ends, and written right after; between the two is the last Read.
type trailerGuard struct {
	io.ReadCloser
	trailer http.Header
	plan    *inject.Plan
}

func (g *trailerGuard) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && len(g.trailer) > 0 {
		policy.DropSteering(g.trailer)
		g.plan.StripTrailer(g.trailer)
	}
	return n, err
}
