package cli

import (
	"context"
	"strings"

	"github.com/claviger-proxy/claviger/client"
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

func (r ref) account(ctx context.Context, s *server) (client.Account, error) {
	if r.id != "" {
		return s.Account(ctx, r.id)
	}
	return s.FindAccount(ctx, r.connection, r.identifier)
}

func (r ref) check(ctx context.Context, s *server) (client.AccountCheck, error) {
	if r.id != "" {
		return s.Check(ctx, r.id)
	}
	return s.CheckNamed(ctx, r.connection, r.identifier)
}

func (r ref) refresh(ctx context.Context, s *server) (client.AccountRefresh, error) {
	if r.id != "" {
		return s.Refresh(ctx, r.id)
	}
	return s.RefreshNamed(ctx, r.connection, r.identifier)
}

func (r ref) token(ctx context.Context, s *server) (client.Token, error) {
	if r.id != "" {
		return s.Token(ctx, r.id)
	}
	return s.TokenNamed(ctx, r.connection, r.identifier)
}

func (r ref) disconnect(ctx context.Context, s *server) (client.Disconnection, error) {
	if r.id != "" {
		return s.Disconnect(ctx, r.id)
	}
	return s.DisconnectNamed(ctx, r.connection, r.identifier)
}
