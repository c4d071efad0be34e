//go:build linux

package peer

import "golang.org/x/sys/unix"

// outstanding is how many bytes of a TCP socket wait to be acknowledged.
func outstanding(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}
