//go:build linux

package differential

import (
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/test/programs"
)

var allScenarios = slices.Concat(clientScenarios, eventScenarios, serverScenarios, signalScenarios, processScenarios,
	bulkScenarios, callScenarios, addressScenarios, optionScenarios, plainScenarios)

// TestC is the heart: each scenario as a C program, natively over TCP and under
// `ssa run` over TLS, IPv4 and IPv6, linked dynamically and statically.
func TestC(t *testing.T) {
	dynamic := programs.C(t)
	w := newWorld(t)
	for _, s := range allScenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			native := w.run(t, s, way{}, dynamic)
			t.Run("tls", func(t *testing.T) {
				compare(t, s, native, w.run(t, s, way{tls: true, gate: true}, dynamic))
			})
			if s.once {
				return
			}
			t.Run("tls-static", func(t *testing.T) {
				static := programs.CMusl(t)
				compare(t, s, native, w.run(t, s, way{tls: true, gate: true}, static))
			})
			if s.ipv4 {
				return
			}
			native6 := w.run(t, s, way{ipv6: true}, dynamic)
			t.Run("tls-ipv6", func(t *testing.T) {
				compare(t, s, native6, w.run(t, s, way{tls: true, gate: true, ipv6: true}, dynamic))
			})
		})
	}
}

// TestPlainUnderGate runs the same programs with plain TCP under `ssa run`:
// they must not notice it at all.
func TestPlainUnderGate(t *testing.T) {
	program := programs.C(t)
	w := newWorld(t)
	for _, s := range allScenarios {
		if s.once {
			continue
		}
		s.differs = ""
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			compare(t, s, w.run(t, s, way{}, program), w.run(t, s, way{gate: true}, program))
		})
	}
}

// TestNativePeers runs each scenario over plain TCP twice without a gate. When
// this fails, the scenario itself is not repeatable, and nothing else that it
// says counts.
func TestNativePeers(t *testing.T) {
	program := programs.C(t)
	w := newWorld(t)
	for _, s := range allScenarios {
		s.differs = ""
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			compare(t, s, w.run(t, s, way{}, program), w.run(t, s, way{}, program))
		})
	}
}
