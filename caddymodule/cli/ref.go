package cli

import (
	"context"
	"strings"
)

// ref names an account on the command line.
type ref struct{ id, connection, identifier string }

// parseRef reads ca_… or connection/identifier.
func parseRef(text string) (ref, error) {
	connection, identifier, named := strings.Cut(text, "/")
	switch {
	case named && connection != "" && identifier != "" && !strings.Contains(identifier, "/"):
		return ref{connection: connection, identifier: identifier}, nil
	case !named && strings.HasPrefix(text, "ca_"):
		return ref{id: text}, nil
	}
	return ref{}, &failure{
		Code: "account_tag_invalid", Detail: "\"" + clean(text) + "\" does not name an account", exit: exitUsage,
		Next: "write its ID (ca_…) or connection/identifier, such as gmail/user_123",
	}
}

func (r ref) String() string {
	if r.id != "" {
		return r.id
	}
	return r.connection + "/" + r.identifier
}

// ofAccount asks the server about the account that the argument names: by its ID, or by its connection and
// identifier.
func ofAccount[T any](
	ctx context.Context, c *call,
	byID func(s *server, ctx context.Context, id string) (T, error),
	byName func(s *server, ctx context.Context, connection, identifier string) (T, error),
) (answer T, err error) {
	r, err := parseRef(c.args[0])
	if err != nil {
		return answer, err
	}
	s, err := c.client()
	if err != nil {
		return answer, err
	}
	if r.id != "" {
		answer, err = byID(s, ctx, r.id)
	} else {
		answer, err = byName(s, ctx, r.connection, r.identifier)
	}
	return answer, s.failure(err)
}
