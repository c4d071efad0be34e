package wire

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// chunks are buffers for reading: a connection that waits holds none.
var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// read waits for bytes and adds what there is to c.in, and descriptors to
// c.fds.
func (c *Conn) read() error {
	raw, err := c.stream.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Read(func(fd uintptr) bool {
		inner = c.readNow(int(fd))
		return !errors.Is(inner, unix.EAGAIN)
	})
	if failed := c.failure(); err != nil && failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("receiving a message: %w", err)
	}
	return inner
}

func (c *Conn) readNow(fd int) error {
	buf := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	control := make([]byte, unix.CmsgSpace(4*(maxDescriptors+1)))
	n, controls, flags, err := sys.Recvmsg(fd, buf[:], control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return err
	}
	if err := c.keepDescriptors(control[:controls]); err != nil {
		return err
	}
	switch {
	case flags&unix.MSG_CTRUNC != 0:
		return errors.New("a message came with too many descriptors, or they could not be taken")
	case n == 0:
		return io.EOF
	case len(c.fds) > spare:
		return errors.New("descriptors came without the message that they belong to")
	case !c.budget(n):
		return errors.New("too many bytes wait for the rest of their messages")
	}
	c.held += n
	c.in = append(c.in, buf[:n]...)
	return nil
}

// keepDescriptors takes what came as ancillary data, unix(7).
func (c *Conn) keepDescriptors(control []byte) error {
	if len(control) == 0 {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return fmt.Errorf("reading ancillary data: %w", err)
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return fmt.Errorf("reading descriptors: %w", err)
		}
		for _, fd := range fds {
			c.fds = append(c.fds, sys.Own(fd))
		}
	}
	return nil
}
