package gomaxprocs

import (
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"
)

// sampler asks the kernel and Go's runtime.
type sampler struct {
	at      time.Time
	cpu     time.Duration
	metrics []metrics.Sample
	counts  []uint64 // of the histogram of waits, at the last look
}

func newSampler() *sampler {
	s := &sampler{metrics: []metrics.Sample{{Name: "/sched/latencies:seconds"}}}
	s.sample()
	return s
}

func (s *sampler) sample() Sample {
	var out Sample
	now := time.Now()
	out.Elapsed, s.at = now.Sub(s.at), now
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err == nil {
		cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		out.CPU, s.cpu = cpu-s.cpu, cpu
	}
	metrics.Read(s.metrics)
	if s.metrics[0].Value.Kind() == metrics.KindFloat64Histogram {
		out.Waits, out.Waited = s.waits(s.metrics[0].Value.Float64Histogram())
	}
	return out
}

// waits adds up what has come into the histogram since the last look; each
// wait counts as the least that its bucket holds.
func (s *sampler) waits(h *metrics.Float64Histogram) (n int, sum time.Duration) {
	if len(s.counts) != len(h.Counts) {
		s.counts = make([]uint64, len(h.Counts))
	}
	for i, count := range h.Counts {
		fresh := count - s.counts[i]
		n += int(fresh)
		if least := h.Buckets[i]; fresh > 0 && least > 0 {
			sum += time.Duration(float64(fresh) * least * float64(time.Second))
		}
	}
	copy(s.counts, h.Counts)
	return n, sum
}
