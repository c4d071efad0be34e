package relay

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// stormEnds are the ways a connection of a storm ends, when everything written
// both ways has arrived.
var stormEnds = []func(t *testing.T, r *rig){
	func(t *testing.T, r *rig) {
		must(t, r.program.CloseWrite())
		expectRead(t, "the peer", r.peer, nil, nil)
		r.peerShutdown(t)
		expectRead(t, "the program", r.program, nil, nil)
		r.expectEnd(t, nil)
	},
	func(t *testing.T, r *rig) {
		r.guardedShutdown(t)
		expectRead(t, "the peer", r.peer, nil, nil)
		must(t, r.peerTCP.CloseWrite())
		expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
		r.expectEnd(t, ErrTruncated)
	},
	func(t *testing.T, r *rig) {
		must(t, r.peerTCP.CloseWrite())
		expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
		r.expectEnd(t, ErrTruncated)
	},
	func(t *testing.T, r *rig) {
		must(t, r.program.Close())
		expectRead(t, "the peer", r.peer, nil, nil)
		must(t, r.peerTCP.Close())
		r.expectEnd(t, nil)
	},
}

// Connections of one set that are asked to become idle at any moment lose nothing and
// double nothing, also when the set closes, and leave nothing behind.
func TestIdleStorm(t *testing.T) {
	for name, closes := range map[string]bool{"open": false, "closed on the way": true} {
		t.Run(name, func(t *testing.T) {
			ssatest.NoLeaks(t)
			set := NewIdleSet()
			t.Cleanup(set.Close) // after the relays have ended
			var rigs []*rig
			for i := range 2 * len(stormEnds) {
				rigs = append(rigs,
					newRig(t, rigOptions{server: i%2 == 0, change: func(c *Config) { c.Idle = set }}))
			}
			var over atomic.Bool
			var storm, work sync.WaitGroup
			storm.Go(func() {
				for !over.Load() {
					for _, r := range rigs {
						for _, half := range r.halves() {
							half.askToIdle()
						}
					}
					runtime.Gosched()
				}
			})
			for i, r := range rigs {
				work.Go(func() {
					exchange(t, r, 300)
					if closes && i == 0 {
						set.Close()
					}
					stormEnds[i/2](t, r)
				})
			}
			work.Wait()
			over.Store(true)
			storm.Wait()
			set.mu.Lock()
			defer set.mu.Unlock()
			if len(set.idle) > 0 || len(set.watched) > 0 {
				t.Errorf("%d connections are idle and %d watched after their end", len(set.idle), len(set.watched))
			}
		})
	}
}

// exchange has each side write messages, of which the other reads all, in turn.
func exchange(t *testing.T, r *rig, turns int) {
	for i := range turns {
		message := pattern(1 + i*i%5000)
		got := make([]byte, len(message))
		mustWriteInGoroutine(t, r.program, message)
		if _, err := io.ReadFull(r.peer, got); err != nil || !bytes.Equal(got, message) {
			t.Errorf("turn %d to the peer: %v", i, err)
			return
		}
		mustWriteInGoroutine(t, r.peer, message)
		if _, err := io.ReadFull(r.program, got); err != nil || !bytes.Equal(got, message) {
			t.Errorf("turn %d to the program: %v", i, err)
			return
		}
	}
}
