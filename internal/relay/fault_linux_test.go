package relay

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

// faulty is a stream whose reads and writes fail as the kernel may make them.
type faulty struct {
	Stream
	read, write bool
}

// Write fails as when the kernel has no memory for what is written.
func (s *faulty) Write(p []byte) (int, error) {
	if s.write {
		return 0, syscall.ENOBUFS
	}
	return s.Stream.Write(p)
}

func (s *faulty) SyscallConn() (syscall.RawConn, error) {
	raw, err := s.Stream.SyscallConn()
	if s.read && err == nil {
		raw = &noDescriptor{RawConn: raw}
	}
	return raw, err
}

// noDescriptor makes the first read fail with EBADF.
type noDescriptor struct {
	syscall.RawConn
	failed bool
}

func (r *noDescriptor) Read(f func(fd uintptr) bool) error {
	return r.RawConn.Read(func(fd uintptr) bool {
		if !r.failed {
			r.failed = true
			fd = ^uintptr(0)
		}
		return f(fd)
	})
}

// What could not be handed to a program that is there must not be followed by
// a clean end.
func TestDeliveryFails(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Plain = &faulty{Stream: c.Plain, write: true} }
		r := newRig(t, opts)
		r.peerOut.hold = true
		mustWrite(t, r.peer, []byte("lost"))
		must(t, r.peer.CloseWrite())
		must(t, r.peerTCP.SetWriteDeadline(time.Time{})) // crypto/tls's
		mustWrite(t, r.peerTCP, r.peerOut.held.Bytes())
		expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
		must(t, r.program.Close())
		r.expectEnd(t, syscall.ENOBUFS)
	})
}

// Nor must a peer take for all what could not be read from the program.
func TestReadingProgramFails(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Plain = &faulty{Stream: c.Plain, read: true} }
		r := newRig(t, opts)
		must(t, r.program.Close())
		expectRead(t, "the peer", r.peerTCP, nil, nil) // not even a close_notify
		must(t, r.peerTCP.Close())
		if end := r.end(); !errors.Is(end.SendErr, syscall.EBADF) {
			t.Errorf("sending ended with %v, want EBADF", end.SendErr)
		}
	})
}
