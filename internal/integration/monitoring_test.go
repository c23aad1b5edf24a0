package integration

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const monitoring = "../../examples/monitoring/"

// exported are the metrics of a running program that has done everything which is counted, with the
// labels that each has.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	s := start(t, options{})
	a := s.connect("alice", "user_1")
	s.provider.ExpireAccess("alice")
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	if _, err := s.api().Check(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	series := regexp.MustCompile(`(?m)^(caddy_claviger_[a-z_]+)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`([a-z_]+)="`)
	names := map[string][]string{}
	for _, m := range series.FindAllStringSubmatch(s.metricsPage(), -1) {
		names[m[1]] = append(names[m[1]], "job", "instance")
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			names[m[1]] = append(names[m[1]], l[1])
		}
	}
	return names
}

type dashboard struct {
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Definition string }
	}
	Panels []struct {
		ID      int
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, RefID string }
	}
}

// The dashboard has what Grafana needs, and asks for metrics that there are.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(readFile(t, monitoring+"dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	if d.SchemaVersion < 39 || len(d.Panels) < 10 || len(d.Templating.List) != 2 {
		t.Errorf("schema %d with %d panels and %d variables", d.SchemaVersion, len(d.Panels), len(d.Templating.List))
	}
	names := exported(t)
	taken := map[[2]int]string{}
	for i, p := range d.Panels {
		if p.ID != i+1 || p.GridPos.X+p.GridPos.W > 24 || len(p.Targets) == 0 {
			t.Errorf("panel %q has the ID %d, lies at %+v, and asks %d questions", p.Title, p.ID, p.GridPos, len(p.Targets))
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			if !strings.Contains(target.Expr, `job=~"$job"`) {
				t.Errorf("%q is not for the chosen job", p.Title)
			}
			if wrong := wrongQuery(strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"), names); wrong != "" {
				t.Errorf("%q: %s: %s", p.Title, wrong, target.Expr)
			}
		}
	}
	if _, ok := names["caddy_claviger_unsaved_tokens"]; !ok || d.Templating.List[1].Definition != "label_values(caddy_claviger_unsaved_tokens, job)" {
		t.Errorf("the jobs come from %s", d.Templating.List[1].Definition)
	}
}

// The alerts watch metrics that there are, and the README says what to do about each.
func TestAlerts(t *testing.T) {
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions([]byte(readFile(t, monitoring+"alerts.yaml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	names, readme := exported(t), readFile(t, monitoring+"README.md")
	rules := file.Groups[0].Rules
	for _, r := range rules {
		if wrong := wrongQuery(r.Expr, names); wrong != "" {
			t.Errorf("%s: %s: %s", r.Alert, wrong, r.Expr)
		}
		if r.Annotations["summary"] == "" || !slices.Contains([]string{"warning", "critical"}, r.Labels["severity"]) {
			t.Errorf("%s has the summary %q and is %q", r.Alert, r.Annotations["summary"], r.Labels["severity"])
		}
		if !strings.Contains(readme, "`"+r.Alert+"`") {
			t.Errorf("README.md does not say what to do about %s", r.Alert)
		}
	}
	if len(rules) < 7 || strings.Count(readme, "`Claviger") != len(rules) {
		t.Errorf("there are %d rules, and README.md names %d", len(rules), strings.Count(readme, "`Claviger"))
	}
}

var (
	queryToken = regexp.MustCompile(`^(?:\s+|"(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*|[0-9.]+(?:ms|[smhdwy])?|=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],])`)
	queryWord  = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
)

// Words of the query language that we use.
var (
	queryFunctions = []string{"rate", "increase", "delta", "histogram_quantile", "clamp_min", "sum", "max"}
	queryGroupings = []string{"by", "on", "ignoring", "group_left"}
	queryOperators = []string{"or", "unless", "offset"}
)

// wrongQuery says what is wrong with a query, or nothing. It knows the words and brackets of the
// language, not its grammar.
func wrongQuery(query string, names map[string][]string) string {
	tokens, wrong := queryTokens(query)
	if wrong != "" {
		return wrong
	}
	var open []string // brackets, each with the word before it
	metric, metrics := "", 0
	for i, token := range tokens {
		next, before := "", ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		if i > 0 {
			before = tokens[i-1]
		}
		within := ""
		if len(open) > 0 {
			within = open[len(open)-1]
		}
		switch {
		case strings.Contains("({[", token):
			open = append(open, token+before)
		case strings.Contains(")}]", token):
			if within == "" || !slices.Contains([]string{"()", "{}", "[]"}, within[:1]+token) {
				return token + " closes nothing"
			}
			open = open[:len(open)-1]
		case !queryWord.MatchString(token):
		case strings.HasPrefix(within, "{"), within != "" && slices.Contains(queryGroupings, within[1:]):
			labels := names[metric]
			if !strings.HasPrefix(within, "{") {
				labels = slices.Concat(labelsIn(tokens, names)...)
			}
			if !slices.Contains(append(labels, "le"), token) {
				return "no metric of it has the label " + token
			}
		case slices.Contains(queryFunctions, token) && (next == "(" || next == "by"), slices.Contains(queryGroupings, token) && next == "(":
		case slices.Contains(queryOperators, token):
		case names[token] != nil:
			metric = token
			metrics++
		default:
			return "there is no metric or function " + token
		}
	}
	if len(open) > 0 || metrics == 0 {
		return "something is left open, or it has no metric"
	}
	return ""
}

func queryTokens(query string) (tokens []string, wrong string) {
	for query != "" {
		token := queryToken.FindString(query)
		if token == "" {
			return nil, "cannot be read at " + query
		}
		if query = query[len(token):]; strings.TrimSpace(token) != "" {
			tokens = append(tokens, token)
		}
	}
	return tokens, ""
}

// labelsIn are the labels of all metrics of a query.
func labelsIn(tokens []string, names map[string][]string) (all [][]string) {
	for _, token := range tokens {
		all = append(all, names[token])
	}
	return all
}

// What wrongQuery refuses, so that a mistake in it is noticed.
func TestWrongQuery(t *testing.T) {
	names := map[string][]string{"a": {"x"}, "b": {}}
	for _, query := range []string{`sum by (x) (rate(a{x="1"}[5m])) > 0`, `max(-a) or b`, `a unless a offset 10m`} {
		if wrong := wrongQuery(query, names); wrong != "" {
			t.Errorf("%s: %s", query, wrong)
		}
	}
	for _, query := range []string{`c`, `sum(a`, `a)`, `a[5m)`, `b{x="1"}`, `sum by (y) (a)`, `rat(a[5m])`, `a ; b`, `a{x="1}`, `1 > 0`, `sum`} {
		if wrongQuery(query, names) == "" {
			t.Errorf("%s is let through", query)
		}
	}
}
