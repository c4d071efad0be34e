package wire

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// packet is a frame, or the rest of one, and the descriptors that go with its
// first byte.
type packet struct {
	data []byte
	fds  []*sys.FD
	size int // of memory, until all of it is sent
}

func (p *packet) close() {
	for _, fd := range p.fds {
		fd.Close()
	}
}

// Send sends a message and duplicates of descriptors, which stay the caller's.
// It never waits: what has no room is sent by a goroutine of the connection.
func (c *Conn) Send(m Message, descriptors ...int) error {
	data, err := encode(m, len(descriptors))
	if err != nil {
		return err
	}
	if err = c.send(data, descriptors); err != nil {
		c.fail(err)
		return fmt.Errorf("sending %v: %w", m.kind(), err)
	}
	return nil
}

func (c *Conn) send(data []byte, descriptors []int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	if len(c.queue) > 0 {
		return c.enqueueLocked(data, descriptors)
	}
	n, err := c.sendNow(data, descriptors)
	if err != nil || n == len(data) {
		return err
	}
	if n > 0 {
		descriptors = nil
	}
	return c.enqueueLocked(data[n:], descriptors)
}

// sendNow sends what there is room for; descriptors go with the first byte.
func (c *Conn) sendNow(data []byte, descriptors []int) (n int, err error) {
	var control []byte
	if len(descriptors) > 0 {
		control = unix.UnixRights(descriptors...)
	}
	err = c.stream.Control(func(fd int) (err error) {
		n, err = sys.Sendmsg(fd, data, control, unix.MSG_NOSIGNAL)
		if errors.Is(err, unix.EAGAIN) {
			n, err = 0, nil
		}
		return err
	})
	return n, err
}

func (c *Conn) enqueueLocked(data []byte, descriptors []int) error {
	if c.queued += len(data); c.queued > maxQueued+maxFields || !c.budget(len(data)) {
		return ErrSlow
	}
	c.charged += len(data)
	p := packet{data: data, size: len(data)}
	for _, n := range descriptors {
		fd, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			p.close()
			return fmt.Errorf("keeping a descriptor to send: %w", err)
		}
		p.fds = append(p.fds, sys.Own(fd))
	}
	c.queue = append(c.queue, p)
	if !c.flushes {
		c.flushes = true
		c.work.Go(c.flush)
	}
	return nil
}

// flush sends what waits, until nothing does.
func (c *Conn) flush() {
	raw, _ := c.stream.SyscallConn()
	var err error
	writeErr := raw.Write(func(uintptr) (done bool) {
		done, err = c.flushNow()
		return done
	})
	if err = errors.Join(writeErr, err); err != nil {
		c.fail(fmt.Errorf("sending messages: %w", err))
	}
}

// flushNow reports whether nothing waits any more.
func (c *Conn) flushNow() (done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) > 0 {
		p := &c.queue[0]
		descriptors := make([]int, len(p.fds))
		for i, fd := range p.fds {
			descriptors[i] = fd.Int()
		}
		n, err := c.sendNow(p.data, descriptors)
		if err != nil {
			return true, err
		}
		if n == 0 {
			return false, nil
		}
		p.close()
		p.fds = nil
		c.queued -= n
		if p.data = p.data[n:]; len(p.data) == 0 {
			c.budget(-p.size)
			c.charged -= p.size
			c.queue[0] = packet{}
			c.queue = c.queue[1:]
		}
	}
	c.flushes = false
	return true, nil
}
