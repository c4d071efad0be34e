package sys

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Stream is a connected stream socket under Go's poller: a net.Conn without
// the look-ups and the extra descriptor that net.FileConn costs. It goes to the
// poller when it is first read, written or waited for:
//
//	held ──first use──▶ polled ──Detach──▶ detached
//	  └───────────────Detach────────────────▲
//
// Control and CloseWrite work in each state.
type Stream struct {
	addr net.Addr

	mu       sync.RWMutex
	fd       *FD      // held or detached
	file     *os.File // polled
	raw      syscall.RawConn
	detached bool
	closed   bool // nothing becomes of it any more
}

var errDetached = errors.New("the socket is another process's to read and write")

// NewStream makes a stream of a socket. It takes ownership of fd, also on
// error. The open file is made non-blocking. addr is what LocalAddr and
// RemoteAddr report; it may be nil.
func NewStream(fd *FD, addr net.Addr) (*Stream, error) {
	if err := setNonblock(fd.Int()); err != nil {
		fd.Close()
		return nil, fmt.Errorf("making a socket non-blocking: %w", err)
	}
	if addr == nil {
		addr = noAddr{}
	}
	return &Stream{fd: fd, addr: addr}, nil
}

// polled returns the file of the poller, where the socket is put if it is not
// there.
func (s *Stream) polled() (*os.File, error) {
	s.mu.RLock()
	file := s.file
	s.mu.RUnlock()
	if file != nil {
		return file, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.file != nil:
		return s.file, nil
	case s.closed:
		return nil, os.ErrClosed
	case s.detached:
		return nil, errDetached
	}
	file = os.NewFile(uintptr(s.fd.Disown()), "socket")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("polling a socket: %w", err)
	}
	s.file, s.raw = file, raw
	return file, nil
}

// Read is that of net.Conn.
func (s *Stream) Read(p []byte) (int, error) {
	file, err := s.polled()
	if err != nil {
		return 0, err
	}
	return file.Read(p)
}

// Write is that of net.Conn.
func (s *Stream) Write(p []byte) (int, error) {
	file, err := s.polled()
	if err != nil {
		return 0, err
	}
	return file.Write(p)
}

// Close closes the descriptor.
func (s *Stream) Close() error {
	s.mu.Lock()
	s.closed = true
	file := s.file
	if file == nil {
		defer s.mu.Unlock()
		return s.fd.Close()
	}
	s.mu.Unlock() // the file waits for those who are using it
	return file.Close()
}

// LocalAddr and RemoteAddr return the address given to NewStream.
func (s *Stream) LocalAddr() net.Addr  { return s.addr }
func (s *Stream) RemoteAddr() net.Addr { return s.addr }

// SetDeadline is that of net.Conn.
func (s *Stream) SetDeadline(t time.Time) error {
	return s.withFile(func(f *os.File) error { return f.SetDeadline(t) })
}

// SetReadDeadline is that of net.Conn.
func (s *Stream) SetReadDeadline(t time.Time) error {
	return s.withFile(func(f *os.File) error { return f.SetReadDeadline(t) })
}

// SetWriteDeadline is that of net.Conn.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	return s.withFile(func(f *os.File) error { return f.SetWriteDeadline(t) })
}

func (s *Stream) withFile(f func(*os.File) error) error {
	file, err := s.polled()
	if err != nil {
		return err
	}
	return f(file)
}

// SyscallConn gives access to the descriptor while it is open and polled.
func (s *Stream) SyscallConn() (syscall.RawConn, error) {
	if _, err := s.polled(); err != nil {
		return nil, err
	}
	return s.raw, nil // set once
}

// Control calls f with the descriptor, which stays open meanwhile.
func (s *Stream) Control(f func(fd int) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return os.ErrClosed
	case s.file == nil:
		return f(s.fd.Int())
	}
	var inner error
	if err := s.raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// Detach takes the stream off the poller, for good: another process reads and
// writes it, and each byte that comes there would wake this one as well. Only
// Control, CloseWrite and Close work afterwards.
func (s *Stream) Detach() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.detached || s.closed || s.file == nil {
		s.detached = true
		return nil
	}
	var inner error
	err := s.raw.Control(func(fd uintptr) {
		n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if inner = err; err == nil {
			s.fd = Own(n)
		}
	})
	if err = errors.Join(err, inner); err != nil {
		return fmt.Errorf("taking a socket off the poller: %w", err)
	}
	file := s.file
	s.file, s.detached = nil, true
	return file.Close()
}

// CloseWrite shuts the sending side down, shutdown(2) with SHUT_WR.
func (s *Stream) CloseWrite() error {
	return s.Control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

type noAddr struct{}

func (noAddr) Network() string { return "socket" }
func (noAddr) String() string  { return "socket" }
