package relay

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// errIdle ends the goroutine of half a connection that waits in an IdleSet.
var errIdle = errors.New("waiting without a goroutine")

// waiter is the stream that half a connection waits for, in a goroutine or,
// idle in an IdleSet, without:
//
//	waiting in a goroutine ── askToIdle, waited ─▶ idle
//	          ▲────── something came, pin, interrupt ──┘
type waiter struct {
	stream Stream
	raw    syscall.RawConn // nil when stream has no descriptor

	set    *IdleSet      // nil: is never idle
	resume func()        // starts the goroutine again, after errIdle
	reads  atomic.Uint64 // how often something came

	idleMu sync.Mutex
	asked  bool // to become idle
	pinned bool // keeps its goroutine from now on
	over   bool // waits no more
	idle   bool
	key    uint32 // of the set's poller
}

// askToIdle makes a goroutine that waits end, for an IdleSet to wait instead; one
// that does not wait, before it waits the next time.
func (w *waiter) askToIdle() {
	w.idleMu.Lock()
	defer w.idleMu.Unlock()
	if w.over || w.pinned {
		return
	}
	w.asked = true
	_ = w.stream.SetReadDeadline(longAgo)
}

// waited says what follows from waiting that has ended with err: errIdle, for a
// goroutine that was asked to become idle and has nothing in hand; nil when it
// waits on; otherwise err.
func (w *waiter) waited(err error, inHand bool) error {
	w.idleMu.Lock()
	defer w.idleMu.Unlock()
	if w.over || !w.asked || !isTimeout(err) {
		return err
	}
	w.asked = false
	if err := w.stream.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if inHand {
		w.set.watch(w) // it may become idle another time
		return nil
	}
	if w.pinned || !w.set.add(w) {
		return nil
	}
	w.idle = true
	return errIdle
}

// interrupt ends waiting, now and later, with the error of a deadline.
func (w *waiter) interrupt() {
	w.idleMu.Lock()
	defer w.idleMu.Unlock()
	w.over = true
	_ = w.stream.SetReadDeadline(longAgo)
	w.wakeLocked()
}

// pin keeps the half in its goroutine from now on. The stream may be closed while
// its half is idle: epoll would not tell it.
func (w *waiter) pin() {
	w.idleMu.Lock()
	defer w.idleMu.Unlock()
	w.pinned = true
	w.wakeLocked()
}

// wakeFor starts the goroutine again if it is idle under this key.
func (w *waiter) wakeFor(key uint32) {
	w.idleMu.Lock()
	defer w.idleMu.Unlock()
	if w.key == key {
		w.wakeLocked()
	}
}

func (w *waiter) wakeLocked() {
	if w.idle {
		w.idle = false
		w.set.remove(w)
		w.resume()
	}
}
