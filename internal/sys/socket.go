package sys

import "golang.org/x/sys/unix"

// Socket makes a non-blocking, close-on-exec socket, socket(2).
func Socket(family, kind, protocol int) (*FD, error) {
	n, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, err
	}
	return Own(n), nil
}

// Accept accepts a connection without waiting, accept4(2) with
// SOCK_NONBLOCK|SOCK_CLOEXEC on a non-blocking listener.
func Accept(listener int) (*FD, error) {
	n, err := accept(listener)
	if err != nil {
		return nil, err
	}
	return Own(n), nil
}

// HungUp reports whether the peer of a stream socket has shut down or closed
// its sending side, without reading.
func HungUp(fd int) bool {
	return Poll(fd, unix.POLLRDHUP)&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

// Gone reports whether both directions of an AF_UNIX stream are shut down.
func Gone(fd int) bool {
	return Poll(fd, 0)&unix.POLLHUP != 0
}

// Unread returns how many bytes wait to be read, ioctl FIONREAD.
func Unread(fd int) (int, error) {
	return unix.IoctlGetInt(fd, unix.SIOCINQ)
}

// Writable reports whether a socket is writable or has failed: a connecting
// one is neither until its outcome is known.
func Writable(fd int) bool {
	return Poll(fd, unix.POLLOUT) != 0
}

// Readable reports whether a socket has something to read, or has ended.
func Readable(fd int) bool {
	return Poll(fd, unix.POLLIN) != 0
}

// leastBuffer is less than what the kernel counts for any bytes in a queue: the
// size of a struct sk_buff is in it.
const leastBuffer = 64

// Unsent returns how many bytes that were written wait to be read at the other
// end of an AF_UNIX stream, in the kernel's own count, ioctl SIOCOUTQ. A reader
// announces that there is room while the last byte of the count is still
// there (sock_wfree in net/core/sock.c); nobody would be woken again for that
// one, so it counts as read.
func Unsent(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if n < leastBuffer {
		n = 0
	}
	return n, err
}
