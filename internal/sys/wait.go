package sys

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Accept waits for a connection to a listening socket and accepts it, as the
// function Accept does. Errors are those of accept4(2); others mean that the
// stream is closed.
func (s *Stream) Accept() (fd *FD, err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	ended := raw.Read(func(n uintptr) bool {
		fd, err = Accept(int(n))
		return !errors.Is(err, unix.EAGAIN)
	})
	if ended != nil {
		return nil, ended
	}
	return fd, err
}

// AcceptsLater reports whether accept4(2) may succeed after an error: something
// has run out, or the client has gone.
func AcceptsLater(err error) bool {
	for _, errno := range []unix.Errno{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// AwaitReadable waits until there is something to read or the stream has ended:
// false when that takes longer than the limit, or ctx is done. It uses the
// stream's read deadline, and leaves none. A stream that is readable already
// does not go to the poller for this.
func (s *Stream) AwaitReadable(ctx context.Context, limit time.Duration) bool {
	readable := false
	_ = s.Control(func(fd int) error {
		readable = Readable(fd)
		return nil
	})
	if readable {
		return true
	}
	begun := time.Now()
	_ = s.SetReadDeadline(begun.Add(limit))
	stop := context.AfterFunc(ctx, func() { _ = s.SetReadDeadline(begun) })
	raw, err := s.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool { return Readable(int(fd)) })
	}
	stop()
	_ = s.SetReadDeadline(time.Time{})
	return err == nil
}
