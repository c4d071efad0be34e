package unixend

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// End is an endpoint.End: a duplicate of a program's descriptor.
type End struct {
	fd   *sys.FD
	ends *Ends
}

// ID implements endpoint.End.
func (e *End) ID() (uint64, error) { return e.fd.SocketInode() }

// Dup implements endpoint.End.
func (e *End) Dup() (endpoint.End, error) {
	fd, err := e.fd.Dup()
	if err != nil {
		return nil, err
	}
	return e.ends.Of(fd), nil
}

// Close implements endpoint.End.
func (e *End) Close() error { return e.fd.Close() }

// Nonblocking implements endpoint.End.
func (e *End) Nonblocking() (bool, error) { return e.fd.Nonblocking() }

// SendLimit implements endpoint.End.
func (e *End) SendLimit() time.Duration { return e.limit(unix.SO_SNDTIMEO) }

// ReceiveLimit implements endpoint.End.
func (e *End) ReceiveLimit() time.Duration { return e.limit(unix.SO_RCVTIMEO) }

func (e *End) limit(option int) time.Duration {
	tv, err := unix.GetsockoptTimeval(e.fd.Int(), unix.SOL_SOCKET, option)
	if err != nil {
		return 0
	}
	return time.Duration(tv.Nano())
}

// TakeLimits implements endpoint.End.
func (e *End) TakeLimits(from endpoint.End) error {
	for _, name := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		tv, err := unix.GetsockoptTimeval(FD(from).Int(), unix.SOL_SOCKET, name)
		if err != nil || tv.Nano() == 0 {
			continue
		}
		if err := unix.SetsockoptTimeval(e.fd.Int(), unix.SOL_SOCKET, name, tv); err != nil {
			return err
		}
	}
	return nil
}

// TCP implements endpoint.End. Whether it is a TCP socket is for the caller to
// find out.
func (e *End) TCP() (*sys.FD, error) { return e.fd, nil }

// SetRoom implements endpoint.End. A refusal leaves a smaller buffer, which works.
func (e *End) SetRoom(size int) { setSendBuffer(e.fd, size) }

func setSendBuffer(fd *sys.FD, size int) {
	_ = unix.SetsockoptInt(fd.Int(), unix.SOL_SOCKET, unix.SO_SNDBUF, size)
}

// Room implements endpoint.End.
func (e *End) Room() (int, error) {
	return unix.GetsockoptInt(e.fd.Int(), unix.SOL_SOCKET, unix.SO_SNDBUF)
}

// SetOption implements endpoint.End.
func (e *End) SetOption(name int, value []byte) error {
	return sys.SetsockoptRaw(e.fd.Int(), unix.SOL_SOCKET, name, value)
}

// Error implements endpoint.End.
func (e *End) Error() (abi.Errno, error) {
	n, err := unix.GetsockoptInt(e.fd.Int(), unix.SOL_SOCKET, unix.SO_ERROR)
	return abi.Errno(n), err
}

// Readable implements endpoint.End.
func (e *End) Readable() bool { return sys.Readable(e.fd.Int()) }

// Gone implements endpoint.End.
func (e *End) Gone() bool { return sys.Gone(e.fd.Int()) }

// CloseWrite implements endpoint.End.
func (e *End) CloseWrite() error { return unix.Shutdown(e.fd.Int(), unix.SHUT_WR) }

// Cut implements endpoint.End.
func (e *End) Cut() { _ = unix.Shutdown(e.fd.Int(), unix.SHUT_RDWR) }

// WriteMark implements endpoint.End. Room for the byte is made by a larger buffer;
// where the kernel allows none, it waits for room. A connection that has ended
// meanwhile needs no mark.
func (e *End) WriteMark() {
	fd := e.fd.Int()
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		switch sendByte(fd) {
		case unix.EINTR:
		case unix.EAGAIN:
			if size, err := e.Room(); err == nil {
				e.SetRoom(size)
			}
			if sendByte(fd) != unix.EAGAIN {
				return
			}
			_, _ = unix.Poll(p, -1)
		default:
			return
		}
	}
}

func sendByte(fd int) error {
	return unix.Sendto(fd, []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
}
