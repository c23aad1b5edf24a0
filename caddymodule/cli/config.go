package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// config is a configuration as far as the commands look at it.
type config struct {
	// Path is the file it was read from; empty when it is the default that was not written yet.
	Path string `json:"-"`
	// Raw is all of it, adapted to JSON.
	Raw json.RawMessage `json:"-"`

	Admin caddy.AdminConfig `json:"admin"`
	Apps  struct {
		Claviger *appConfig `json:"claviger"`
		HTTP     struct {
			Servers map[string]httpServer `json:"servers"`
		} `json:"http"`
	} `json:"apps"`
}

// appConfig is the part of the claviger app that doctor looks at. It is read leniently: whether it
// is valid, the app itself says.
type appConfig struct {
	Vault struct {
		Backend  string `json:"backend"`
		Path     string `json:"path"`
		InMemory bool   `json:"in_memory"`
	} `json:"vault"`
	Key         keyConfig                   `json:"key"`
	Connectors  []string                    `json:"connectors"`
	Connections map[string]configConnection `json:"connections"`
	Callback    string                      `json:"callback"`
	// PrivateHosts is as the app has it.
	PrivateHosts []string `json:"private_hosts"`
}

// keyConfig is where the key is.
type keyConfig struct {
	Provider string
	// Active is empty where it is not one string: a command is a list of them.
	Active string
}

// UnmarshalJSON reads the options of any provider.
func (k *keyConfig) UnmarshalJSON(b []byte) error {
	var raw struct {
		Provider string          `json:"provider"`
		Active   json.RawMessage `json:"active"`
	}
	err := json.Unmarshal(b, &raw)
	k.Provider = raw.Provider
	if json.Unmarshal(raw.Active, &k.Active) != nil {
		k.Active = ""
	}
	return err
}

type configConnection struct {
	Connector string            `json:"connector"`
	Auth      string            `json:"auth"`
	Params    map[string]string `json:"params"`
}

// caddyfileName is the file that Caddy, and so every command, finds by itself.
const caddyfileName = "Caddyfile"

// findConfig reads the configuration that a server started here would use: --config, ./Caddyfile,
// or the default one. When there is none of them, the error is fs.ErrNotExist.
func (s *settings) findConfig() (*config, error) {
	path, err := s.configPath()
	if err != nil {
		return nil, err
	}
	return readConfig(path)
}

func (s *settings) configPath() (string, error) {
	if s.config != "" {
		return s.config, nil
	}
	if _, err := os.Stat(caddyfileName); err == nil {
		return caddyfileName, nil
	}
	path := filepath.Join(dataDir(), caddyfileName)
	_, err := os.Stat(path)
	return path, err
}

func readConfig(path string) (*config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failed("config_not_found", "there is no configuration file "+path, "check the path given with --config")
	}
	if err != nil {
		return nil, failed("config_unreadable", "the configuration file "+path+" cannot be read: "+cause(err), "check its permissions")
	}
	return parseConfig(path, text)
}

// cause is an error without the path that it repeats.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func parseConfig(path string, text []byte) (*config, error) {
	c := &config{Path: path, Raw: text}
	if !isJSON(path, text) {
		adapter := caddyconfig.GetAdapter("caddyfile")
		if adapter == nil {
			return nil, failed("config_invalid", "this program cannot read Caddyfiles", "give a configuration in JSON")
		}
		adapted, _, err := adapter.Adapt(text, map[string]any{"filename": path})
		if err != nil {
			return nil, configFailure(path, err)
		}
		c.Raw = adapted
	}
	if err := json.Unmarshal(c.Raw, c); err != nil {
		return nil, failed("config_invalid", "the configuration "+path+" is not valid: "+err.Error(), "correct it there")
	}
	return c, nil
}

func isJSON(path string, text []byte) bool {
	return filepath.Ext(path) == ".json" || bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && json.Valid(text)
}

var (
	atLine   = regexp.MustCompile(`,? at ([^\s,]+):(\d+)(,? import chain.*)?$`)
	parsing  = regexp.MustCompile(`parsing caddyfile tokens for '[^']*': `)
	fromLine = regexp.MustCompile(`^([^\s:]+):(\d+)(?:, import chain [^:]*)?: `)
)

// configFailure says what is wrong with a Caddyfile, and in which line.
func configFailure(path string, err error) error {
	detail := parsing.ReplaceAllString(strings.TrimSpace(err.Error()), "")
	line := ""
	if m := atLine.FindStringSubmatch(detail); m != nil {
		line, detail = m[2], strings.TrimSpace(strings.TrimSuffix(detail, m[0]))
	} else if m := fromLine.FindStringSubmatch(detail); m != nil {
		line, detail = m[2], strings.TrimPrefix(detail, m[0])
	}
	if line == "" {
		return failed("config_invalid", path+": "+detail, "correct the file, then try again")
	}
	return failed("config_invalid", path+" line "+line+": "+detail, "correct that line, then try again")
}

// fill replaces the placeholders of a setting, such as {env.NAME}, as the server would.
func fill(text string) string { return caddy.NewReplacer().ReplaceAll(text, "") }
