package memory

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
)

// half is one direction of a stream.
type half struct {
	mu     sync.Mutex
	change *sync.Cond
	bytes  []byte
	silent bool // takes nothing yet
	over   bool // nothing more is written
	unread bool // nobody reads any more
	reset  bool // whoever reads is to see ECONNRESET, once
	until  time.Time
}

func newHalf() *half {
	h := &half{}
	h.change = sync.NewCond(&h.mu)
	return h
}

func (h *half) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.change.Broadcast()
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case !h.until.IsZero() && !time.Now().Before(h.until):
			return 0, os.ErrDeadlineExceeded
		case len(h.bytes) > 0:
			n := copy(p, h.bytes)
			h.bytes = h.bytes[n:]
			return n, nil
		case h.reset:
			h.reset = false
			return 0, unix.ECONNRESET
		case h.over:
			return 0, io.EOF
		}
		h.change.Wait()
	}
}

func (h *half) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.silent && !h.over {
		h.change.Wait()
	}
	if h.over || h.unread {
		return 0, unix.EPIPE
	}
	h.bytes = append(h.bytes, p...)
	h.change.Broadcast()
	return len(p), nil
}

func (h *half) readable() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.bytes) > 0 || h.over || h.reset
}

func (h *half) isOver() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.over || h.unread
}

// stream is one side of a pair.
type stream struct{ in, out *half }

func pair() (ours, theirs *stream) {
	a, b := newHalf(), newHalf()
	return &stream{a, b}, &stream{b, a}
}

func (s *stream) Read(p []byte) (int, error)  { return s.in.read(p) }
func (s *stream) Write(p []byte) (int, error) { return s.out.write(p) }

func (s *stream) CloseWrite() error {
	s.out.set(func() { s.out.over = true })
	return nil
}

// Close ends both directions. What was not read makes the other side see a reset.
func (s *stream) Close() error {
	lost := false
	s.in.set(func() {
		lost = len(s.in.bytes) > 0 && !s.in.unread
		s.in.unread, s.in.over = true, true
	})
	s.out.set(func() { s.out.over, s.out.reset = true, s.out.reset || lost })
	return nil
}

// takeError tells a reset, once.
func (s *stream) takeError() (errno abi.Errno) {
	s.in.set(func() {
		if s.in.reset && s.in.over {
			s.in.reset, errno = false, abi.ECONNRESET
		}
	})
	return errno
}

func (s *stream) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }
func (s *stream) LocalAddr() net.Addr                   { return address{} }
func (s *stream) RemoteAddr() net.Addr                  { return address{} }
func (s *stream) SetWriteDeadline(time.Time) error      { return nil } // writing does not wait
func (s *stream) SetDeadline(t time.Time) error         { return s.SetReadDeadline(t) }

func (s *stream) SetReadDeadline(t time.Time) error {
	s.in.set(func() { s.in.until = t })
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		time.AfterFunc(wait, func() { s.in.set(func() {}) })
	}
	return nil
}

type address struct{}

func (address) Network() string { return "memory" }
func (address) String() string  { return "memory" }

// plaintext is an endpoint.Plaintext.
type plaintext struct {
	*stream
	closing sync.Once
	gone    atomic.Bool // at its close
}

func (p *plaintext) Open() error {
	p.in.set(func() { p.in.silent = false })
	return nil
}

// Watch implements endpoint.Plaintext.
func (p *plaintext) Watch(gone func()) (stop func()) {
	stopped, done := false, make(chan struct{})
	go func() {
		defer close(done)
		p.in.mu.Lock()
		for !stopped && !p.in.over {
			p.in.change.Wait()
		}
		tell := !stopped
		p.in.mu.Unlock()
		if tell {
			gone()
		}
	}()
	return func() {
		p.in.set(func() { stopped = true })
		<-done
	}
}

// Provoke implements endpoint.Plaintext: nobody need be found for that.
func (p *plaintext) Provoke(context.Context, endpoint.Known) error {
	p.out.set(func() { p.out.reset = true })
	return nil
}

// Close notes, once, whether the program has closed its end already.
func (p *plaintext) Close() error {
	p.closing.Do(func() { p.gone.Store(p.in.isOver() && p.out.isOver()) })
	return p.stream.Close()
}

// WasGone implements endpoint.Plaintext.
func (p *plaintext) WasGone() bool { return p.gone.Load() }
