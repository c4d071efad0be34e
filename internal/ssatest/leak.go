package ssatest

import (
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// NoLeaks fails the test if it ends with more goroutines than it began with.
// Goroutines get a while to end on their own; a test that passes does not wait.
// Not for tests that run in parallel with others.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(10 * time.Second)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				var stacks strings.Builder
				// Writing to memory cannot fail.
				_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
				t.Errorf("%d goroutines at the end, %d at the beginning:\n%s", runtime.NumGoroutine(), before, stacks.String())
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}
