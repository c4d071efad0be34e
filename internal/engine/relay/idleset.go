package relay

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// idleAfter is for how long nothing comes, at least, before half a connection
// is idle; it may take twice that.
const idleAfter = time.Second

// IdleSet holds the halves of connections that are idle: nothing comes from the
// program, or from the peer. They wait in one epoll, without a goroutine each and
// without the keys that are quickly derived again. The relays of a process share
// one set.
//
// Nothing runs while no half is watched and none is idle.
type IdleSet struct {
	mu      sync.Mutex
	poller  *poller // nil until something is idle, and where there is no epoll
	next    uint32
	idle    map[uint32]*waiter
	watched map[*waiter]uint64 // and its reads at the last sweep
	timer   *time.Timer
	closed  bool
}

// NewIdleSet returns an empty set.
func NewIdleSet() *IdleSet {
	return &IdleSet{idle: make(map[uint32]*waiter), watched: make(map[*waiter]uint64)}
}

// Close ends what the set does in the background and waits for it. Running relays
// go on without it.
func (set *IdleSet) Close() {
	set.mu.Lock()
	set.closed = true
	if set.timer != nil {
		set.timer.Stop()
	}
	idle := slices.Collect(maps.Values(set.idle))
	poller := set.poller
	set.mu.Unlock()
	for _, w := range idle {
		w.pin()
	}
	poller.close()
}

// watch has w become idle when nothing comes.
func (set *IdleSet) watch(w *waiter) {
	if set == nil || w.raw == nil {
		return
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	set.watched[w] = w.reads.Load()
	if len(set.watched) == 1 && !set.closed {
		set.armLocked()
	}
}

func (set *IdleSet) armLocked() {
	if set.timer == nil {
		set.timer = time.AfterFunc(idleAfter, set.sweep)
		return
	}
	set.timer.Reset(idleAfter)
}

// unwatch undoes watch.
func (set *IdleSet) unwatch(w *waiter) {
	if set == nil {
		return
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	delete(set.watched, w)
}

// sweep asks the halves to become idle to which nothing came since the last sweep.
func (set *IdleSet) sweep() {
	set.mu.Lock()
	var idle []*waiter
	for w, before := range set.watched {
		reads := w.reads.Load()
		if reads == before {
			idle = append(idle, w)
			delete(set.watched, w)
			continue
		}
		set.watched[w] = reads
	}
	if len(set.watched) > 0 && !set.closed {
		set.armLocked()
	}
	set.mu.Unlock()
	for _, w := range idle {
		w.askToIdle()
	}
}

// add waits for what comes to w, whose idleMu is held. It returns false where
// that cannot be done.
func (set *IdleSet) add(w *waiter) bool {
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.poller == nil && !set.closed {
		set.poller = newPoller(set.wake)
	}
	set.next++
	if _, taken := set.idle[set.next]; taken || set.closed || set.poller == nil {
		return false
	}
	w.key = set.next
	if !set.poller.add(w.raw, w.key) {
		return false
	}
	set.idle[w.key] = w
	return true
}

// remove undoes add.
func (set *IdleSet) remove(w *waiter) {
	set.mu.Lock()
	defer set.mu.Unlock()
	set.poller.remove(w.raw)
	delete(set.idle, w.key)
}

// wake is called by the poller: there is something to read for a key.
func (set *IdleSet) wake(key uint32) {
	set.mu.Lock()
	w := set.idle[key]
	set.mu.Unlock()
	if w != nil {
		w.wakeFor(key)
	}
}
