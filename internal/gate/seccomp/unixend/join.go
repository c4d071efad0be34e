package unixend

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// joiner connects programs' descriptors to plaintext ends of ours: the
// descriptor itself is connected to a listening socket that nobody else can
// reach, so that its number, duplicates and epoll registrations stay valid.
type joiner struct {
	name *sys.UnixName

	mu       sync.Mutex // one join at a time: the next to be accepted is ours
	listener *sys.FD
}

func newJoiner(dir string) (*joiner, error) {
	listener, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("making the plaintext listener: %w", err)
	}
	name, err := sys.BindHidden(listener.Int(), dir)
	if err == nil {
		err = unix.Listen(listener.Int(), 8)
	}
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("making the plaintext listener: %w", err)
	}
	return &joiner{name: name, listener: listener}, nil
}

func (j *joiner) close() {
	j.listener.Close()
	j.name.Close()
}

// join connects a program's descriptor and returns our end of the pair.
func (j *joiner) join(end *sys.FD) (*sys.FD, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.name.Connect(end.Int()); err != nil {
		return nil, fmt.Errorf("connecting the program's descriptor: %w", err)
	}
	ours, err := sys.Accept(j.listener.Int())
	if err != nil {
		return nil, fmt.Errorf("accepting the program's descriptor: %w", err)
	}
	return ours, nil
}

// Join implements endpoint.End.
func (e *End) Join(room int) (endpoint.Plaintext, error) {
	ours, err := e.ends.joiner.join(e.fd)
	if err != nil {
		return nil, err
	}
	filled, err := fill(e.fd)
	if err != nil {
		ours.Close()
		return nil, err
	}
	setSendBuffer(ours, room)
	stream, err := sys.NewStream(ours, nil)
	if err != nil {
		return nil, err
	}
	return &plaintext{Stream: stream, ends: e.ends, filled: filled}, nil
}

// fill fills the sending buffer of a program's descriptor, so that it is not
// writable in poll(2) while the connection is being made, like a connecting
// TCP socket. It returns how many bytes must be drained at the other end.
func fill(end *sys.FD) (filled int, err error) {
	if err := unix.SetsockoptInt(end.Int(), unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
		return 0, fmt.Errorf("shrinking the send buffer: %w", err)
	}
	for {
		n, err := unix.SendmsgN(end.Int(), filling[:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		filled += max(n, 0)
		switch {
		case err == nil && n < len(filling):
			return filled, nil // there was no room for the rest
		case err == nil:
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return filled, nil
		default:
			return filled, fmt.Errorf("filling the send buffer: %w", err)
		}
	}
}

// filling is what fill fills in; nobody ever sees it, or writes to it.
var filling [16 << 10]byte

// drains are buffers of drain, which would be large on a new goroutine's stack.
var drains = sync.Pool{New: func() any { return new([8 << 10]byte) }}

// drain reads exactly the bytes that fill filled in, which makes the program's
// descriptor writable: the edge that it waits for.
func drain(ours int, filled int) error {
	buf := drains.Get().(*[8 << 10]byte)
	defer drains.Put(buf)
	for filled > 0 {
		n, _, err := unix.Recvfrom(ours, buf[:min(filled, len(buf))], unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("draining the plaintext stream: %w", err)
		case n == 0:
			return fmt.Errorf("draining the plaintext stream: %w", unix.EPIPE)
		}
		filled -= n
	}
	return nil
}
