package caddymodule

import (
	"fmt"
	"os"

	"github.com/claviger-proxy/claviger/connectors"
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
