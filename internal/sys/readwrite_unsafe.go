//go:build !race

package sys

import "golang.org/x/sys/unix"

// Read is read(2), again after a signal.
func Read(fd int, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(pointer(p)), uintptr(len(p)))
		if errno != unix.EINTR {
			return count(n, errno)
		}
	}
}

// Write is write(2), again after a signal.
func Write(fd int, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(pointer(p)), uintptr(len(p)))
		if errno != unix.EINTR {
			return count(n, errno)
		}
	}
}
