package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below never wait: their descriptors are in non-blocking mode, and
// nobody else can hold what they lock. Package unix tells Go's scheduler of each
// call, lest it wait: then the runtime's monitor wakes up, and gives the
// processor to another thread when the call has not returned after some 20 µs.
// These keep their processor. So they must not be used where a call may wait,
// for the lock of a socket too: who shares a TCP socket, or the end of an
// AF_UNIX stream that is read, can hold its lock for as long as he likes, by a
// call of his own with memory that is slow to be there (a mapped file of FUSE).
// Those are read and written as any other file.

// Sendmsg is sendmsg(2) without an address, again after a signal; flags get
// MSG_DONTWAIT. p is not empty.
func Sendmsg(fd int, p, control []byte, flags int) (int, error) {
	iov, msg := header(p, control)
	msg.Iov = &iov
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)),
			uintptr(flags|unix.MSG_DONTWAIT))
		if errno != unix.EINTR {
			return count(n, errno)
		}
	}
}

// Recvmsg is recvmsg(2) without an address, again after a signal; flags get
// MSG_DONTWAIT. It returns how much of p and of control was filled, and the
// flags of the message. p is not empty.
func Recvmsg(fd int, p, control []byte, flags int) (n, controls, received int, err error) {
	for {
		iov, msg := header(p, control)
		msg.Iov = &iov
		got, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)),
			uintptr(flags|unix.MSG_DONTWAIT))
		if errno != unix.EINTR {
			n, err = count(got, errno)
			return n, int(msg.Controllen), int(msg.Flags), err
		}
	}
}

func header(p, control []byte) (iov unix.Iovec, msg unix.Msghdr) {
	iov.Base = unsafe.SliceData(p)
	iov.SetLen(len(p))
	msg.SetIovlen(1)
	if len(control) > 0 {
		msg.Control = unsafe.SliceData(control)
		msg.SetControllen(len(control))
	}
	return iov, msg
}

// Poll is poll(2) of one descriptor, without waiting: what is so of events, and
// of those that are always told. Errors count as nothing.
func Poll(fd int, events int16) int16 {
	p := unix.PollFd{Fd: int32(fd), Events: events}
	for {
		var now unix.Timespec
		_, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1,
			uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		switch errno {
		case unix.EINTR:
		case 0:
			return p.Revents
		default:
			return 0
		}
	}
}

// ConnectUnix is connect(2) of a non-blocking AF_UNIX socket.
func ConnectUnix(fd int, path string) error {
	return addressed(unix.SYS_CONNECT, fd, path)
}

// BindUnix is bind(2) of an AF_UNIX socket to a name of the abstract namespace,
// which begins with a zero byte.
func BindUnix(fd int, name string) error {
	return addressed(unix.SYS_BIND, fd, name)
}

func addressed(call uintptr, fd int, path string) error {
	addr := unix.RawSockaddrUnix{Family: unix.AF_UNIX}
	if len(path) >= len(addr.Path) {
		return unix.ENAMETOOLONG
	}
	for i := range len(path) {
		addr.Path[i] = int8(path[i])
	}
	size := unsafe.Offsetof(addr.Path) + uintptr(len(path))
	if path == "" || path[0] != 0 {
		size++ // the zero byte that ends a path
	}
	_, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&addr)), size)
	return errnoErr(errno)
}

// accept is accept4(2) without an address, of a non-blocking listener.
func accept(listener int) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), 0, 0,
			unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0, 0)
		if errno != unix.EINTR {
			return count(n, errno)
		}
	}
}

// setNonblock sets O_NONBLOCK on an open file, fcntl(2).
func setNonblock(fd int) error {
	flags, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_GETFL, 0)
	if errno == 0 && flags&unix.O_NONBLOCK == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFL, flags|unix.O_NONBLOCK)
	}
	return errnoErr(errno)
}

func count(n uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
