package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// maxFileBody is room for the longest file of a connector as JSON, in which a character may take six.
const maxFileBody = 6*vault.MaxConnectorSource + 1<<10

// yamlTypes are the content types of a connector's file.
var yamlTypes = []string{"application/yaml", "text/yaml", "application/x-yaml"}

func (a *api) addConnector(w http.ResponseWriter, r *http.Request) error {
	f, err := readConnector(w, r)
	if err != nil {
		return err
	}
	change, err := a.Connections.PutConnector(r.Context(), f)
	if err != nil {
		return stored(err)
	}
	if f.DryRun {
		return answer(w, http.StatusOK, changeOf(change, true))
	}
	a.Log.Info("a connector was added", zap.String("connector", change.Stored.Name))
	w.Header().Set("Location", a.Prefix+"/connectors/"+change.Stored.Name)
	return answer(w, http.StatusCreated, changeOf(change, false))
}

func (a *api) replaceConnector(w http.ResponseWriter, r *http.Request) error {
	f, err := readConnector(w, r, "version")
	if err != nil {
		return err
	}
	f.Name = r.PathValue("name")
	change, err := a.Connections.PutConnector(r.Context(), f)
	if err != nil {
		return stored(err)
	}
	if !f.DryRun {
		a.Log.Info("a connector was changed", zap.String("connector", f.Name), zap.Strings("connections", change.Connections))
	}
	return answer(w, http.StatusOK, changeOf(change, f.DryRun))
}

func (a *api) removeConnector(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, "version")
	if err != nil {
		return err
	}
	if err := noBody(w, r); err != nil {
		return err
	}
	version, err := versionOf(values)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if _, err := a.Connections.RemoveConnector(r.Context(), name, version); err != nil {
		return stored(err)
	}
	a.Log.Info("a connector was removed", zap.String("connector", name))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readConnector reads a file, which comes as it is or in JSON. more are further parameters that the route
// takes.
func readConnector(w http.ResponseWriter, r *http.Request, more ...string) (connection.ConnectorFile, error) {
	var f connection.ConnectorFile
	values, err := query(r, append([]string{"dry_run", "replace_builtin"}, more...)...)
	if err != nil {
		return f, err
	}
	if f.DryRun, err = flagOf(values, "dry_run"); err != nil {
		return f, err
	}
	if f.ReplaceBuiltin, err = flagOf(values, "replace_builtin"); err != nil {
		return f, err
	}
	if f.Version, err = versionOf(values); err != nil {
		return f, err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && slices.Contains(yamlTypes, kind) {
		data, err := readAll(w, r, vault.MaxConnectorSource)
		f.Source = string(data)
		return f, err
	}
	in, err := readLarge[client.ConnectorFile](w, r, maxFileBody)
	var p *problem.Problem
	if errors.As(err, &p) && p.Code == CodeContentType {
		return f, refuse(CodeContentType, "the body must be application/yaml or application/json",
			"send the file as it is with Content-Type: application/yaml, or as source in a JSON object")
	}
	f.Source, f.ReplaceBuiltin = in.Source, f.ReplaceBuiltin || in.ReplaceBuiltin
	return f, err
}

// flagOf reads a parameter that is true or false.
func flagOf(values url.Values, name string) (bool, error) {
	switch values.Get(name) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	if values.Has(name) {
		return false, badParameter(name, "must be true or false")
	}
	return false, nil
}

func versionOf(values url.Values) (uint64, error) {
	if !values.Has("version") {
		return 0, nil
	}
	n, err := strconv.ParseUint(values.Get("version"), 10, 64)
	if err != nil || n == 0 {
		return 0, badParameter("version", "must be a version of the connector, such as 3")
	}
	return n, nil
}

func changeOf(c connection.ConnectorChange, dry bool) client.ConnectorChange {
	return client.ConnectorChange{
		Name: c.Stored.Name, Origin: client.OriginStored, Version: c.Stored.Version, Replaces: string(c.Replaces),
		Connections: c.Connections, DryRun: dry,
	}
}

// wantsSource tells whether a request asks for a connector's file.
func wantsSource(r *http.Request, values url.Values) (bool, error) {
	source, err := flagOf(values, "source")
	if err != nil || source {
		return source, err
	}
	for accepted := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if kind, _, err := mime.ParseMediaType(strings.TrimSpace(accepted)); err == nil && slices.Contains(yamlTypes, kind) {
			return true, nil
		}
	}
	return false, nil
}

// answerSource sends the file of a connector: that of a stored or built-in one as it is, that of a folder
// as it was understood.
func (a *api) answerSource(w http.ResponseWriter, r *http.Request, name string) error {
	source, err := a.source(r.Context(), name)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/yaml")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(source) //nolint:gosec // it is no page, and a caller that has gone need not be told
	return nil
}

func (a *api) source(ctx context.Context, name string) ([]byte, error) {
	c, isStored, err := a.storedConnector(ctx, name)
	if err != nil {
		return nil, err
	}
	if isStored {
		return []byte(c.Source), nil
	}
	k, err := a.connector(name)
	if err != nil {
		return nil, err
	}
	if a.Catalog().Origin(name) == connectors.OriginBuiltin {
		if text, ok := connectors.BuiltinSource(name); ok {
			return text, nil
		}
	}
	return connectors.Encode(k)
}

// storedConnector is the record of a connector whose name is a stored one's, be it usable or not.
func (a *api) storedConnector(ctx context.Context, name string) (vault.Connector, bool, error) {
	if a.Connections == nil || a.Catalog().Origin(name) != connectors.OriginStored && a.Connections.BadConnectors()[name] == nil {
		return vault.Connector{}, false, nil
	}
	c, err := a.Vault.FindConnector(ctx, vault.DefaultProject, name)
	if errors.Is(err, vault.ErrNotFound) { // another process has removed it
		return vault.Connector{}, false, nil
	}
	return c, err == nil, stored(err)
}

// badConnector says why a stored connector cannot be used; nil if there is none of that name.
func (a *api) badConnector(name string) error {
	if a.Connections == nil {
		return nil
	}
	err := a.Connections.BadConnectors()[name]
	if err == nil {
		return nil
	}
	return refuse(connection.CodeUnknownConnector, fmt.Sprintf("the stored connector %s cannot be used: %s", name, oneLine(err.Error())),
		"put its file right: `claviger connectors source "+name+"` shows it")
}

// mistakesOf are the reasons of an error, one by one.
func mistakesOf(reasons []connection.Reason) []problem.Mistake {
	var list []problem.Mistake
	for _, r := range reasons[:min(len(reasons), maxMistakes)] {
		list = append(list, problem.Mistake{
			Line: r.Line, Path: r.Path, Message: cmp.Or(oneLine(r.Message), "is wrong"), Connection: r.Connection, Account: string(r.Account),
		})
	}
	return list
}

// maxMistakes bounds how many are told at once.
const maxMistakes = 100
