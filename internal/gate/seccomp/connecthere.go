package seccomp

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// switching guards the status flags of open files, by inode.
type switching [64]sync.Mutex

// connectHere connects a duplicate of the program's descriptor with the
// program's rights, and waits as the program would. No thread waits, and a
// signal ends the call: its restart joins the connection under way.
func (c *call) connectHere(fd *sys.FD, addr []byte) error {
	blocking, err := c.connectNow(fd, addr)
	if !blocking {
		return err
	}
	if errors.Is(err, unix.EAGAIN) {
		return c.connectQueued(fd, addr) // of AF_UNIX: the listener's queue is full
	}
	if !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EALREADY) {
		return err
	}
	if err := c.awaitConnected(fd); err != nil {
		return err
	}
	_, err = c.connectNow(fd, addr) // tells the outcome
	return err
}

// connectNow connects without waiting. The open file, which the program has
// too, is non-blocking for this moment; blocking says what it was.
func (c *call) connectNow(fd *sys.FD, addr []byte) (blocking bool, err error) {
	mu := &c.gate.switching[c.inode%uint64(len(c.gate.switching))]
	mu.Lock()
	defer mu.Unlock()
	nonblock, err := fd.Nonblocking()
	if err != nil {
		return false, err
	}
	if !nonblock {
		if err := unix.SetNonblock(fd.Int(), true); err != nil {
			return false, err
		}
		defer func() { err = errors.Join(err, unix.SetNonblock(fd.Int(), false)) }()
	}
	rights, err := c.Rights()
	if err != nil {
		return false, err
	}
	defer rights.Close()
	return !nonblock, rights.Do(func() error { return sys.ConnectRaw(fd.Int(), addr) })
}

// awaitConnected waits until the outcome of a connect is known, at most as long
// as SO_SNDTIMEO says.
func (c *call) awaitConnected(fd *sys.FD) error {
	if sys.Writable(fd.Int()) {
		return nil
	}
	waiting, err := c.poll(fd)
	if err != nil {
		return err
	}
	defer waiting.Close()
	raw, err := waiting.SyscallConn()
	if err != nil {
		return err
	}
	known := make(chan error, 1)
	go func() { known <- raw.Write(func(fd uintptr) bool { return sys.Writable(int(fd)) }) }()
	err = c.wait(fd, known)
	waiting.Close()
	if err != nil {
		<-known
	}
	return err
}

// poll puts a duplicate on the poller, which has to find it non-blocking.
func (c *call) poll(fd *sys.FD) (*sys.Stream, error) {
	mu := &c.gate.switching[c.inode%uint64(len(c.gate.switching))]
	mu.Lock()
	defer mu.Unlock()
	nonblock, err := fd.Nonblocking()
	if err != nil {
		return nil, err
	}
	again, err := fd.Dup()
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.SetNonblock(fd.Int(), nonblock) }()
	stream, err := sys.NewStream(again, nil)
	if err != nil {
		return nil, err
	}
	if _, err := stream.SyscallConn(); err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}

// connectQueued tries again and again to enter a queue, which announces no
// room.
func (c *call) connectQueued(fd *sys.FD, addr []byte) error {
	never := make(chan error)
	for {
		if err := c.waitOnce(fd, never); err != nil {
			return err
		}
		if _, err := c.connectNow(fd, addr); !errors.Is(err, unix.EAGAIN) {
			return err
		}
	}
}

// wait waits until known has something, or the call is over.
func (c *call) wait(fd *sys.FD, known <-chan error) error {
	var late <-chan time.Time
	if limit, err := unix.GetsockoptTimeval(fd.Int(), unix.SOL_SOCKET,
		unix.SO_SNDTIMEO); err == nil && limit.Nano() > 0 {
		timer := time.NewTimer(time.Duration(limit.Nano()))
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case <-late:
			return abi.EINPROGRESS
		default:
		}
		switch err := c.waitOnce(fd, known); {
		case err == errKnown:
			return nil
		case err != nil:
			return err
		}
	}
}

var errKnown = errors.New("the outcome is known")

// waitOnce waits for a moment, and then looks whether the call still waits and
// whether its thread has a signal to handle, which ends the call.
func (c *call) waitOnce(_ *sys.FD, known <-chan error) error {
	c.looks++
	select {
	case <-known:
		return errKnown
	case <-c.gate.over:
		return notify.ErrGone
	case <-time.After(c.interval()):
	}
	if !c.Waiting() {
		return errAnswered
	}
	if c.gate.cfg.Listener.Killable && c.signalled() {
		_ = c.gate.cfg.Listener.Interrupt(c.ID)
		return errAnswered
	}
	return nil
}
