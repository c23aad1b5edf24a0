package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// keyProvider is a command for scripts: an API at $PROVIDER that takes keys, until it is killed. The keys are
// those of the sites acme and other; the answers do not repeat them. Each site has two shops.
func keyProvider() {
	keys := map[string]string{"acme": "script-api-key", "other": "script-other-key", "app": "script-app-key"}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &http.Server{
		Addr: "127.0.0.1:" + os.Getenv("PROVIDER"), ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			site, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
			user, password, _ := r.BasicAuth()
			switch key := keys[site]; {
			case key != "" && r.Header.Get("X-Api-Key") == key && strings.HasSuffix(r.URL.Path, "/shops"):
				_, _ = io.WriteString(w, `[{"id":"north-1","name":"North Shop"},{"id":"south-2","name":"South Shop"}]`)
			case key != "" && r.Header.Get("X-Api-Key") == key, key != "" && user == "app" && password == key:
				fmt.Fprintf(w, `{"id":%q,"name":"Site %s"}`, site, site)
			default:
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"error":"key refused"}`)
			}
		}),
	}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	if err := s.ListenAndServe(); ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
