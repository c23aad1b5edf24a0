package cli

import "runtime/debug"

// module is the path of this module.
const module = "github.com/claviger-proxy/claviger"

// version is set by the linker when a release is built; else the build information tells.
var version string

// versionText stands before Caddy's own version.
func versionText() string { return "Claviger " + ownVersion() + ", Caddy" }

func ownVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" && m.Version != "(devel)" {
			return m.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "development " + s.Value[:12]
		}
	}
	return "development"
}
