//go:build linux

package differential

import (
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/test/programs"
)

// group is scenarios of one subject.
type group struct {
	title     string
	scenarios []scenario
}

var groups = []group{
	{"Clients", clientScenarios},
	{"select and epoll", eventScenarios},
	{"Servers", serverScenarios},
	{"Signals and time-outs", signalScenarios},
	{"Processes and descriptors", processScenarios},
	{"Many bytes", bulkScenarios},
	{"Other calls", callScenarios},
	{"Names", addressScenarios},
	{"Options that are not TLS", optionScenarios},
	{"Other sockets", plainScenarios},
}

// TestDifferential is all of it, and then the page that lists the outcome.
func TestDifferential(t *testing.T) {
	w := newWorld(t)
	p := newPage()
	t.Run("C", func(t *testing.T) {
		for _, g := range groups {
			for _, s := range g.scenarios {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					w.compareC(t, p, g.title, s)
				})
			}
		}
	})
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			program := l.program(t)
			for _, s := range l.scenarios {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					p.record(t, l.title(), s, columnTLS)
					compare(t, s, w.run(t, s, way{}, program...), w.run(t, s, way{tls: true, gate: true},
						program...))
				})
			}
		})
	}
	t.Run("page", p.check)
}

// compareC runs one C program in every way.
func (w *world) compareC(t *testing.T, p *page, title string, s scenario) {
	dynamic := programs.C(t)
	native := w.run(t, s, way{}, dynamic)
	t.Run("tls", func(t *testing.T) {
		p.record(t, title, s, columnTLS)
		compare(t, s, native, w.run(t, s, way{tls: true, gate: true}, dynamic))
	})
	if s.once {
		return
	}
	t.Run("tls-static", func(t *testing.T) {
		p.record(t, title, s, columnStatic)
		compare(t, s, native, w.run(t, s, way{tls: true, gate: true}, programs.CMusl(t)))
	})
	t.Run("tcp-gate", func(t *testing.T) {
		p.record(t, title, s, columnTCP)
		plain := s
		plain.differs = ""
		compare(t, plain, native, w.run(t, s, way{gate: true}, dynamic))
	})
	if s.ipv4 {
		return
	}
	native6 := w.run(t, s, way{ipv6: true}, dynamic)
	t.Run("tls-ipv6", func(t *testing.T) {
		p.record(t, title, s, columnIPv6)
		compare(t, s, native6, w.run(t, s, way{tls: true, gate: true, ipv6: true}, dynamic))
	})
}

// TestScenariosAreRepeatable runs each scenario over plain TCP twice without a
// gate. When this fails, the scenario itself is not repeatable, and nothing
// else that it says counts.
func TestScenariosAreRepeatable(t *testing.T) {
	program := programs.C(t)
	w := newWorld(t)
	for _, g := range groups {
		for _, s := range g.scenarios {
			s.differs = ""
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				compare(t, s, w.run(t, s, way{}, program), w.run(t, s, way{}, program))
			})
		}
	}
}

// TestDifferenceIsSeen guards everything above against a comparison that lets
// differences pass.
func TestDifferenceIsSeen(t *testing.T) {
	program := programs.C(t)
	w := newWorld(t)
	half, blocking := scenarioNamed(t, "half-close"), scenarioNamed(t, "blocking")
	if slices.Equal(w.run(t, half, way{}, program), w.run(t, blocking, way{}, program)) {
		t.Error("two different programs have the same transcript")
	}
}

func scenarioNamed(t *testing.T, name string) scenario {
	t.Helper()
	for _, s := range clientScenarios {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("no scenario %s", name)
	return scenario{}
}
