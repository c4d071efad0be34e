package sys

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Stream is a connected stream socket under Go's poller: a net.Conn without
// the look-ups and the extra descriptor that net.FileConn costs.
type Stream struct {
	file *os.File
	raw  syscall.RawConn
	addr net.Addr

	mu     sync.RWMutex
	parked *FD // takes the place of file
}

// NewStream puts a stream socket under the poller. It takes ownership of fd,
// also on error. The open file is made non-blocking. addr is what LocalAddr
// and RemoteAddr report; it may be nil.
func NewStream(fd *FD, addr net.Addr) (*Stream, error) {
	if err := unix.SetNonblock(fd.Int(), true); err != nil {
		fd.Close()
		return nil, fmt.Errorf("making a socket non-blocking: %w", err)
	}
	file := os.NewFile(uintptr(fd.Disown()), "socket")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("polling a socket: %w", err)
	}
	if addr == nil {
		addr = noAddr{}
	}
	return &Stream{file: file, raw: raw, addr: addr}, nil
}

// Read and Write are those of net.Conn.
func (s *Stream) Read(p []byte) (int, error)  { return s.file.Read(p) }
func (s *Stream) Write(p []byte) (int, error) { return s.file.Write(p) }

// Close closes the descriptor, parked or not.
func (s *Stream) Close() error {
	err := s.file.Close()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.parked != nil {
		return s.parked.Close()
	}
	return err
}

// LocalAddr and RemoteAddr return the address given to NewStream.
func (s *Stream) LocalAddr() net.Addr  { return s.addr }
func (s *Stream) RemoteAddr() net.Addr { return s.addr }

// SetDeadline, SetReadDeadline and SetWriteDeadline are those of net.Conn.
func (s *Stream) SetDeadline(t time.Time) error      { return s.file.SetDeadline(t) }
func (s *Stream) SetReadDeadline(t time.Time) error  { return s.file.SetReadDeadline(t) }
func (s *Stream) SetWriteDeadline(t time.Time) error { return s.file.SetWriteDeadline(t) }

// SyscallConn gives access to the descriptor while it is open.
func (s *Stream) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// Control calls f with the descriptor, which stays open meanwhile.
func (s *Stream) Control(f func(fd int) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.parked != nil {
		if s.parked.Int() < 0 {
			return os.ErrClosed
		}
		return f(s.parked.Int())
	}
	var inner error
	if err := s.raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// Park takes the stream off the poller, for good: another process reads and
// writes it, and each byte that comes there would wake this one as well. Only
// Control, CloseWrite and Close work afterwards.
func (s *Stream) Park() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parked != nil {
		return nil
	}
	var kept *FD
	var inner error
	err := s.raw.Control(func(fd uintptr) {
		n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if inner = err; err == nil {
			kept = Own(n)
		}
	})
	if err == nil {
		err = inner
	}
	if err != nil {
		return fmt.Errorf("parking a socket: %w", err)
	}
	s.parked = kept
	return s.file.Close()
}

// CloseWrite shuts the sending side down, shutdown(2) with SHUT_WR.
func (s *Stream) CloseWrite() error {
	return s.Control(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

type noAddr struct{}

func (noAddr) Network() string { return "socket" }
func (noAddr) String() string  { return "socket" }
