package registry_test

import (
	"runtime"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

func BenchmarkConnection(b *testing.B) {
	r := registry.New(registry.Config{})
	m := &moved{}
	b.ReportAllocs()
	for b.Loop() {
		e := r.Begin(client(1))
		e.Established(facts, m)
		e.Ended(engine.End{})
	}
}

// What 5,000 idle connections cost here, each.
func BenchmarkIdle(b *testing.B) {
	const n = 5000
	for b.Loop() {
		r := registry.New(registry.Config{})
		m := &moved{}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range uint64(n) {
			r.Begin(client(i)).Established(facts, m)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/connection")
		runtime.KeepAlive(r)
	}
}

func BenchmarkAnswer5000(b *testing.B) {
	r := registry.New(registry.Config{})
	for i := range uint64(5000) {
		r.Begin(client(i)).Established(facts, &moved{})
	}
	for b.Loop() {
		data, err := r.Answer(all, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(data)), "B/answer")
	}
}
