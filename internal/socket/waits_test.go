package socket

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

type unready struct{ engine.Engine }

func (unready) Ready() bool { return false }

// TestWhatWaits: what may wait for a file is told always, what may wait for an
// engine elsewhere only where there is one, and what it is asked.
func TestWhatWaits(t *testing.T) {
	table := newRig(t, ssatest.NewAuthority(t)).table
	rules, err := policy.Parse("p", []byte("profiles: [{name: one, match: {exe: /one}}]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		where                             string
		change                            func()
		made, connect, listen, set, asked bool
	}{
		{"an engine in this process", func() {}, false, false, false, false, false},
		{"a service", func() { table.cfg.NamePrograms = true }, false, false, true, false, false},
		{"a service that knows profiles", func() {
			table.cfg.Profile = func(context.Context, engine.ProgramClaim) (string, error) { return "", nil }
			table.SetPolicy(rules)
		}, false, true, true, true, true},
		{"one that has to be called", func() { table.cfg.Engine = unready{table.cfg.Engine} }, true, true, true, true, true},
	} {
		want.change()
		got := []bool{table.NewWaits(), table.ConnectWaits(), table.ListenWaits(),
			table.SetWaits(abi.ProtocolTLS, int(abi.ALPN)), table.GetWaits(abi.ProtocolTLS)}
		for i, w := range []bool{want.made, want.connect, want.listen, want.set, want.asked} {
			if got[i] != w {
				t.Errorf("%s: of socket, connect, listen, setsockopt, getsockopt may wait %v; number %d is wrong", want.where, got, i+1)
			}
		}
		if !table.SetWaits(abi.ProtocolTLS, int(abi.PrivateKey)) {
			t.Errorf("%s: a file need not be waited for", want.where)
		}
		if table.SetWaits(unix.SOL_SOCKET, unix.SO_KEEPALIVE) || table.GetWaits(unix.SOL_SOCKET) {
			t.Errorf("%s: an option of the real socket waits", want.where)
		}
	}
}
