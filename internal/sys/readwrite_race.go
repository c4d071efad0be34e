//go:build race

package sys

import (
	"errors"
	"syscall"
)

// The race detector has it from package syscall alone that what one end of a
// socket wrote came before the other end read it.

// Read is read(2), again after a signal.
func Read(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

// Write is write(2), again after a signal.
func Write(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, p)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}
