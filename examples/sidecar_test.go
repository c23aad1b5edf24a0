package examples

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/claviger-proxy/claviger/client"
)

// manifest is what a test looks at of the pod's manifest.
type manifest struct {
	Kind string
	Spec struct {
		Strategy struct{ Type string }
		Replicas int
		Ports    []struct {
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Spec struct {
				Grace           int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext struct {
					RunAsNonRoot        bool   `yaml:"runAsNonRoot"`
					FSGroupChangePolicy string `yaml:"fsGroupChangePolicy"`
				} `yaml:"securityContext"`
				InitContainers []container `yaml:"initContainers"`
				Containers     []container
				Volumes        []map[string]any
			}
		}
	}
}

type container struct {
	Name          string
	RestartPolicy string `yaml:"restartPolicy"`
	Args          []string
	Env           []struct{ Name, Value string }
	Ports         []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	StartupProbe    probe `yaml:"startupProbe"`
	ReadinessProbe  probe `yaml:"readinessProbe"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	SecurityContext struct {
		ReadOnlyRootFilesystem bool `yaml:"readOnlyRootFilesystem"`
	} `yaml:"securityContext"`
	Resources    struct{ Limits map[string]string }
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// manifests reads the documents of pod.yaml by kind.
func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	all := map[string]manifest{}
	for doc := range strings.SplitSeq(readFile(t, "sidecar/pod.yaml"), "\n---\n") {
		var m manifest
		if err := yaml.Unmarshal([]byte(doc), &m); err != nil {
			t.Fatal(err)
		}
		all[m.Kind] = m
	}
	return all
}

// The manifest says what the sidecar's README promises, and its ports, probes and files are those of
// the Caddyfile, which runs here.
func TestSidecar(t *testing.T) {
	s := start(t)
	all := manifests(t)
	deployment := all["Deployment"].Spec
	pod := deployment.Template.Spec
	if deployment.Strategy.Type != "Recreate" || deployment.Replicas != 1 {
		t.Error("two pods could want the vault at once")
	}
	if pod.Grace <= 30 || !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.FSGroupChangePolicy != "OnRootMismatch" {
		t.Errorf("the pod's settings are %+v", pod.SecurityContext)
	}
	if len(pod.InitContainers) != 1 || len(pod.Containers) != 1 {
		t.Fatal("the pod must have one sidecar and one app")
	}
	c := pod.InitContainers[0]
	if c.RestartPolicy != "Always" || !c.SecurityContext.ReadOnlyRootFilesystem || c.Resources.Limits["memory"] == "" {
		t.Errorf("the sidecar's settings are %+v", c)
	}
	ports := map[string]int{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	if got := all["Service"].Spec.Ports; len(got) != 1 || ports[got[0].TargetPort] != 8091 {
		t.Errorf("the service leads to %v, want the consent pages alone", got)
	}
	for name, p := range map[string]probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		var health client.Readiness
		resp := s.get(ports[p.HTTPGet.Port], p.HTTPGet.Path)
		if err := json.NewDecoder(resp.Body).Decode(&health); err != nil || resp.StatusCode != 200 || health.Status != "ok" {
			t.Errorf("%s probe: got %d %+v, %v", name, resp.StatusCode, health, err)
		}
	}
	for _, e := range pod.Containers[0].Env {
		if e.Name == "CLAVIGER_URL" && e.Value != "http://127.0.0.1:8090" {
			t.Errorf("the app asks %s, where nobody listens", e.Value)
		}
	}
	s.checkFiles(c)

	resp := s.get(8090, "/gmail/v1/users/me/messages?q=is:unread&maxResults=5")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("a request for the account got %d", resp.StatusCode)
	}
	if mode := fileMode(t, s.path("vault")); mode != 0o700 {
		t.Errorf("the vault has mode %04o, want 0700", mode)
	}
}

// checkFiles finds each path of the Caddyfile in a volume: secrets in a read-only one, and what is
// written in one that can be written.
func (s *sidecar) checkFiles(c container) {
	text := readFile(s.t, "sidecar/Caddyfile")
	readOnly := map[string]bool{}
	for _, m := range c.VolumeMounts {
		readOnly[m.MountPath] = m.ReadOnly
	}
	for _, f := range []struct {
		dir, path string
		readOnly  bool
	}{
		{"/run/claviger", "/run/claviger/admin.sock", false},
		{"/var/lib/claviger", "/var/lib/claviger/vault", false},
		{"/run/secrets/claviger", "/run/secrets/claviger/key", true},
		{"/run/secrets/claviger", "/run/secrets/claviger/gmail", true},
		{"/etc/claviger", "", true},
	} {
		ro, mounted := readOnly[f.dir]
		if !strings.Contains(text, f.path) || !mounted || ro != f.readOnly {
			s.t.Errorf("%s %s: in the Caddyfile %t, mounted %t, read-only %t", f.dir, f.path, strings.Contains(text, f.path), mounted, ro)
		}
	}
	if got := c.Args[len(c.Args)-1]; filepath.ToSlash(filepath.Dir(got)) != "/etc/claviger" {
		s.t.Errorf("the sidecar runs with %s", got)
	}
}

func (s *sidecar) get(port int, path string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url(port)+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Connected-Account", "gmail/user_123")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func fileMode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
