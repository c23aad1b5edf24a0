package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/trial"
)

func connectorsTest(s *settings) *cobra.Command {
	auth, requests := "", false
	c := &cobra.Command{
		Use: "test NAME|FILE", Short: "Takes an account through its life at a provider that is made of the connector",
		Long: `Takes an account through its life, from connecting to disconnecting, at a provider that this program plays
from the connector's own declaration. --requests shows what is sent on the way, with names in the place of values, to
be compared with the provider's documentation. Nothing leaves this machine, so whether the declaration is true is not
shown.`,
	}
	c.Flags().StringVar(&auth, "auth", "", "only that way to connect an account (default: all of them)")
	c.Flags().BoolVar(&requests, "requests", false, "show the requests")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		k, err := call.connectorToTry(ctx, call.args[0])
		if err != nil {
			return err
		}
		ways, err := waysToTry(k, auth)
		if err != nil {
			return err
		}
		tried := []triedWay{}
		for _, way := range ways {
			one, _ := k.Way(way)
			steps, err := trial.Run(ctx, one)
			if err != nil {
				return failed("trial_impossible", "connector "+k.Name+" cannot be tried: "+err.Error(),
					"look at the patterns of its inputs, which have to let some value through")
			}
			tried = append(tried, triedSteps(k.Name, way, steps))
		}
		if !call.json {
			printTried(call.out, tried, requests)
		} else if err := printJSON(call.out, tried); err != nil {
			return err
		}
		for _, t := range tried {
			if !t.OK {
				return failed("connector_unfit", "connector "+k.Name+" does not work with a provider like that", "")
			}
		}
		return nil
	})
	return c
}

// connectorToTry is that of a file, or one that the running server has, or this program.
func (c *call) connectorToTry(ctx context.Context, name string) (*connectors.Connector, error) {
	builtin, err := connectors.Builtin()
	if err != nil {
		return nil, err
	}
	if !strings.ContainsAny(name, "./\\") {
		return c.connectorThere(ctx, builtin, name)
	}
	list, err := lintPath(builtin, name)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		if len(l.Errors) > 0 {
			printLinted(c.err, []linted{{File: l.File, Errors: l.Errors}})
		}
	}
	if err := lintVerdict(list, false); err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, usage("%s is a folder; name one file", name)
	}
	return list[0].connector, nil
}

// connectorThere is one of the running server's, or of this program's, with what it extends.
func (c *call) connectorThere(ctx context.Context, builtin *connectors.Catalog, name string) (*connectors.Connector, error) {
	files := map[string]string{}
	err := c.catalog(func(s *client.Client) error {
		for next := name; next != "" && files[next] == ""; next = connectors.ExtendsOf([]byte(files[next])) {
			source, err := s.ConnectorSource(ctx, next)
			if err != nil {
				return err
			}
			files[next] = source
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	good, bad := builtin.LoadFiles(files)
	for _, k := range good {
		if k.Name == name {
			return k, nil
		}
	}
	return nil, bad[name]
}

func waysToTry(k *connectors.Connector, auth string) ([]string, error) {
	if _, ok := k.Way(auth); !ok {
		return nil, usage("connector %s has no way %q", k.Name, auth)
	}
	if auth != "" || len(k.Ways) == 0 {
		return []string{auth}, nil
	}
	var ids []string
	for _, w := range k.Ways {
		ids = append(ids, w.ID)
	}
	return ids, nil
}

// triedWay is a connector in one way, as --json prints it.
type triedWay struct {
	Connector string      `json:"connector"`
	Auth      string      `json:"auth,omitempty"`
	OK        bool        `json:"ok"`
	Steps     []triedStep `json:"steps"`
}

type triedStep struct {
	Step     string         `json:"step"`
	Note     string         `json:"note,omitempty"`
	Error    string         `json:"error,omitempty"`
	Requests []triedRequest `json:"requests"`
}

type triedRequest struct {
	Method  string   `json:"method"`
	URL     string   `json:"url"`
	Headers []string `json:"headers"`
	Body    string   `json:"body,omitempty"`
	Status  int      `json:"status"`
}

func triedSteps(name, way string, steps []trial.Step) triedWay {
	t := triedWay{Connector: name, Auth: way, OK: true, Steps: []triedStep{}}
	for _, s := range steps {
		one := triedStep{Step: s.Name, Note: s.Note, Requests: []triedRequest{}}
		if s.Err != nil {
			one.Error, t.OK = s.Err.Error(), false
		}
		for _, r := range s.Requests {
			one.Requests = append(one.Requests, triedRequest(r))
		}
		t.Steps = append(t.Steps, one)
	}
	return t
}

func printTried(w io.Writer, tried []triedWay, requests bool) {
	paint := painter(w)
	for _, t := range tried {
		fmt.Fprintln(w, paint(bold, strings.Trim(t.Connector+" "+t.Auth, " ")))
		for _, s := range t.Steps {
			mark, text := paint(green, "ok  "), s.Note
			if s.Error != "" {
				mark, text = paint(red, "fail"), s.Error
			}
			fmt.Fprintf(w, "  %s  %-14s %s\n", mark, s.Step, text)
			if requests {
				printRequests(w, s.Requests)
			}
		}
	}
}

func printRequests(w io.Writer, list []triedRequest) {
	for _, r := range list {
		fmt.Fprintf(w, "        %s %s\n", r.Method, r.URL)
		for _, header := range r.Headers {
			fmt.Fprintf(w, "          %s\n", header)
		}
		if r.Body != "" {
			fmt.Fprintf(w, "          %s\n", strings.ReplaceAll(r.Body, "\n", "\n          "))
		}
		fmt.Fprintf(w, "          -> %d\n", r.Status)
	}
}
