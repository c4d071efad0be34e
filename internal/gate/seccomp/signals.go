package seccomp

import (
	"time"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
)

// How often threads that wait in a call are looked at for a signal, which is
// the longest that a handler waits: young calls often, what has waited for
// longer, such as an idle accept, less and less.
const (
	lookYoung = 5 * time.Millisecond
	lookOlder = 25 * time.Millisecond
	lookOld   = 100 * time.Millisecond
	young     = 400 // looks
	older     = 800
)

// interval is when to look at the call again.
func (c *call) interval() time.Duration {
	switch {
	case c.looks < young:
		return lookYoung
	case c.looks < older:
		return lookOlder
	}
	return lookOld
}

// watchFor looks after a pending call, where the kernel does not break it off
// for a signal.
func (g *Gate) watchFor(c *call) {
	if !g.cfg.Listener.Killable {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting[c.ID] = c
	if !g.watched {
		g.watched = true
		g.work.Go(g.watchSignals)
	}
}

// watchSignals ends calls whose threads have a signal to handle, until none
// waits or no program is left. Most calls are answered before the first look.
func (g *Gate) watchSignals() {
	interval := lookYoung
	for {
		select {
		case <-time.After(interval):
		case <-g.over:
			return
		}
		var calls []*call
		calls, interval = g.look()
		if len(calls) == 0 {
			return
		}
		for _, c := range calls {
			switch {
			case !c.Waiting():
				g.forget(c)
			case c.signalled() && c.socket.Interrupt(c):
				g.forget(c)
				_ = g.cfg.Listener.Interrupt(c.ID) // a killed thread needs no answer
			}
		}
	}
}

// look lists the waiting calls, and says when to look again. With none left,
// nobody watches any more.
func (g *Gate) look() ([]*call, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	interval := lookOld
	calls := make([]*call, 0, len(g.waiting))
	for _, c := range g.waiting {
		c.looks++
		interval = min(interval, c.interval())
		calls = append(calls, c)
	}
	g.watched = len(calls) > 0
	return calls, interval
}

func (g *Gate) forget(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.waiting, c.ID)
}

// signalled reports whether a signal waits for the calling thread. One that is
// for the whole process is the first thread's to handle (complete_signal in the
// kernel's kernel/signal.c prefers it); another thread leaves it time to, and
// then takes it.
func (c *call) signalled() bool {
	own, shared, first := target.PendingSignals(c.Call.Thread)
	if own || shared && first {
		return true
	}
	if !shared {
		c.passedOver = 0
		return false
	}
	c.passedOver++
	return c.passedOver > 3 && !target.FirstThreadTakes(c.Call.Thread)
}
