// Command client holds a client that was generated from the OpenAPI document of the management API against a
// running server. Its argument is the program claviger:
//
//	go tool oapi-codegen -config config.yaml ../../../internal/api/openapi.json
//	go run . ../../../claviger
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	_ "github.com/oapi-codegen/runtime" // the generated file needs it
)

const configuration = `{
	admin unix/%[1]s/admin.sock|0600
	persist_config off
	claviger {
		vault badger %[1]s/vault
		key file %[1]s/key
		callback https://accounts.example.com/oauth/callback
	}
}
`

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "the generated client:", err)
		os.Exit(1)
	}
	fmt.Println("the generated client has done its work")
}

// run starts the server, and ends it again.
func run(ctx context.Context, program string) (err error) {
	dir, err := os.MkdirTemp("", "client")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration, dir), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	server := exec.CommandContext(ctx, program, "run", "--config", file)
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return err
	}
	defer func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
		if text, e := os.ReadFile(log.Name()); e == nil && err != nil {
			fmt.Fprintf(os.Stderr, "%s", text)
		}
	}()
	c, err := NewClientWithResponses("http://127.0.0.1/claviger", WithHTTPClient(&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "admin.sock"))
		},
	}}))
	if err != nil {
		return err
	}
	for {
		status, err := c.GetStatusWithResponse(ctx)
		if err == nil && status.StatusCode() != http.StatusServiceUnavailable { // as long as it starts
			return use(ctx, c)
		}
		select {
		case <-ctx.Done():
			return errors.New("the server is not ready")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
