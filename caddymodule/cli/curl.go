package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/problem"
)

// curlOptions are the flags of curl.
type curlOptions struct {
	method, data, proxy, base string
	headers                   []string
	include                   bool
}

func curlCommand() caddycmd.Command {
	return caddycmd.Command{
		Name: "curl", Usage: "REF PATH",
		Short: "Sends a request for a connected account",
		Long: `Sends a request through the running proxy with the credential of a connected account, and writes the
provider's answer to standard output. REF is an account's ID (ca_…) or connection/identifier, PATH is
the path at the provider, such as /user/repos.

The exit status is 22 when the answer is an error.`,
		CobraFunc: func(c *cobra.Command) {
			s, o := prepare(c), new(curlOptions)
			c.Example = "  claviger curl gmail/user_123 /gmail/v1/users/me/profile\n" +
				`  claviger curl github/ada /user/repos -d '{"name":"new"}' -H 'Content-Type: application/json'`
			f := c.Flags()
			f.StringVarP(&o.method, "request", "X", "", "method (default GET, or POST with --data)")
			f.StringVarP(&o.data, "data", "d", "", "body: text, @file, or - for standard input")
			f.StringArrayVarP(&o.headers, "header", "H", nil, "header as 'Name: value'; may be repeated")
			f.BoolVarP(&o.include, "include", "i", false, "print the answer's status and headers too")
			f.StringVar(&o.base, "base", "", "another base of the connector; `connectors show` lists them")
			f.StringVar(&o.proxy, "proxy", "", "the proxy's address (default: ask the running server)")
			does(c, s, 2, 2, func(ctx context.Context, call *call) error { return curl(ctx, call, o, c.Flags().Changed("data")) })
		},
	}
}

func curl(ctx context.Context, c *call, o *curlOptions, hasBody bool) error {
	account, err := parseRef(c.args[0])
	if err != nil {
		return err
	}
	to, err := findPlane(ctx, c, o.proxy)
	if err != nil {
		return err
	}
	r, err := curlRequest(ctx, to, c.args[1], o, hasBody)
	if err != nil {
		return err
	}
	r.Header["Connected-Account"] = []string{account.String()}
	if o.base != "" {
		r.Header["Connected-Base"] = []string{o.base}
	}
	http1 := &http.Client{
		Transport:     transportTo(to.socket),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := http1.Do(r)
	if err != nil {
		return proxyFailure(to, err)
	}
	defer res.Body.Close()
	return printAnswer(c, o, res)
}

func findPlane(ctx context.Context, c *call, given string) (plane, error) {
	if given != "" {
		return givenPlane(given)
	}
	s, err := c.client()
	if err != nil {
		return plane{}, err
	}
	return s.dataPlane(ctx)
}

func curlRequest(ctx context.Context, to plane, path string, o *curlOptions, hasBody bool) (*http.Request, error) {
	if strings.Contains(path, "://") {
		return nil, usage("%q is a URL; give the path alone: the connector says which host it is at", path)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	var body io.Reader
	method := http.MethodGet
	if hasBody {
		method = http.MethodPost
		var err error
		if body, err = curlBody(o.data); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, cmp.Or(o.method, method), to.base+path, body)
	if err != nil {
		return nil, usage("%q with method %q is not a request", path, cmp.Or(o.method, method))
	}
	r.Host = to.host
	r.Header.Set("User-Agent", binary)
	if hasBody {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl's -d does
	}
	for _, line := range o.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usage("header %q is not 'Name: value'", line)
		}
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		if name == "Content-Type" || name == "User-Agent" {
			r.Header.Del(name)
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r, nil
}

// curlBody is the text itself, a file or standard input. Files are streamed.
func curlBody(data string) (io.Reader, error) {
	switch {
	case data == "-" || data == "@-":
		return os.Stdin, nil
	case strings.HasPrefix(data, "@"):
		file, err := os.Open(data[1:])
		if err != nil {
			return nil, failed("body_unreadable", "the file "+data[1:]+" cannot be read: "+cause(err), "check the path and its permissions")
		}
		return file, nil // closed by the request
	}
	return strings.NewReader(data), nil
}

func proxyFailure(to plane, err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return failed("proxy_unreachable", "no proxy answers at "+cmp.Or(to.socket, to.base),
			"start the server, or name another address with --proxy")
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return err
}

// printAnswer writes the answer as it comes. A problem of ours is put into words instead.
func printAnswer(c *call, o *curlOptions, res *http.Response) error {
	if o.include {
		fmt.Fprintf(c.out, "%s %s\n", res.Proto, res.Status)
		for _, name := range slices.Sorted(maps.Keys(res.Header)) {
			for _, value := range res.Header[name] {
				fmt.Fprintf(c.out, "%s: %s\n", name, value)
			}
		}
		fmt.Fprintln(c.out)
	}
	if res.Header.Get(problem.Header) != "" {
		var e client.Error
		if json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&e) == nil && e.Code != "" {
			f := refusal(&e)
			f.exit = exitHTTP
			return f
		}
	}
	if _, err := io.Copy(c.out, res.Body); err != nil {
		return failed("answer_broken", "the answer ended early: "+err.Error(), "try again")
	}
	if res.StatusCode >= http.StatusBadRequest {
		if onTerminal(c.out) {
			fmt.Fprintln(c.out)
		}
		return &failure{Code: "provider_error", Detail: "the provider answered " + res.Status, exit: exitHTTP}
	}
	return nil
}
