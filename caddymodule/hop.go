package caddymodule

import (
	"context"
	"net/http"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
)

// hop is what connected_account found out about a request, for the upstreams and the transport
// behind it. It travels in the request's context, where no placeholder and no log can reach it.
type hop struct {
	broker     *broker.Broker
	target     broker.Target
	base       *connection.Base
	credential broker.Credential
	// tag is how the caller named the account, and the provider's path below the base.
	tag tag
	// inbound is the request as it came, for the URLs that lead back here. It is only read.
	inbound *http.Request
	outcome outcome
	// upload is the request's body; nil when it has none.
	upload *upload
	// answered tells that the provider's answer has begun.
	answered bool
}

// outcome says in one word what happened to the credential, for {http.claviger.outcome}.
type outcome string

const (
	outcomeFresh    outcome = "fresh"               // the stored token was good
	outcomeRenewed  outcome = "renewed"             // the provider refused it, and took the next one
	outcomeRefused  outcome = "refused"             // the provider refused it, and there is no other
	outcomeTooLarge outcome = "too_large_to_replay" // renewed, but the body could not be sent again
	outcomeLimited  outcome = "limited"             // the provider took it, and says that it limits requests
	outcomeDenied   outcome = "denied"              // the request did not go out
)

type hopKey struct{}

func withHop(ctx context.Context, h *hop) context.Context {
	return context.WithValue(ctx, hopKey{}, h)
}

func hopOf(ctx context.Context) *hop {
	h, _ := ctx.Value(hopKey{}).(*hop)
	return h
}

// placeholder answers the {http.claviger.*} placeholders. None of them is a secret.
func (h *hop) placeholder(key string) (any, bool) {
	const prefix = "http.claviger."
	if len(key) <= len(prefix) || key[:len(prefix)] != prefix {
		return nil, false
	}
	switch key[len(prefix):] {
	case "account":
		return string(h.target.Account), true
	case "identifier":
		return h.target.Identifier, true
	case "outcome":
		return string(h.outcome), true
	case "connection":
		if h.target.Connection != nil {
			return h.target.Connection.Name, true
		}
	case "connector":
		if h.target.Connection != nil {
			return h.target.Connection.Connector().Name, true
		}
	default:
		return nil, false
	}
	return "", true
}
