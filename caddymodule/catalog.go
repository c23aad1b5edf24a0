package caddymodule

import (
	"errors"
	"fmt"
	"os"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
)

// loadCatalog reads the built-in connectors and those of the configured folders.
func (a *App) loadCatalog() error {
	catalog, err := connectors.Builtin()
	if err != nil {
		return fmt.Errorf("reading the built-in connectors: %w", err)
	}
	for _, dir := range a.Connectors {
		path, err := resolve("connectors folder", dir)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			return fmt.Errorf("connectors folder %s: there is no such folder", path)
		}
		more, err := catalog.LoadDir(os.DirFS(path), ".")
		if err != nil {
			return fmt.Errorf("connectors folder %s: %w", path, err)
		}
		catalog = catalog.With(more...)
	}
	a.catalog = catalog
	return nil
}

// beforeTheVault explains why a connector is not known that the running server may have: the configuration is
// checked without the vault, where added ones are.
func beforeTheVault(err error) error {
	var e *connection.Error
	if !errors.As(err, &e) || e.Code != connection.CodeUnknownConnector {
		return err
	}
	return fmt.Errorf("%w; if it was added by `claviger connectors add`, add the connection by `claviger connections add`, too", err)
}
