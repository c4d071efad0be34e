package sys

import (
	"errors"

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
	for _, errno := range []unix.Errno{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM,
		unix.ECONNABORTED} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
