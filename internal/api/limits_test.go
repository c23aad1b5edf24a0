package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
)

func TestLimitsOfConnectors(t *testing.T) {
	k := setup(t, nil)
	for connector, want := range map[string]*client.Limits{"zoho-crm": {RefreshTokens: 20}, "zoho-desk": {RefreshTokens: 20}, "github": nil} {
		c, err := k.Connector(t.Context(), connector, "")
		if diff := cmp.Diff(want, c.Limits); diff != "" || err != nil {
			t.Errorf("limits of %s (-want +got):\n%s%v", connector, diff, err)
		}
	}
}
