package ssatest

import (
	"maps"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// NoLeaks fails the test if it ends with more goroutines than it began with, or
// with a descriptor that a sys.FD owns and that the test did not find open.
// What is under way gets a while to end; a test that passes does not wait. Not
// for tests that run in parallel with others.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	owners := sys.WatchOwners()
	found := owners.Open()
	t.Cleanup(func() {
		deadline := time.Now().Add(10 * time.Second)
		defer noDescriptors(t, owners, found, deadline)
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

// noDescriptors fails the test while there are descriptors that were not found
// at its beginning.
func noDescriptors(t testing.TB, owners *sys.Owners, found map[*sys.FD]string, deadline time.Time) {
	t.Helper()
	for {
		left := owners.Open()
		maps.DeleteFunc(left, func(f *sys.FD, _ string) bool {
			_, before := found[f]
			return before
		})
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for f, stack := range left {
				t.Errorf("descriptor %d is not closed; it was made here:\n%s", f.Int(), stack)
			}
			return
		}
		time.Sleep(time.Millisecond)
	}
}
