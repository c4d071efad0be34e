package relay

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// errStopped ends reading for good, because the connection has ended.
var errStopped = errors.New("reading was stopped")

// source reads what the program writes. One goroutine reads; the others may
// guard and stop.
type source struct {
	waiter

	mu      sync.Mutex // held during each read, which never waits, but not while waiting for one
	guarded bool       // the last byte before the end stays unread
	stopped bool       // nothing more is read

	// Of the reading goroutine.
	more     bool        // the last read filled its buffer
	stalls   *stalls     // of what sends it on
	takes    func() bool // whether the peer takes something now
	got      *buffer     // result of readReady
	gotErr   error
	readFunc func(fd uintptr) bool
	goneFunc func(fd uintptr) bool
}

func newSource(stream Stream) *source {
	s := &source{waiter: waiter{stream: stream, raw: rawConn(stream)}, stalls: new(stalls),
		takes: func() bool { return true }}
	s.readFunc, s.goneFunc = s.readReady, hungUpFD
	if s.raw != nil {
		_ = s.raw.Control(urgentInlineFD)
	}
	return s
}

// guard makes every read from now on leave the last byte before the end. That
// byte would wake an idle half at once.
func (s *source) guard() {
	s.mu.Lock()
	s.guarded = true
	s.mu.Unlock()
	s.pin()
}

// stop makes the reader return errStopped. When stop returns, nothing more is
// read.
func (s *source) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.interrupt()
}

// next returns what the program wrote, in a buffer that the caller releases,
// or io.EOF when the program will write no more, closed or not. It holds no
// buffer while it waits.
func (s *source) next() (*buffer, error) {
	if s.raw == nil {
		return s.nextPortable()
	}
	for {
		s.got, s.gotErr = nil, nil
		err := s.raw.Read(s.readFunc)
		if err == nil {
			s.reads.Add(1)
			return s.got, s.gotErr
		}
		if err := s.interrupted(err); err != nil {
			return nil, err
		}
	}
}

// interrupted is waited with nothing in hand; what is neither becoming idle nor
// waiting on has been stopped.
func (s *source) interrupted(err error) error {
	if err = s.waited(err, false); err == nil || errors.Is(err, errIdle) {
		return err
	}
	return errStopped
}

// nextPortable is next without a descriptor: it holds a buffer while it waits,
// and there is no guard.
func (s *source) nextPortable() (*buffer, error) {
	b := s.buffer()
	n, err := s.stream.Read(b.free()[:s.limit(b)])
	if s.isStopped() {
		b.release()
		return nil, errStopped
	}
	return s.result(b, n, err)
}

// readReady is next for a descriptor that may be readable.
func (s *source) readReady(fd uintptr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		s.gotErr = errStopped
		return true
	}
	limit := largeSize
	if s.guarded {
		// In this order: after the hang-up nothing more is queued.
		ended := writerDoneFD(fd)
		unread := unreadFD(fd)
		if unread <= 1 {
			if ended {
				s.gotErr = io.EOF
			}
			return ended
		}
		limit = unread - 1
	}
	b := s.buffer()
	n, err := readFD(fd, b.free()[:min(limit, s.limit(b))])
	if errors.Is(err, errAgain) {
		b.release()
		return false
	}
	s.got, s.gotErr = s.result(b, n, err)
	return true
}

// buffer returns what to read into: much when bytes are flowing.
func (s *source) buffer() *buffer {
	switch {
	case s.more && s.stalls.room(largeSize):
		return getBuffer(largeSize)
	case !s.stalls.room(smallSize) && !s.takes():
		return getTiny()
	}
	return getBuffer(smallSize)
}

// limit is how much to read into b for its records to fit a buffer like it.
func (s *source) limit(b *buffer) int {
	switch len(b.data) {
	case tinySize:
		return tinyChunk
	case smallSize:
		return maxPlaintext
	}
	return largeChunk
}

// result makes the result of next from a read of n bytes.
func (s *source) result(b *buffer, n int, err error) (*buffer, error) {
	s.more = n >= maxPlaintext || n == tinyChunk && len(b.data) == tinySize && s.more
	if n > 0 {
		b.w = n
		return b, nil
	}
	b.release()
	if err == nil || s.isEnd(err) {
		return nil, io.EOF
	}
	return nil, fmt.Errorf("reading from the program: %w", err)
}

// isEnd says whether an error means that the program's end is closed or shut
// down, rather than that something has failed. Reading says ECONNRESET for a
// close without reading everything, which ends what the program writes just as
// well, and comes after all of that. Without a descriptor the two cannot be
// told apart.
func (s *source) isEnd(err error) bool {
	return s.raw == nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

func (s *source) isStopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// hungUp says whether the program's end is closed, or shut down both ways.
// Without a descriptor it is not known, and false.
func (s *source) hungUp() bool {
	gone := false
	if s.raw != nil {
		_ = s.raw.Control(func(fd uintptr) { gone = hungUpFD(fd) })
	}
	return gone
}

// awaitHangUp waits until hungUp or stop, and says which.
func (s *source) awaitHangUp() bool {
	if s.raw == nil {
		return false
	}
	s.pin()
	for {
		err := s.raw.Read(s.goneFunc)
		if err == nil {
			return true
		}
		if s.interrupted(err) != nil {
			return false
		}
	}
}

// unread counts what the program wrote and nobody read.
func (s *source) unread() int {
	n := 0
	if s.raw != nil {
		_ = s.raw.Control(func(fd uintptr) { n = unreadFD(fd) })
	}
	return n
}

// refuse makes the program's writes fail with EPIPE from now on. What is
// unread stays so, and what the program has to read is not touched.
func (s *source) refuse() {
	if s.raw != nil {
		_ = s.raw.Control(shutdownReadFD)
	}
}

// drain refuses more and takes away what is unread, so that closing means a
// clean end.
func (s *source) drain() {
	if s.raw == nil {
		return
	}
	s.refuse()
	b := getBuffer(smallSize)
	defer b.release()
	_ = s.raw.Control(func(fd uintptr) {
		for n := 1; n > 0; {
			n, _ = readFD(fd, b.data)
		}
	})
}
