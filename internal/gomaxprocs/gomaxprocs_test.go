package gomaxprocs

import (
	"context"
	"math"
	"runtime/metrics"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// used is a sample of 20 ms in which a share of one processor was used.
func used(share float64) Sample {
	const elapsed = 20 * time.Millisecond
	return Sample{Elapsed: elapsed, CPU: time.Duration(share * float64(elapsed))}
}

func TestJudge(t *testing.T) {
	waiting := func(n int, each time.Duration) Sample {
		s := used(0.1)
		s.Waits, s.Waited = n, time.Duration(n)*each
		return s
	}
	tests := []struct {
		name   string
		before bool
		sample Sample
		times  int
		want   bool
	}{
		{"idle", false, used(0), 100, false},
		{"most of one", false, used(0.8), 100, false},
		{"all of one", false, used(0.9), 1, true},
		{"more than one", true, used(1.7), 100, true},
		{"goroutines wait for long", false, waiting(10, time.Millisecond), 1, true},
		{"a single one did", false, waiting(1, time.Second), 1, false},
		{"goroutines wait for a moment", false, waiting(100, 20*time.Microsecond), 100, false},
		{"a pause", true, used(0), 24, true},
		{"a long pause", true, used(0), 25, false},
		{"between both", true, used(0.6), 100, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fitter{all: test.before, interval: shortest}
			for range test.times {
				f.judge(test.sample)
			}
			if f.all != test.want {
				t.Errorf("after %d of %+v: all processors %v, want %v", test.times, test.sample, f.all, test.want)
			}
		})
	}
}

// What has just begun gets one at the first look, unless it has use for more.
func TestBegin(t *testing.T) {
	for share, want := range map[float64]bool{0: false, 0.6: false, 1: true} {
		f := newFitter()
		if f.judge(used(share)); f.all != want {
			t.Errorf("%v of a processor in use: all %v, want %v", share, f.all, want)
		}
	}
}

// An idle process is looked at seldom, and often again once it works.
func TestInterval(t *testing.T) {
	f := fitter{interval: shortest}
	for range 10 {
		f.judge(used(0))
	}
	if f.interval != longest {
		t.Errorf("looking every %v at an idle process, want %v", f.interval, longest)
	}
	f.judge(used(0.3))
	if f.interval != shortest {
		t.Errorf("looking every %v at a busy process, want %v", f.interval, shortest)
	}
}

func TestFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sets []bool
		samples := []Sample{used(0.2), used(0.2), used(1), used(1)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		Fit(ctx, Config{
			Set: func(all bool) { sets = append(sets, all) },
			Sample: func() Sample {
				if len(samples) == 0 {
					cancel()
					return used(0)
				}
				s := samples[0]
				samples = samples[1:]
				return s
			},
		})
		// One at first, and all when that is in use.
		if want := []bool{false, true}; !slices.Equal(sets, want) {
			t.Errorf("set to %v, want %v", sets, want)
		}
	})
}

// What the sampler says is true: this test works, and its goroutines wait.
func TestSample(t *testing.T) {
	s := newSampler()
	got := Sample{}
	for got.CPU == 0 || got.Waits == 0 {
		done := make(chan struct{})
		for range 1000 { // the runtime looks at some of them
			go func() { done <- struct{}{} }()
		}
		for range 1000 {
			<-done
		}
		got = s.sample()
		if got.Elapsed <= 0 || got.CPU < 0 || got.Waited < 0 {
			t.Fatalf("a sample is %+v", got)
		}
	}
}

// Each wait counts once, as the least of its bucket.
func TestWaits(t *testing.T) {
	h := &metrics.Float64Histogram{Buckets: []float64{math.Inf(-1), 0, 1e-6, 1e-3, math.Inf(1)},
		Counts: []uint64{0, 5, 2, 1}}
	var s sampler
	n, sum := s.waits(h)
	if want := time.Millisecond + 2*time.Microsecond; n != 8 || sum != want {
		t.Errorf("at first %d waits of %v, want 8 of %v", n, sum, want)
	}
	h.Counts[3] += 2
	n, sum = s.waits(h)
	if want := 2 * time.Millisecond; n != 2 || sum != want {
		t.Errorf("then %d waits of %v, want 2 of %v", n, sum, want)
	}
}
