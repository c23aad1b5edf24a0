package declared_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// configured are the connections of the configuration: none where the client has to be registered first.
func (j *journey) configured() []vault.Connection {
	if j.connector.Register != nil {
		return nil
	}
	return []vault.Connection{j.connection()}
}

func (j *journey) registrar() *connection.Registrar {
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &j.logs, zap.DebugLevel)
	return &connection.Registrar{
		Set: j.set, OAuth: j.oauth, Callback: func(name string) string { return callback + "/" + name }, Version: "1.2.3", Log: zap.New(core),
	}
}

// register has the client registered, where the connector says how.
func (j *journey) register() error {
	if j.connector.Register == nil {
		return nil
	}
	live, err := j.registrar().Add(j.ctx, j.connection())
	if err != nil {
		return err
	}
	return want(live.ClientID == j.client.ClientID, "the client is %s, want %s", live.ClientID, j.client.ClientID)
}

// reregister tells the provider anew what the client is.
func (j *journey) reregister() error {
	if j.connector.Register == nil {
		return nil
	}
	for range 2 { // the second time with the token that the first one has given
		_, another, err := j.registrar().Renew(j.ctx, connected, false)
		if err == nil && another {
			err = errors.New("another client was registered")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unregister removes the connection, and with it the client.
func (j *journey) unregister() error {
	if j.connector.Register == nil {
		return nil
	}
	gone, err := j.registrar().Remove(j.ctx, connected, false)
	if err != nil {
		return err
	}
	if len(gone) != 1 || !gone[0].Deleted || gone[0].ClientID != j.client.ClientID {
		return fmt.Errorf("of the clients is said %+v", gone)
	}
	return want(!j.provider.Registered(), "the provider still has the client")
}

// A client that nobody has registered is not known, and one that was is not registered twice.
func TestUnregistered(t *testing.T) {
	for _, c := range cases(t) {
		if c.Register == nil {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			j, err := depart(t, c, played{})
			if err != nil {
				t.Fatal(err)
			}
			client := vault.Connection{Name: "own", Connector: c.Name, ClientID: j.client.ClientID, ClientSecret: vault.NewSecret("x"), Params: j.client.App}
			own, err := j.set.Build(client)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := j.oauth.Refresh(j.ctx, own.App, vault.Grant{Refresh: vault.NewSecret("r"), ClientID: client.ClientID}); err == nil {
				t.Error("a client that is not registered is answered")
			}
			if err := j.register(); err != nil {
				t.Fatal(err)
			}
			twice := j.connection()
			twice.Name = "two"
			if _, err := j.registrar().Add(j.ctx, twice); err == nil {
				t.Error("the client is registered twice")
			}
			wrong := j.provider.Violations()
			if len(wrong) != 2 || !strings.Contains(wrong[0].Why, "nobody has registered") || !strings.Contains(wrong[1].Why, "registered already") {
				t.Errorf("%s: got violations %v", c.Name, wrong)
			}
		})
	}
}
