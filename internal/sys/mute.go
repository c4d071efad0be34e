package sys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Mute makes a TCP socket that is not connected send nothing any more, whoever
// has it and connects it: shutdown(2) is ENOTCONN there, but has its effect
// (inet_shutdown in the kernel's net/ipv4/af_inet.c). Whoever calls connect
// with AF_UNSPEC undoes that. With CAP_NET_ADMIN the socket becomes deaf as
// well, which nobody can undo: it drops what comes from the network, so that no
// connection of it is ever made.
func Mute(fd int) error {
	if err := unix.Shutdown(fd, unix.SHUT_RDWR); err != nil && !errors.Is(err, unix.ENOTCONN) {
		return fmt.Errorf("shutting a TCP socket down: %w", err)
	}
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: 1, Filter: &drop})
	if errors.Is(err, unix.EPERM) {
		return nil // without the capability, or the program has locked a filter
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_LOCK_FILTER, 1)
	}
	if err != nil {
		return fmt.Errorf("putting a filter on a TCP socket: %w", err)
	}
	return nil
}
