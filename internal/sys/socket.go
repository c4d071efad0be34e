package sys

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

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
func Accept(listener int) (*FD, unix.Sockaddr, error) {
	for {
		n, from, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		return Own(n), from, nil
	}
}

// HungUp reports whether the peer of a stream socket has shut down or closed
// its sending side, without reading.
func HungUp(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

// Gone reports whether both directions of an AF_UNIX stream are shut down.
func Gone(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: 0}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&unix.POLLHUP != 0
}

// Unread returns how many bytes wait to be read, ioctl FIONREAD.
func Unread(fd int) (int, error) {
	return unix.IoctlGetInt(fd, unix.SIOCINQ)
}

// UnixName is an address of an AF_UNIX socket that only this process can
// connect to: a path in /proc/self/fd of a socket file that is unlinked.
type UnixName struct {
	mu   sync.RWMutex // a number in use is not closed, and given to another file
	file *FD          // O_PATH descriptor of the socket's file
}

// BindHidden binds an AF_UNIX socket to a fresh file in directory dir and
// removes the file at once, so that nobody but the holder of the result can
// connect to the socket. dir must be writable by this user alone.
func BindHidden(socket int, dir, name string) (*UnixName, error) {
	path := dir + "/" + name
	if err := unix.Bind(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("binding %s: %w", path, err)
	}
	n, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if rmErr := unix.Unlink(path); err == nil {
		err = rmErr
	}
	if err != nil {
		if n >= 0 {
			unix.Close(n)
		}
		return nil, fmt.Errorf("hiding %s: %w", path, err)
	}
	return &UnixName{file: Own(n)}, nil
}

// Connect connects an AF_UNIX stream socket to the name. A non-blocking
// socket gets EAGAIN when the listener's queue is full; ECONNREFUSED means
// that nobody listens any more.
func (u *UnixName) Connect(socket int) error {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if u.file.Int() < 0 {
		return unix.ECONNREFUSED
	}
	path := fmt.Sprintf("/proc/self/fd/%d", u.file.Int())
	return unix.Connect(socket, &unix.SockaddrUnix{Name: path})
}

// Close forgets the name.
func (u *UnixName) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.file.Close()
}

// Writable reports whether a socket is writable or has failed: a connecting
// one is neither until its outcome is known.
func Writable(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}

// AcceptWaiting accepts a connection that waits already; EAGAIN when there is
// none. The listener may be a blocking one that others accept from too: then a
// connection that they take first makes this wait for the next. The accepted
// socket is blocking and close-on-exec, accept4(2).
func AcceptWaiting(listener int) (*FD, error) {
	p := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, unix.EAGAIN
		}
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		return Own(fd), nil
	}
}

// Readable reports whether a socket has something to read, or has ended.
func Readable(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}

// Unsent returns how many bytes that were written wait to be read at the other
// end of an AF_UNIX stream, in the kernel's own count, ioctl SIOCOUTQ.
func Unsent(fd int) (int, error) {
	return unix.IoctlGetInt(fd, unix.SIOCOUTQ)
}
