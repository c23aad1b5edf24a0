package broker

import (
	"time"

	"go.uber.org/zap"
)

// OutcomeRefreshed is the outcome of a refresh that gave a new token. Of others it is the class of the
// error: permanent, operator, transient or malformed.
const OutcomeRefreshed = "refreshed"

// Observer is told what happens to tokens, for metrics. Its methods are called by several goroutines
// and must not block. What they are told holds no account.
type Observer interface {
	// Refreshed: a refresh at a connector has ended, with an outcome, after some time.
	Refreshed(connector, connection, outcome string, took time.Duration)
	// Forced: a refresh has begun because the provider refused the token.
	Forced(connector string)
	// Waiting: so many more requests wait for a refresh; less than zero is fewer.
	Waiting(more int)
	// Checked: the provider was asked whether it takes a credential.
	Checked(connector string, ok bool)
}

type nobody struct{}

func (nobody) Refreshed(string, string, string, time.Duration) {}
func (nobody) Forced(string)                                   {}
func (nobody) Waiting(int)                                     {}
func (nobody) Checked(string, bool)                            {}

var _ Observer = nobody{}

// refreshed tells of a refresh that has ended.
func (b *Broker) refreshed(t Target, outcome, code string, took time.Duration) {
	name := t.Connection.Connector().Name
	b.observe.Refreshed(name, t.Connection.Name, outcome, took)
	fields := []zap.Field{
		zap.String("account", string(t.Account)), zap.String("connection", t.Connection.Name), zap.Duration("took", took),
	}
	switch outcome {
	case OutcomeRefreshed:
		b.shared.succeeded(t.Account)
		b.shared.pace(t.Connection, b.schedule).succeeded()
		b.log.Debug("token refreshed", fields...)
	case "operator":
		b.log.Error("the provider refuses the connection's OAuth client; its accounts stay, and need the operator",
			append(fields, zap.String("reason", code))...)
	case "permanent":
		b.log.Warn("the grant has ended; the user must consent again", append(fields, zap.String("reason", code))...)
	case "malformed":
		b.log.Error("the provider's token endpoint answers something else than a token", append(fields, zap.String("reason", code))...)
	default:
		b.log.Warn("a refresh has failed for now", append(fields, zap.String("class", outcome), zap.String("reason", code))...)
	}
}
