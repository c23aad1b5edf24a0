//go:build peers

package peers

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// users are who consents, in this order. The app calls them u-alice and u-bob.
var users = []string{"alice", "bob"}

// emulated is an emulator and Claviger, with an account for each user.
type emulated struct {
	*claviger
	provider            *provider
	service, connection string
}

// login is what a user is called at the emulator.
func (e *emulated) login(user string) string {
	if e.service == "google" {
		return user + "@example.test"
	}
	return user
}

// startEmulated runs one service of the emulator, and connects all users.
func startEmulated(t *testing.T, service string, k connection, env ...string) *emulated {
	t.Helper()
	return startEmulatedWith(t, "", service, k, env...)
}

// startEmulatedWith is startEmulated with further lines of the global option.
func startEmulatedWith(t *testing.T, options, service string, k connection, env ...string) *emulated {
	t.Helper()
	callback := freePort(t)
	p := startProvider(t, "emulate", append(env, "SERVICE="+service, "REDIRECT_URI="+callbackOf(callback, k.name))...)
	k.connector, k.port = k.name, p.port
	e := &emulated{startClavigerWith(t, callback, options, k), p, service, k.name}
	for _, u := range users {
		e.connect(k.name, "u-"+u, e.login(u))
	}
	return e
}

func startGmail(t *testing.T, env ...string) *emulated {
	return startEmulated(t, "google", connection{
		name: "gmail", id: "google-client", secret: "google-secret",
		scopes: "https://www.googleapis.com/auth/gmail.modify",
	}, env...)
}

func startSlack(t *testing.T) *emulated {
	return startEmulated(t, "slack", connection{
		name: "slack", id: "1111.2222", secret: "slack-secret",
		scopes: "channels:read users:read chat:write",
	})
}

// result is what an SDK has read and written.
type result struct {
	Read  []string `json:"read"`
	Wrote any      `json:"wrote"`
	Me    string   `json:"me"`
	Pages int      `json:"pages"`
}

// run runs an SDK for all users at the same time, with check for each result. byPath puts the tag into
// the base URL instead of a header.
func (e *emulated) run(t *testing.T, byPath bool, check func(t *testing.T, peer string, r result), argv ...string) {
	t.Helper()
	results := make([]result, len(users))
	errs := make([]error, len(users))
	var wg sync.WaitGroup
	for i, u := range users {
		tag := e.connection + "/u-" + u
		env := []string{"PEER=" + u, "BASE_URL=" + e.proxy(), "ACCOUNT=" + tag}
		if byPath {
			env = []string{"PEER=" + u, "BASE_URL=" + e.proxy() + "/@" + tag, "ACCOUNT="}
		}
		wg.Go(func() { results[i], errs[i] = runSDK(t, env, argv) })
	}
	wg.Wait()
	for i, u := range users {
		if errs[i] != nil {
			t.Errorf("%s: %v", u, errs[i])
			continue
		}
		if r := results[i]; r.Wrote == nil || r.Wrote == "" {
			t.Errorf("%s has written nothing", u)
		}
		check(t, u, results[i])
	}
	e.checkCalls(t)
}

func runSDK(t *testing.T, env, argv []string) (r result, err error) {
	out, err := command(context.WithoutCancel(t.Context()), t, env, argv...)
	if err != nil {
		return result{}, err
	}
	if strings.Contains(string(out), "CANARY") || strings.Contains(string(out), "nobody") {
		t.Errorf("the canary's data: %s", out)
	}
	return r, json.Unmarshal(out, &r)
}

// checkCalls looks at every request that has reached the emulator: each came with the token of the
// user that it was meant for, none with the canary's, none with a tag.
func (e *emulated) checkCalls(t *testing.T) {
	t.Helper()
	var issued []string // one token for each user, in the order of their consents
	calls := map[string]int{}
	for _, c := range e.provider.log() {
		if c.Issued != "" {
			issued = append(issued, c.Issued)
		}
		if strings.HasPrefix(c.User, "nobody") {
			t.Errorf("%s %s came as %s", c.Method, c.Path, c.User)
		}
		if c.Peer == "" {
			continue // the browser's, or Claviger's own
		}
		i := slices.Index(users, c.Peer)
		if c.Status > 299 || c.Token != issued[i] {
			t.Errorf("%s %s for %s: status %d as %q", c.Method, c.Path, c.Peer, c.Status, c.User)
		}
		if e.service != "slack" && c.User != e.login(c.Peer) { // there the workspace's bot is everybody's
			t.Errorf("%s %s for %s came as %s", c.Method, c.Path, c.Peer, c.User)
		}
		c.wantNoTags(t)
		calls[c.Peer]++
	}
	if len(issued) != len(users) || len(calls) != len(users) {
		t.Errorf("%d tokens were issued and %v requests made, want some for each of %d users", len(issued), calls, len(users))
	}
}

