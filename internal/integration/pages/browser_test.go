//go:build pages

package pages

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// browser is Chromium, told what to do by browser.mjs.
type browser struct {
	mu     sync.Mutex
	orders *json.Encoder
	lines  *bufio.Reader
}

// order is one thing to do; browser.mjs says what there is.
type order struct {
	Do     string `json:"do"`
	Tab    int    `json:"tab,omitempty"`
	Script bool   `json:"script,omitempty"`
	URL    string `json:"url,omitempty"`
	Name   string `json:"name,omitempty"`
	Value  string `json:"value,omitempty"`
	Leaves bool   `json:"leaves,omitempty"`
	Shots  string `json:"shots,omitempty"`
	Axe    bool   `json:"axe,omitempty"`
}

// sight is what the browser answers.
type sight struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
	Tab   int    `json:"tab"`

	// Of a key: what has the focus, and whether that can be seen.
	Focus string `json:"focus"`
	Tag   string `json:"tag"`
	Seen  bool   `json:"seen"`

	// Of a look. Requests, Errors and Answers are of all pages of the tab so far.
	URL      string   `json:"url"`
	Title    string   `json:"title"`
	Heading  string   `json:"heading"`
	Headings int      `json:"headings"`
	Text     string   `json:"text"`
	Requests []string `json:"requests"`
	Errors   []string `json:"errors"`
	Answers  []answer `json:"answers"`
	Wrong    []string `json:"wrong"`
}

type answer struct {
	URL     string            `json:"url"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Page    bool              `json:"page"`
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	cmd := exec.Command(tools.node, "browser.mjs")
	cmd.Env = append(os.Environ(), "CHROMIUM="+tools.chromium, "HOME="+t.TempDir())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the browser: %v", err)
		}
	})
	return &browser{orders: json.NewEncoder(in), lines: bufio.NewReader(out)}
}

func (b *browser) do(t *testing.T, o order) (s sight) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.orders.Encode(o); err != nil {
		t.Fatalf("telling the browser: %v", err)
	}
	line, err := b.lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("hearing from the browser: %v", err)
	}
	if err := json.Unmarshal(line, &s); err != nil {
		t.Fatal(err)
	}
	if !s.OK {
		t.Fatal(s.Error)
	}
	return s
}

// tab is one page of a visitor.
type tab struct {
	t *testing.T
	b *browser
	n int
}

// open is a new visitor, with or without JavaScript.
func (b *browser) open(t *testing.T, script bool) *tab {
	t.Helper()
	p := &tab{t, b, b.do(t, order{Do: "open", Script: script}).Tab}
	t.Cleanup(func() { b.do(t, order{Do: "close", Tab: p.n}) })
	return p
}

func (p *tab) do(o order) sight {
	p.t.Helper()
	o.Tab = p.n
	return p.b.do(p.t, o)
}

func (p *tab) goTo(url string)        { p.t.Helper(); p.do(order{Do: "go", URL: url}) }
func (p *tab) press(name string)      { p.t.Helper(); p.do(order{Do: "press", Name: name}) }
func (p *tab) check(label string)     { p.t.Helper(); p.do(order{Do: "check", Name: label}) }
func (p *tab) fill(name, text string) { p.t.Helper(); p.do(order{Do: "fill", Name: name, Value: text}) }

// popup presses what opens another tab, and returns that.
func (p *tab) popup(name string) *tab {
	p.t.Helper()
	return &tab{p.t, p.b, p.do(order{Do: "popup", Name: name}).Tab}
}

// keyTo presses Tab until the focus is on what is called that, and can be seen there.
func (p *tab) keyTo(name string) {
	p.t.Helper()
	for range 10 {
		if at := p.do(order{Do: "key", Name: "Tab"}); strings.Contains(at.Focus, name) && at.Tag != "BODY" {
			if !at.Seen {
				p.t.Errorf("nobody sees that the focus is on %q", at.Focus)
			}
			return
		}
	}
	p.t.Fatalf("Tab does not lead to %q", name)
}

func (p *tab) key(name string)   { p.t.Helper(); p.do(order{Do: "key", Name: name}) }
func (p *tab) leave(name string) { p.t.Helper(); p.do(order{Do: "key", Name: name, Leaves: true}) }

// look has the page checked in both colour schemes and at both widths. Without a name no pictures are taken,
// without axe only what needs no script is checked.
func (p *tab) look(name string, axe bool) sight {
	p.t.Helper()
	if name != "" {
		name = filepath.Join(tools.shots, name)
	}
	return p.do(order{Do: "look", Shots: name, Axe: axe})
}
