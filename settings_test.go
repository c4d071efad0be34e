//go:build linux

package ssa

import (
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
)

// Values mean the same to the service as to setsockopt(2).
func TestSettingsForTheService(t *testing.T) {
	var req engine.Request
	if err := fill(&req, []Setting{{abi.ALPN, "h2, http/1.1"}, {abi.SessionReuse, 0}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(req.ALPN, []string{"h2", "http/1.1"}) || req.Asked.SessionReuse == nil ||
		*req.Asked.SessionReuse {
		t.Errorf("the service is asked for the protocols %q and %+v", req.ALPN, req.Asked)
	}
	for value, want := range map[Setting]string{
		{abi.ALPN, "h2,"}:         `TLS_ALPN: a protocol has 1 to 255 bytes, and "" has 0`,
		{abi.SessionReuse, 2}:     "TLS_SESSION_REUSE: 2 is neither 0 nor 1",
		{abi.SessionReuse, "yes"}: "TLS_SESSION_REUSE: the value is an int of 4 bytes, and not of 3",
	} {
		if err := fill(&req, []Setting{value}); err == nil || err.Error() != want {
			t.Errorf("%v: %v, want %s", value, err, want)
		}
	}
}
