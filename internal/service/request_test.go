package service

import (
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// TestRequestsAreBounded: a request that asks for more than any program can is
// refused before anything of it is parsed, and one at the bounds is not for that.
func TestRequestsAreBounded(t *testing.T) {
	r := newGateRig(t)
	many := func(n int) [][]byte {
		all := make([][]byte, n)
		for i := range all {
			all[i] = []byte("nothing that can be parsed")
		}
		return all
	}
	names := func(n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = strings.Repeat("p", i+1)
		}
		return all
	}
	for name, tc := range map[string]struct {
		request wire.Request
		words   string
	}{
		"protocols":            {wire.Request{ALPN: names(maxALPN + 1)}, "more than"},
		"identities":           {wire.Request{Identities: many(maxIdentities + 1)}, "more than"},
		"roots":                {wire.Request{Roots: many(maxRoots + 1)}, "more than"},
		"identities at bounds": {wire.Request{Name: "a.example", Identities: many(maxIdentities)}, "certificate"},
		"roots at bounds":      {wire.Request{Name: "a.example", Roots: many(maxRoots)}, "root"},
	} {
		_, refusal := r.caller.judge(&tc.request, &r.identifier.process)
		if refusal == nil || refusal.Reason != engine.Refused ||
			!strings.Contains(refusal.Sentence, tc.words) {
			t.Errorf("%s: refused with %v, want %q", name, refusal, tc.words)
		}
	}
	within := wire.Request{Name: "a.example", ALPN: names(maxALPN)}
	if _, refusal := r.caller.judge(&within, &r.identifier.process); refusal != nil &&
		strings.Contains(refusal.Sentence, "more than") {
		t.Errorf("%d protocols are refused: %v", maxALPN, refusal)
	}
}
