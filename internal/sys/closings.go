package sys

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Closings tells when AF_UNIX sockets that were bound by BindHidden have been
// closed everywhere. The kernel has no event for that, but a socket that is
// bound holds its name in the file system, and when the last one goes, the name
// does, which inotify(7) tells (IN_DELETE_SELF).
type Closings struct{ file *os.File }

// NewClosings makes one. It takes one of the user's inotify instances.
func NewClosings() (*Closings, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("making an inotify instance: %w", err)
	}
	return &Closings{os.NewFile(uintptr(fd), "inotify")}, nil
}

// add watches the name of a socket; the number stands for it in Wait.
func (c *Closings) add(path string) (number int, err error) {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("watching %s: %w", path, err)
	}
	if closed := raw.Control(func(fd uintptr) {
		number, err = unix.InotifyAddWatch(int(fd), path,
			unix.IN_DELETE_SELF)
	}); closed != nil {
		err = os.ErrClosed
	}
	if err != nil {
		return 0, fmt.Errorf("watching %s: %w", path, err)
	}
	return number, nil
}

// Wait returns the numbers of sockets that have been closed; all says that any
// may have been.
func (c *Closings) Wait() (closed []int, all bool, err error) {
	var buf [4 << 10]byte
	n, err := c.file.Read(buf[:])
	if err != nil {
		return nil, false, fmt.Errorf("waiting for a socket's end: %w", err)
	}
	for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
		mask, size := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			all = true
		case mask&unix.IN_DELETE_SELF != 0:
			closed = append(closed, int(int32(binary.NativeEndian.Uint32(b))))
		}
		b = b[min(len(b), unix.SizeofInotifyEvent+int(size)):]
	}
	return closed, all, nil
}

// Close ends the watching, and a Wait under way.
func (c *Closings) Close() error { return c.file.Close() }