// wantNoTags fails if a request has taken along what is between the app and Claviger.
func (e event) wantNoTags(t *testing.T) {
	t.Helper()
	for _, h := range []string{"connected-account", "connected-base", "connected-slot", "cookie", "x-forwarded-for"} {
		if slices.Contains(e.Headers, h) {
			t.Errorf("%s %s carries %s", e.Method, e.Path, h)
		}
	}
}

// node is the command line of an SDK script.
func node(name string) []string { return []string{tools.node, "sdk/" + name + ".mjs"} }

func TestGmailSDK(t *testing.T) {
	e := startGmail(t)
	for _, byPath := range []bool{false, true} {
		t.Run("by path "+strconv.FormatBool(byPath), func(t *testing.T) {
			e.run(t, byPath, wantMail, node("gmail")...)
		})
	}
}

// wantMail accepts the five latest unread messages of alice, and the only one of bob.
func wantMail(t *testing.T, peer string, r result) {
	want := map[string][]string{"alice": {"Alice 7", "Alice 6", "Alice 5", "Alice 4", "Alice 2"}, "bob": {"Bob 1"}}[peer]
	if !slices.Equal(r.Read, want) {
		t.Errorf("%s reads %q, want %q", peer, r.Read, want)
	}
}

func TestGmailGo(t *testing.T) {
	startGmail(t).run(t, false, func(t *testing.T, peer string, r result) {
		want := map[string][]string{"alice": {"msg_a7", "msg_a6", "msg_a5", "msg_a4", "msg_a2"}, "bob": {"msg_b1"}}[peer]
		if !slices.Equal(r.Read, want) {
			t.Errorf("%s reads %q, want %q", peer, r.Read, want)
		}
	}, filepath.Join(tools.drivers, "gmail"))
}

func TestCalendarSDK(t *testing.T) {
	e := startEmulated(t, "google", connection{
		name: "googlecalendar", id: "google-client", secret: "google-secret",
		scopes: "https://www.googleapis.com/auth/calendar",
	})
	e.run(t, false, func(t *testing.T, peer string, r result) {
		if want := []string{"day of " + peer}; !slices.Equal(r.Read, want) {
			t.Errorf("%s reads %q, want %q", peer, r.Read, want)
		}
	}, node("calendar")...)
}

func TestSlackSDK(t *testing.T) {
	startSlack(t).run(t, false, wantChannels, node("slack")...)
}

func TestSlackGo(t *testing.T) {
	startSlack(t).run(t, false, wantChannels, filepath.Join(tools.drivers, "slack"))
}

// wantChannels accepts the channels of the workspace, which all its bots see.
func wantChannels(t *testing.T, peer string, r result) {
	if want := []string{"general", "random", "alerts"}; !slices.Equal(r.Read, want) {
		t.Errorf("%s reads %q, want %q", peer, r.Read, want)
	}
}

func TestGitHubSDK(t *testing.T) {
	e := startEmulated(t, "github", connection{name: "github", id: "github-client", secret: "github-secret", scopes: "repo read:user"})
	for _, byPath := range []bool{false, true} {
		t.Run("by path "+strconv.FormatBool(byPath), func(t *testing.T) {
			e.run(t, byPath, wantRepos, node("octokit")...)
		})
	}
}

// wantRepos accepts a user's repositories, one on each page.
func wantRepos(t *testing.T, peer string, r result) {
	want := map[string][]string{"alice": {"alice/alice-private", "alice/alice-public"}, "bob": {"bob/bob-repo"}}[peer]
	slices.Sort(r.Read)
	if r.Me != peer || !slices.Equal(r.Read, want) || r.Pages != len(want) {
		t.Errorf("%s is %s and reads %q on %d pages, want %q", peer, r.Me, r.Read, r.Pages, want)
	}
}
