package relay

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// restAfter is how long nothing comes, at least, before half a connection
// rests; it may take twice that.
const restAfter = time.Second

// Lot is where the halves of connections wait to which nothing comes, from the
// program or from the peer: without a goroutine, and without the keys that are
// quickly derived again. It is shared by the relays of a process.
//
// Nothing runs while no connection is being watched and none is parked.
type Lot struct {
	mu     sync.Mutex
	poller *poller // nil until something parks, and where there is none
	next   uint32
	parked map[uint32]*sleeper
	busy   map[*sleeper]uint64 // and what each had moved when last looked at
	timer  *time.Timer
	closed bool
}

// NewLot returns an empty lot.
func NewLot() *Lot {
	return &Lot{parked: make(map[uint32]*sleeper), busy: make(map[*sleeper]uint64)}
}

// Close ends what the lot does in the background and waits for it. Relays that
// run go on without.
func (l *Lot) Close() {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	parked := slices.Collect(maps.Values(l.parked))
	poller := l.poller
	l.mu.Unlock()
	for _, s := range parked {
		s.stay()
	}
	poller.close()
}

// watch makes s rest when nothing comes.
func (l *Lot) watch(s *sleeper) {
	if l == nil || s.raw == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy[s] = s.moves.Load()
	if len(l.busy) == 1 && !l.closed {
		l.armLocked()
	}
}

func (l *Lot) armLocked() {
	if l.timer == nil {
		l.timer = time.AfterFunc(restAfter, l.look)
		return
	}
	l.timer.Reset(restAfter)
}

// forget undoes watch.
func (l *Lot) forget(s *sleeper) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, s)
}

// look asks those to park to which nothing came since it looked before.
func (l *Lot) look() {
	l.mu.Lock()
	var quiet []*sleeper
	for s, before := range l.busy {
		moves := s.moves.Load()
		if moves == before {
			quiet = append(quiet, s)
			delete(l.busy, s)
			continue
		}
		l.busy[s] = moves
	}
	if len(l.busy) > 0 && !l.closed {
		l.armLocked()
	}
	l.mu.Unlock()
	for _, s := range quiet {
		s.ask()
	}
}

// add waits for what comes to s, whose restMu is held. It returns false where that
// cannot be done.
func (l *Lot) add(s *sleeper) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.poller == nil && !l.closed {
		l.poller = newPoller(l.wake)
	}
	l.next++
	if _, taken := l.parked[l.next]; taken || l.closed || l.poller == nil {
		return false
	}
	s.place = l.next
	if !l.poller.add(s.raw, s.place) {
		return false
	}
	l.parked[s.place] = s
	return true
}

// remove undoes add.
func (l *Lot) remove(s *sleeper) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.poller.remove(s.raw)
	delete(l.parked, s.place)
}

// wake is called by the poller: there is something to read at a place.
func (l *Lot) wake(place uint32) {
	l.mu.Lock()
	s := l.parked[place]
	l.mu.Unlock()
	if s != nil {
		s.unpark(place)
	}
}
