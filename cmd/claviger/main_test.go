package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// clientSecret is what testdata/Caddyfile has.
const clientSecret = "script-client-secret"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"claviger": main, "provider": provider, "registry": registry, "keyprovider": keyProvider, "consent": consent, "fillin": fillIn, "xdg-open": browser, "open": browser,
	})
}

// TestScripts runs the program as a user would. Each script has a directory and ports of its own,
// named ADMIN, PROXY, PAGES and PROVIDER.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:      "testdata/script",
		Deadline: time.Now().Add(8 * time.Minute), // a script that hangs must not take the whole test run along
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"ADMIN", "PROXY", "PAGES", "PROVIDER"} {
				port, err := freePort()
				if err != nil {
					return err
				}
				e.Setenv(name, port)
			}
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", e.WorkDir+"/data")
			e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/data")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"freeport": setFreePort, "sidecar": writeSidecar, "ready": waitReady, "field": readField, "newkey": writeKey, "damage": damageFile,
		},
	})
}

// provider is a command for scripts: the fake provider at $PROVIDER, until it is killed.
func provider() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := fakeprovider.Start(ctx, fakeprovider.Config{
		Addr: "127.0.0.1:" + os.Getenv("PROVIDER"), ClientSecret: clientSecret, AccessTTL: time.Hour, DeviceInterval: time.Second,
		RedirectURIs: []string{"http://localhost:" + os.Getenv("PAGES") + "/oauth/callback/postbox"},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-ctx.Done()
	_ = s.Close()
}

// registry is a command for scripts: a provider at $PROVIDER that registers clients of Example App and does nothing else, until it is
// killed. From the third one on they cannot be changed.
func registry() {
	made, secret := 0, "canary-registered-secret"
	s := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PROVIDER"), ReadHeaderTimeout: time.Minute}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			ClientID     string   `json:"client_id"`
			Name         string   `json:"client_name"`
			RedirectURIs []string `json:"redirect_uris"`
		}
		switch _ = json.NewDecoder(r.Body).Decode(&asked); {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
			return
		case asked.Name != "Example App":
			w.WriteHeader(http.StatusForbidden)
			return
		case r.Method == http.MethodPost:
			made++
			asked.ClientID = fmt.Sprintf("registered-%d", made)
		}
		answer := map[string]any{"client_id": asked.ClientID, "client_secret": secret, "client_secret_expires_at": 4102444800, "redirect_uris": asked.RedirectURIs}
		if made < 3 {
			answer["registration_client_uri"], answer["registration_access_token"] = "http://"+s.Addr+"/register/"+asked.ClientID, secret
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	if err := s.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// consent is a command for scripts: a user with a browser who opens a link and agrees.
func consent() { visit(os.Args[1], os.Args[2], true) }

// browser is a command for scripts: what `connect --open` starts, with bob in front of it, who agrees
// unless $DECLINE is set, or types in what $TYPED has.
func browser() {
	if typed := os.Getenv("TYPED"); typed != "" {
		fill(os.Args[1], strings.Fields(typed))
		return
	}
	visit(os.Args[1], "bob", os.Getenv("DECLINE") == "")
}

// fillIn is a command for scripts: a user with a browser who opens a link and types in what the form asks for, as
// name=value.
func fillIn() { fill(os.Args[1], os.Args[2:]) }

func fill(link string, typed []string) {
	values := map[string]string{}
	for _, one := range typed {
		name, value, _ := strings.Cut(one, "=")
		values[name] = value
	}
	b := fakeprovider.NewBrowser()
	page, err := b.Get(link)
	if err == nil {
		page, err = b.Submit()
	}
	if err == nil && page.Status == http.StatusOK {
		page, err = b.Fill(values)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("status", page.Status, page.Header.Get("Claviger-Error"))
}

func visit(link, user string, allow bool) {
	page, err := fakeprovider.NewBrowser().Consent(link, user, allow)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("status", page.Status)
}
