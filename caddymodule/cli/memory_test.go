package cli

import "testing"

func TestMemorySettings(t *testing.T) {
	for _, test := range []struct {
		name    string
		env     map[string]string
		percent int
		ratio   string
	}{
		{"nothing set", nil, collectorPercent, memoryRatio},
		{"operator's GOGC", map[string]string{"GOGC": "100"}, 0, ""},
		{"operator's GOMEMLIMIT", map[string]string{"GOMEMLIMIT": "64MiB"}, 0, ""},
		{"operator's share", map[string]string{"AUTOMEMLIMIT": "0.5"}, collectorPercent, ""},
		{"empty but set", map[string]string{"GOGC": ""}, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			percent, ratio := 0, ""
			lookup := func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }
			setenv := func(name, value string) error {
				if name != "AUTOMEMLIMIT" {
					t.Errorf("set %s", name)
				}
				ratio = value
				return nil
			}
			tuneMemory(lookup, setenv, func(p int) int { percent = p; return 100 })
			if percent != test.percent || ratio != test.ratio {
				t.Errorf("got %d and %q, want %d and %q", percent, ratio, test.percent, test.ratio)
			}
		})
	}
}
