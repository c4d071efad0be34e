// Package gomaxprocs fits the number of processors that Go's scheduler uses to
// the work there is: one as long as that is enough. With several, the runtime
// wakes a thread whenever a goroutine could run, to look for work that the
// first has mostly done by then; for the small steps of gates and handshakes
// that is an eighth of all processor time. It changes nothing else, and does
// nothing where the environment sets GOMAXPROCS.
package gomaxprocs

import (
	"context"
	"os"
	"runtime"
	"time"
)

// Config is what Fit works with; the zero value is for a real process.
type Config struct {
	// Sample says what has happened since it was last called.
	Sample func() Sample
	// Set makes Go's scheduler use one processor, or all it may.
	Set func(all bool)
}

// Sample is what a process did in some time.
type Sample struct {
	Elapsed, CPU time.Duration
	// Waits counts goroutines that waited for a processor, Waited is for how
	// long in all. The runtime counts a part of them.
	Waits  int
	Waited time.Duration
}

// How often to look: often while something is done, seldom otherwise.
const (
	shortest = 20 * time.Millisecond
	longest  = 320 * time.Millisecond
)

// Fit works until ctx ends, and then leaves things as they are.
func Fit(ctx context.Context, cfg Config) {
	if cfg.Set == nil {
		cfg.Set = set
	}
	if cfg.Sample == nil {
		cfg.Sample = newSampler().sample
	}
	f := newFitter()
	timer := time.NewTimer(f.interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		before := f.all
		f.judge(cfg.Sample())
		if f.all != before {
			cfg.Set(f.all)
		}
		timer.Reset(f.interval)
	}
}

// Start makes Fit work, where there is something to fit, until stop is called:
// the user has said nothing, and there is more than one processor.
func Start() (stop func()) {
	if !needed() {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Fit(ctx, Config{})
	}()
	return func() {
		cancel()
		<-done
	}
}

func needed() bool { return os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) > 1 }

func set(all bool) {
	if all {
		runtime.SetDefaultGOMAXPROCS()
	} else {
		runtime.GOMAXPROCS(1)
	}
}

// fitter decides.
type fitter struct {
	all      bool
	fresh    bool          // nothing has been decided
	calm     time.Duration // for how long one would have been enough
	interval time.Duration // until the next look
}

// newFitter begins with all, which Go does: a short run pays for no change.
func newFitter() *fitter { return &fitter{all: true, fresh: true, interval: shortest} }

const (
	// full is the share of one processor in use from which more are given.
	full = 0.85
	// half is the share of one below which it would be enough,
	half = 0.5
	// patience for how long that must hold.
	patience = 500 * time.Millisecond
	// slow is the mean wait for a processor that shows one to be too little,
	// though little time of it is used: something keeps it in the kernel.
	slow = 200 * time.Microsecond
	// several is how many waits make a mean.
	several = 4
)

func (f *fitter) judge(s Sample) {
	used := float64(s.CPU) / float64(max(s.Elapsed, 1))
	short := s.Waits >= several && s.Waited/time.Duration(s.Waits) >= slow
	switch {
	case used >= full || short:
		f.all, f.calm = true, 0
	case f.fresh:
		f.all = false
	case used >= half:
		f.calm = 0
	default:
		if f.calm += s.Elapsed; f.calm >= patience {
			f.all = false
		}
	}
	f.fresh = false
	if used > 0.05 {
		f.interval = shortest
	} else {
		f.interval = min(2*f.interval, longest)
	}
}
