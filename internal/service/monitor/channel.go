package monitor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// channel sends and receives messages over one end of a socket pair of
// SOCK_SEQPACKET: each is a packet of its own. One goroutine receives; any may
// send, and waits while there is no room.
type channel struct {
	file *os.File
	raw  syscall.RawConn
	in   []byte // of the goroutine that receives
}

// pair makes both ends. The second one is for another process.
func pair() (*channel, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX,
		unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	c, err := newChannel(sys.Own(fds[0]))
	if err != nil {
		unix.Close(fds[1])
		return nil, nil, err
	}
	return c, os.NewFile(uintptr(fds[1]), "worker"), nil
}

// newChannel takes one end over.
func newChannel(fd *sys.FD) (*channel, error) {
	if err := unix.SetNonblock(fd.Int(), true); err != nil {
		fd.Close()
		return nil, fmt.Errorf("taking a socket over: %w", err)
	}
	file := os.NewFile(uintptr(fd.Disown()), "monitor's socket")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &channel{file: file, raw: raw}, nil
}

func (c *channel) close() { c.file.Close() }

// errFull is the error of a message for which there is no room.
var errFull = errors.New("the other side does not read its messages")

// send sends a message, with a descriptor unless it is negative.
func (c *channel) send(m *message, fd int) error { return c.sendOr(m, fd, nil) }

// trySend is send for those who must not wait: without room it is errFull.
func (c *channel) trySend(m *message, fd int) error { return c.sendOr(m, fd, errFull) }

func (c *channel) sendOr(m *message, fd int, full error) error {
	data, err := m.encode()
	if err != nil {
		return err
	}
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	waitErr := c.raw.Write(func(s uintptr) bool {
		for {
			_, err = unix.SendmsgN(int(s), data, rights, nil, unix.MSG_NOSIGNAL)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if errors.Is(err, unix.EAGAIN) && full != nil {
				err = full
			}
			return !errors.Is(err, unix.EAGAIN)
		}
	})
	if err = errors.Join(waitErr, err); err != nil {
		return fmt.Errorf("sending message %d: %w", m.Kind, err)
	}
	return nil
}

// receive returns the next message and the descriptor that belongs to it, if
// any does; io.EOF when the other side has gone.
func (c *channel) receive() (*message, *sys.FD, error) {
	if c.in == nil {
		c.in = make([]byte, maxMessage+1)
	}
	data, fd, err := c.packet(c.in)
	if err != nil {
		return nil, nil, err
	}
	m, err := decode(data)
	if err == nil && m.Kind.descriptor() != (fd != nil) {
		err = fmt.Errorf("message %d has a descriptor and must not, or lacks one", m.Kind)
	}
	if err != nil {
		fd.Close()
		return nil, nil, err
	}
	return m, fd, nil
}

// packet reads a packet. More than one descriptor is an error.
func (c *channel) packet(buf []byte) (data []byte, fd *sys.FD, err error) {
	control := make([]byte, unix.CmsgSpace(4*2))
	var n, controls, flags int
	waitErr := c.raw.Read(func(s uintptr) bool {
		for {
			n, controls, flags, _, err = unix.Recvmsg(int(s), buf, control, unix.MSG_CMSG_CLOEXEC)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	if err = errors.Join(waitErr, err); err != nil {
		return nil, nil, fmt.Errorf("receiving a message: %w", err)
	}
	fds, err := descriptors(control[:controls])
	switch {
	case err != nil:
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0, len(fds) > 1:
		err = errors.New("a message is too large, or comes with too many descriptors")
	case n == 0:
		err = io.EOF
	}
	if err != nil {
		for _, fd := range fds {
			fd.Close()
		}
		return nil, nil, err
	}
	if len(fds) == 1 {
		fd = fds[0]
	}
	return buf[:n], fd, nil
}

// descriptors takes what came as ancillary data, unix(7).
func descriptors(control []byte) (all []*sys.FD, err error) {
	if len(control) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	for _, m := range messages {
		fds, rightsErr := unix.ParseUnixRights(&m)
		for _, fd := range fds {
			all = append(all, sys.Own(fd))
		}
		err = errors.Join(err, rightsErr)
	}
	return all, err
}
