package relay

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

// faulty is a stream whose first read, or first write, fails.
type faulty struct {
	Stream
	read, write bool
}

func (s *faulty) SyscallConn() (syscall.RawConn, error) {
	raw, err := s.Stream.SyscallConn()
	return &faultyConn{raw, s.read, s.write}, err
}

// faultyConn gives no descriptor, once each.
type faultyConn struct {
	syscall.RawConn
	read, write bool
}

func (c *faultyConn) Read(f func(fd uintptr) bool) error {
	return c.RawConn.Read(failOnce(&c.read,
		f))
}
func (c *faultyConn) Write(f func(fd uintptr) bool) error {
	return c.RawConn.Write(failOnce(&c.write, f))
}

// failOnce makes the call in f fail with EBADF.
func failOnce(fails *bool, f func(fd uintptr) bool) func(fd uintptr) bool {
	return func(fd uintptr) bool {
		if *fails {
			*fails = false
			fd = ^uintptr(0)
		}
		return f(fd)
	}
}

// What could not be handed to a program that is there must not be followed by
// a clean end.
func TestDeliveryFails(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Plaintext = &faulty{Stream: c.Plaintext, write: true} }
		r := newRig(t, opts)
		r.peerOut.hold = true
		mustWrite(t, r.peer, []byte("lost"))
		must(t, r.peer.CloseWrite())
		must(t, r.peerTCP.SetWriteDeadline(time.Time{})) // crypto/tls's
		mustWrite(t, r.peerTCP, r.peerOut.held.Bytes())
		expectRead(t, "the program", r.program, nil, syscall.ECONNRESET)
		must(t, r.program.Close())
		r.expectEnd(t, syscall.EBADF)
	})
}

// Nor must a peer take for all what could not be read from the program.
func TestReadingProgramFails(t *testing.T) {
	each(t, func(t *testing.T, opts rigOptions) {
		opts.change = func(c *Config) { c.Plaintext = &faulty{Stream: c.Plaintext, read: true} }
		r := newRig(t, opts)
		must(t, r.program.Close())
		expectRead(t, "the peer", r.peerTCP, nil, nil) // not even a close_notify
		must(t, r.peerTCP.Close())
		if end := r.end(); !errors.Is(end.SendErr, syscall.EBADF) {
			t.Errorf("sending ended with %v, want EBADF", end.SendErr)
		}
	})
}
