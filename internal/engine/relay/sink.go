package relay

import (
	"errors"
	"sync"
	"syscall"
	"time"
)

// sink writes to the program, for one goroutine.
type sink struct {
	stream Stream
	raw    syscall.RawConn // nil when stream has no descriptor
	stalls stalls
	hold   func() // called before waiting

	rest      []byte
	restErr   error
	writeFunc func(fd uintptr) bool
	readFunc  func(fd uintptr) bool // the program has read everything, or has gone

	mu      sync.Mutex
	waiting bool // for the program to read
}

func newSink(stream Stream, raw syscall.RawConn) *sink {
	s := &sink{stream: stream, raw: raw}
	s.writeFunc = s.writeReady
	s.readFunc = func(fd uintptr) bool { return untakenFD(fd) == 0 || hungUpFD(fd) }
	return s
}

// write returns when the program's end has taken all of p, or takes no more.
func (s *sink) write(p []byte) error {
	if s.raw == nil {
		_, err := s.stream.Write(p)
		return err
	}
	s.rest, s.restErr = p, nil
	err := s.raw.Write(s.writeFunc)
	s.rest = nil
	s.stalls.over()
	if err == nil {
		err = s.restErr
	}
	return err
}

// writeReady is write to a descriptor that may be writable.
func (s *sink) writeReady(fd uintptr) bool {
	for len(s.rest) > 0 && s.restErr == nil {
		n, err := writeFD(fd, s.rest)
		s.rest = s.rest[n:]
		if errors.Is(err, errAgain) {
			s.stalls.wait(s.rest)
			if !s.stalls.room(smallSize) {
				s.hold()
			}
			return false
		}
		s.restErr = err
	}
	return true
}

// unread says how much the program has not read, in the kernel's own count.
func (s *sink) unread() int {
	n := 0
	if s.raw != nil {
		_ = s.raw.Control(func(fd uintptr) { n = untakenFD(fd) })
	}
	return n
}

// awaitRead waits until the program has read everything or has gone, or until
// over is closed and interrupt called; with a limit, no longer than that after
// the program has read something. The kernel announces each read as room to
// write.
func (s *sink) awaitRead(limit time.Duration, over <-chan struct{}) {
	if s.raw == nil {
		return
	}
	defer s.setWaiting(false, 0, nil)
	for before := s.unread(); s.setWaiting(true, limit, over); {
		if s.raw.Write(s.readFunc) == nil {
			return
		}
		now := s.unread()
		if limit > 0 && now >= before {
			return
		}
		before = now
	}
}

// setWaiting returns false when there is nothing to wait for any more.
func (s *sink) setWaiting(on bool, limit time.Duration, over <-chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on && over != nil && isDone(over) {
		return false
	}
	var deadline time.Time
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	s.waiting = on
	return s.stream.SetWriteDeadline(deadline) == nil
}

// interrupt ends awaitRead, if it is under way.
func (s *sink) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting {
		_ = s.stream.SetWriteDeadline(longAgo)
	}
}

// awaitRoom waits, while there is no room for what the program does not take,
// until it takes something; wait is called before. It returns at once where
// there is room; an error is for the next write to find.
func (s *sink) awaitRoom(wait func()) {
	if s.raw == nil || s.stalls.room(smallSize) {
		return
	}
	_ = s.raw.Write(func(fd uintptr) bool {
		if writableFD(fd) {
			return true
		}
		wait()
		return false
	})
}
