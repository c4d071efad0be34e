package relay

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// errParked ends the goroutine of half a connection that waits in a Lot.
var errParked = errors.New("waiting without a goroutine")

// sleeper is the stream that half a connection waits for, in a goroutine or,
// parked in a Lot, without:
//
//	waiting in a goroutine ── ask, waited ─▶ parked
//	          ▲────── something came, stay, interrupt ──┘
type sleeper struct {
	stream Stream
	raw    syscall.RawConn // nil when stream has no descriptor

	lot    *Lot          // nil: never parks
	resume func()        // starts the goroutine again, after errParked
	moves  atomic.Uint64 // how often something came

	restMu sync.Mutex
	asked  bool // to park
	stays  bool // never parks any more
	over   bool // waits no more
	parked bool
	place  uint32 // in the lot
}

// ask makes a goroutine that waits park; one that does not, before it waits the
// next time.
func (s *sleeper) ask() {
	s.restMu.Lock()
	defer s.restMu.Unlock()
	if s.over || s.stays {
		return
	}
	s.asked = true
	_ = s.stream.SetReadDeadline(longAgo)
}

// waited says what follows from waiting that has ended with err: errParked, for
// a goroutine that was asked to park and has nothing in hand; nil when it waits
// on; otherwise err.
func (s *sleeper) waited(err error, inHand bool) error {
	s.restMu.Lock()
	defer s.restMu.Unlock()
	if s.over || !s.asked || !isTimeout(err) {
		return err
	}
	s.asked = false
	if err := s.stream.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if inHand {
		s.lot.watch(s) // it may rest another time
		return nil
	}
	if s.stays || !s.lot.add(s) {
		return nil
	}
	s.parked = true
	return errParked
}

// interrupt ends waiting, now and later, with the error of a deadline.
func (s *sleeper) interrupt() {
	s.restMu.Lock()
	defer s.restMu.Unlock()
	s.over = true
	_ = s.stream.SetReadDeadline(longAgo)
	s.unparkLocked()
}

// stay ends parking for good. The stream may be closed while its half is
// parked, which would hear nothing of that.
func (s *sleeper) stay() {
	s.restMu.Lock()
	defer s.restMu.Unlock()
	s.stays = true
	s.unparkLocked()
}

// unpark starts the goroutine again if it has parked at this place.
func (s *sleeper) unpark(place uint32) {
	s.restMu.Lock()
	defer s.restMu.Unlock()
	if s.place == place {
		s.unparkLocked()
	}
}

func (s *sleeper) unparkLocked() {
	if s.parked {
		s.parked = false
		s.lot.remove(s)
		s.resume()
	}
}
