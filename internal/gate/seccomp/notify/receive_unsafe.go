package notify

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// ErrEnded says that no process under the filter is left.
var ErrEnded = errors.New("the last program has ended")

// Receive waits for the next call, in Go's poller: a thread that waited in the
// kernel would keep others from running until Go's runtime takes notice. more
// says that another call waits already. ErrGone means that a call ended before
// it could be received.
func (l *Listener) Receive() (c Call, more bool, err error) {
	waited := false
	closed := l.raw.Read(func(fd uintptr) bool {
		var found bool
		if c, found, err = l.take(fd); !found {
			waited = true
			return false
		}
		// Where one had to be waited for, there hardly is another.
		more = !waited && look(fd)&unix.POLLIN != 0
		return true
	})
	return c, more, errors.Join(closed, err)
}

// TryReceive receives a call if one waits, which found says.
func (l *Listener) TryReceive() (c Call, found bool, err error) {
	closed := l.raw.Control(func(fd uintptr) { c, found, err = l.take(fd) })
	return c, found, errors.Join(closed, err)
}

// take receives a call, or finds out that there will be none.
func (l *Listener) take(fd uintptr) (c Call, found bool, err error) {
	l.taking.Lock()
	defer l.taking.Unlock()
	switch events := look(fd); {
	case events&unix.POLLIN != 0:
		var n seccompNotif
		if _, err := ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); err != nil {
			return Call{}, true, err
		}
		return Call{ID: n.id, Thread: int(n.pid), Number: uint32(n.data.nr), Args: n.data.args}, true, nil
	case events&(unix.POLLHUP|unix.POLLNVAL) != 0:
		return Call{}, true, ErrEnded
	}
	return Call{}, false, nil
}

// look returns what poll(2) says at this moment.
func look(fd uintptr) int16 {
	return settled(func() int16 {
		return sys.Poll(int(fd),
			unix.POLLIN)
	})
}

// settled looks again while there is nothing but POLLERR: that says that a
// signal came while the kernel waited for a lock, and nothing of calls
// (seccomp_notify_poll in the kernel's kernel/seccomp.c). Whoever went on to
// wait would miss the call that has been announced.
func settled(look func() int16) int16 {
	for {
		if events := look(); events != unix.POLLERR {
			return events
		}
	}
}
