package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// The values of [ConnectorSummary].Origin.
const (
	OriginBuiltin = "built_in" // part of the server's program
	OriginFolder  = "folder"   // a file of a folder that the configuration names: read-only here
	OriginStored  = "stored"   // added here and kept in the vault
)

// ConnectorFile is the file of a connector to store.
type ConnectorFile struct {
	// Source is the file's text, YAML.
	Source string `json:"source"`
	// ReplaceBuiltin allows a new one to stand in place of the built-in connector of its name. Credentials of
	// accounts are then sent where the file says.
	ReplaceBuiltin bool `json:"replace_builtin,omitempty"`
	// DryRun tells what would happen, and changes nothing.
	DryRun bool `json:"-"`
	// Version, unless it is 0, is the version that must be stored; see [Connector].Version. For a change only.
	Version uint64 `json:"-"`
}

// ConnectorChange is what came of storing a connector's file, or would in a dry run.
type ConnectorChange struct {
	Name string `json:"name"`
	// Origin is [OriginStored], Version the one that is stored.
	Origin  string `json:"origin"`
	Version uint64 `json:"version,omitempty"`
	// Replaces is where the connector came from that had the name before; empty when there was none.
	Replaces string `json:"replaces,omitempty"`
	// Connections are those that use it, or a variant of it, from now on.
	Connections []string `json:"connections"`
	DryRun      bool     `json:"dry_run,omitempty"`
}

// Mistake is one of several reasons why a connector's file is refused: a mistake in it, or what it would
// break.
type Mistake struct {
	// Line counts from 1; 0 means that it is not known. Path is that of the value in the file.
	Line    int    `json:"line,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	// Connection and Account are what would break.
	Connection string `json:"connection,omitempty"`
	Account    string `json:"account,omitempty"`
}

// String is the mistake in one line.
func (m Mistake) String() string {
	text := m.Message
	if m.Path != "" {
		text = m.Path + ": " + text
	}
	switch {
	case m.Line > 0:
		text = fmt.Sprintf("line %d: %s", m.Line, text)
	case m.Account != "":
		text = "account " + m.Account + ": " + text
	case m.Connection != "":
		text = "connection " + m.Connection + ": " + text
	}
	return text
}

// AddConnector checks and stores the file of a new connector, which can be used at once.
func (c *Client) AddConnector(ctx context.Context, f ConnectorFile) (ConnectorChange, error) {
	return call[ConnectorChange](ctx, c, http.MethodPost, pathWith("/connectors", f.values()), f)
}

// ReplaceConnector checks and stores another file for a stored connector. It is refused if an account could
// not go on with it; see [Error].Mistakes.
func (c *Client) ReplaceConnector(ctx context.Context, name string, f ConnectorFile) (ConnectorChange, error) {
	return call[ConnectorChange](ctx, c, http.MethodPut, pathWith("/connectors/"+url.PathEscape(name), f.values()), f)
}

// RemoveConnector removes a stored connector. What stood behind it, built in or of a folder, is used again.
func (c *Client) RemoveConnector(ctx context.Context, name string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/connectors/"+url.PathEscape(name), nil)
	return err
}

// ConnectorSource returns the file of a connector.
func (c *Client) ConnectorSource(ctx context.Context, name string) (string, error) {
	path := "/connectors/" + url.PathEscape(name) + "?source=true"
	status, body, err := c.send(ctx, http.MethodGet, path, nil, 0)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", problemOf(status, body)
	}
	return string(body), nil
}

func (f ConnectorFile) values() url.Values {
	v := url.Values{}
	if f.DryRun {
		v.Set("dry_run", "true")
	}
	if f.Version > 0 {
		v.Set("version", strconv.FormatUint(f.Version, 10))
	}
	return v
}

func pathWith(path string, v url.Values) string {
	if len(v) > 0 {
		return path + "?" + v.Encode()
	}
	return path
}
