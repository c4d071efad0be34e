// Package doctor finds out what of the Secure Socket API works on this machine,
// and says why not and what to do. It tries things rather than comparing
// versions. It repairs nothing, and leaves nothing changed: what cannot be
// undone is tried in a process that ends.
package doctor

import (
	"context"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// State is what was found of a feature.
type State string

// States. A Note is about something that nothing depends on, or that works in
// a way worth knowing.
const (
	Works   State = "works"
	Fails   State = "does not work"
	Unknown State = "unknown"
	Note    State = "note"
)

// Finding is one line of a report.
type Finding struct {
	Area    string `json:"area"`
	Feature string `json:"feature"`
	Since   string `json:"since,omitempty"` // the version of Linux that brought it
	Needed  bool   `json:"needed"`          // `ssa run` does not work without it
	State   State  `json:"state"`
	Why     string `json:"why,omitempty"`
	Do      string `json:"do,omitempty"`
}

// Report is what was found.
type Report struct {
	Kernel       string    `json:"kernel"`
	Architecture string    `json:"architecture"`
	RunWorks     bool      `json:"run_works"` // nothing needed is known to fail
	Findings     []Finding `json:"findings"`
}

// Config says what to look at. Root may be empty, the rest is needed.
type Config struct {
	// Subject is a command that calls Subject and ends.
	Subject []string
	// Run is the beginning of a command that runs a program under the gate.
	Run []string
	// Hardened is a command that calls Hardened and ends.
	Hardened []string
	// Policy loads the policy of the machine.
	Policy func() (*policy.Policy, error)
	// Service asks the service at a path who it is.
	Service func(ctx context.Context, path string) (string, error)
	// ServicePath is where the service listens.
	ServicePath string
	// Root is the prefix of the files of the machine.
	Root   string
	Getenv func(string) string
	Now    func() time.Time
}

// outcome is what a probe found.
type outcome struct {
	state   State
	why, do string
}

func works(why string) outcome       { return outcome{Works, why, ""} }
func fails(why, do string) outcome   { return outcome{Fails, why, do} }
func unknown(why, do string) outcome { return outcome{Unknown, why, do} }
func note(why, do string) outcome    { return outcome{Note, why, do} }

// probe finds out about one feature.
type probe struct {
	feature, since string
	needed         bool
	try            func(context.Context) outcome
}

// area is a group of probes.
type area struct {
	name   string
	probes []probe
	more   func(context.Context) []probe // that are known later
}

// Run looks at everything. The caller has locked the main goroutine to the main
// thread, as notify.Start wants it. It takes a few seconds at most, after which what has
// no answer is unknown.
func Run(ctx context.Context, cfg Config) *Report {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r := &Report{Kernel: kernel(), Architecture: runtime.GOARCH}
	g := &gateProbes{cfg: cfg}
	for _, a := range []area{g.area(), kernelArea(), (&files{cfg: cfg}).area(),
		(&serviceProbes{cfg: cfg}).area()} {
		probes := a.probes
		if a.more != nil {
			probes = append(probes, a.more(ctx)...)
		}
		for _, p := range probes {
			o := p.try(ctx)
			r.Findings = append(r.Findings, Finding{Area: a.name, Feature: p.feature, Since: p.since,
				Needed: p.needed,
				State:  o.state, Why: o.why, Do: o.do})
		}
	}
	r.RunWorks = !slices.ContainsFunc(r.Findings,
		func(f Finding) bool { return f.Needed && f.State == Fails })
	return r
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
