package seccomp

import (
	"sync"
	"sync/atomic"
	"time"
)

// duty is the turn of one goroutine to receive calls. It answers ordinary calls
// itself, since passing them on would cost more than all the rest. One that
// lasts has it relieved: another goroutine receives, and this one ends with the
// call. From then on each call gets a goroutine of its own, as long as there
// are slow ones.
//
//	        begin              lasts
//	idle ──────────▶ busy ─────────────▶ relieved
//	  ▲               │
//	  └───────────────┘ done
type duty struct {
	// state is twice the number of calls begun, less one while one is under
	// way; relieved in the end.
	state atomic.Uint64
}

const relieved = ^uint64(0)

func (d *duty) begin() { d.state.Add(1) }

// done reports whether the goroutine goes on receiving.
func (d *duty) done() bool {
	s := d.state.Load()
	return s != relieved && d.state.CompareAndSwap(s, s+1)
}

// How the receiving goroutine is watched.
const (
	tick    = 2 * time.Millisecond
	few     = 8   // calls in a tick, of which one is under way at its end, are slow
	slowFor = 500 // ticks after the last slow call
	idleFor = 100 // ticks without a call, after which nobody watches
)

// watch looks after the goroutine that receives, while calls come.
type watch struct {
	watching atomic.Bool
	careful  atomic.Bool // calls come to goroutines of their own

	mu   sync.Mutex
	duty *duty // nil when nobody receives any more
	last uint64
	slow int // ticks until calls are answered by the receiving goroutine again
	idle int
}

// set makes d the duty that is watched; with nil nothing is.
func (w *watch) set(d *duty) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.duty, w.last = d, 0
}

// look looks once. late says that the receiving goroutine has been relieved,
// which then is nobody's duty any more; over that nobody need watch.
func (w *watch) look() (late, over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.duty == nil {
		return false, true
	}
	now := w.duty.state.Load()
	busy, calls := now%2 == 1, (now-w.last)/2
	switch {
	case busy && now == w.last:
		late = w.duty.state.CompareAndSwap(now, relieved)
		w.slow = slowFor
	case busy && calls < few && w.last != 0:
		w.slow = slowFor
	case w.slow > 0:
		w.slow--
	}
	w.careful.Store(w.slow > 0)
	if w.idle++; now != w.last || busy {
		w.idle = 0
	}
	if w.last = now; late {
		w.duty = nil
	}
	if w.idle >= idleFor && w.slow == 0 {
		w.watching.Store(false)
		return late, w.duty.state.Load() == now || w.watching.Swap(true)
	}
	return late, false
}

// attend watches until nothing comes any more.
func (g *Gate) attend() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-g.over:
			return
		}
		late, over := g.watch.look()
		if late {
			g.goReceive()
		}
		if over {
			return
		}
	}
}
