package local

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSettler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int64
		s := settler{settled: func() { told.Add(1) }}
		establish := func(n int) {
			for range n {
				s.established()
			}
		}
		wait := func(d time.Duration, want int, what string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := told.Load(); got != int64(want) {
				t.Errorf("%s: told %d times, want %d", what, got, want)
			}
		}
		establish(settleCount - 1)
		wait(time.Hour, 0, "a few connections")
		establish(1)
		wait(settleTime-1, 0, "many, just now")
		establish(1)
		wait(settleTime-1, 0, "one more")
		wait(1, 1, "then none")
		wait(time.Hour, 1, "nothing happens")
		establish(settleCount)
		wait(settleTime, 2, "as many again")
		establish(settleCount)
		s.close()
		wait(time.Hour, 2, "closed")
		establish(settleCount)
		wait(time.Hour, 2, "closed before")
	})
	(&settler{}).established() // nobody wants to know
}
