package ssatest

import (
	"testing"
	"time"
)

// awaitTime is how long Await waits: longer than any machine needs.
const awaitTime = time.Minute

// Await waits until something holds that nothing tells of, and fails the test
// when it does not within a minute. It leaves the processor to others meanwhile.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline, pause := time.Now().Add(awaitTime), time.Duration(0); !holds(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		pause = min(pause+10*time.Microsecond, 5*time.Millisecond)
	}
}
