package relay

import (
	"errors"
	"time"
)

// errParked ends the reading goroutine until the program writes or ends.
var errParked = errors.New("waiting without a goroutine")

// askToPark makes a reader that waits park; one that does not, before it waits
// the next time.
func (s *source) askToPark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.stays || s.guarded {
		return
	}
	s.asked = true
	_ = s.stream.SetReadDeadline(longAgo)
}

// interrupted says why waiting has ended: it was asked to park, or stopped. It
// returns nil when waiting goes on.
func (s *source) interrupted(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || !s.asked || !isTimeout(err) {
		return errStopped
	}
	s.asked = false
	if err := s.stream.SetReadDeadline(time.Time{}); err != nil {
		return errStopped
	}
	// With a guard there may be a byte that is not to be read: it would wake at once.
	if s.stays || s.guarded || !s.lot.add(s) {
		return nil
	}
	s.parked = true
	return errParked
}

// unpark starts the reading goroutine again if it has parked at this place.
func (s *source) unpark(place uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.place == place {
		s.unparkLocked()
	}
}

func (s *source) unparkLocked() {
	if s.parked {
		s.parked = false
		s.lot.remove(s)
		s.resume()
	}
}

// stay ends parking for good. The stream may be closed under a reader that has
// parked, which would hear nothing of that.
func (s *source) stay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stays = true
	s.unparkLocked()
}
