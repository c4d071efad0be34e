package sys

import "golang.org/x/sys/unix"

// Ended reports whether the process of a pidfd has ended: the pidfd is readable
// then (pidfd_open(2)). When that cannot be told, it has.
func Ended(pidfd *FD) bool {
	p := []unix.PollFd{{Fd: int32(pidfd.Int()), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err != nil || n > 0
}
