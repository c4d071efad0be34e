package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below pass socket addresses and option values through as the
// bytes a program gave, so that the kernel itself judges them.

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// BindRaw is bind(2) with the bytes of a sockaddr.
func BindRaw(fd int, addr []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(pointer(addr)), uintptr(len(addr)))
	return errnoErr(errno)
}

// ConnectRaw is connect(2) with the bytes of a sockaddr.
func ConnectRaw(fd int, addr []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(pointer(addr)),
		uintptr(len(addr)))
	return errnoErr(errno)
}

// SetsockoptRaw is setsockopt(2) with the bytes of the value.
func SetsockoptRaw(fd, level, name int, value []byte) error {
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(pointer(value)), uintptr(len(value)), 0)
	return errnoErr(errno)
}

// GetsockoptRaw is getsockopt(2) into value; it returns the length the kernel
// reports.
func GetsockoptRaw(fd, level, name int, value []byte) (int, error) {
	n := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(pointer(value)), uintptr(unsafe.Pointer(&n)), 0)
	return int(n), errnoErr(errno)
}

// Getsockname returns the bytes of the socket's own address, getsockname(2).
func Getsockname(fd int) ([]byte, error) { return name(unix.SYS_GETSOCKNAME, fd) }

// Getpeername returns the bytes of the peer's address, getpeername(2).
func Getpeername(fd int) ([]byte, error) { return name(unix.SYS_GETPEERNAME, fd) }

func name(call uintptr, fd int) ([]byte, error) {
	buf := make([]byte, unix.SizeofSockaddrAny)
	n := uint32(len(buf))
	_, _, errno := unix.Syscall(call, uintptr(fd), uintptr(pointer(buf)), uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return nil, errno
	}
	return buf[:min(int(n), len(buf))], nil
}

func errnoErr(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
