package sys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SocketIn makes a socket as Socket does, in a network namespace that belongs to
// a user namespace of this user. Only a process with one thread can enter that
// (setns(2)), so a child with the same descriptors does, for as long as it takes.
func SocketIn(users, network *FD, family, kind, protocol int) (*FD, error) {
	n, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // keeps a number for the socket
	if err != nil {
		return nil, err
	}
	fd := Own(n)
	child := childSocket{uintptr(users.Int()), uintptr(network.Int()), uintptr(n), uintptr(family),
		uintptr(kind | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK), uintptr(protocol)}
	var status unix.WaitStatus
	err = WithoutSignals(func() error {
		// Without a signal for its end nobody else who waits for children sees it.
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_FILES, 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			child.run()
		}
		for {
			_, err := unix.Wait4(int(pid), &status, unix.WCLONE, nil)
			if err != unix.EINTR {
				return err
			}
		}
	})
	switch {
	case err != nil:
		err = fmt.Errorf("having a child make a socket: %w", err)
	case !status.Exited():
		err = fmt.Errorf("the child that makes a socket was ended by signal %d", status.Signal())
	case status.ExitStatus() != 0:
		err = unix.Errno(status.ExitStatus())
	}
	if err != nil {
		fd.Close()
		return nil, err
	}
	return fd, nil
}

// childSocket is what the child works with.
type childSocket struct{ users, network, to, family, kind, protocol uintptr }

// run is the child. It is a copy of one thread of this process: nothing of Go's
// runtime may be used, not even to grow the stack. Whoever is in the namespaces
// must not trace it, since its memory is this process's (ptrace(2)).
//
//go:nosplit
//go:norace
func (c *childSocket) run() {
	_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0, 0, 0, 0, 0)
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_SETNS, c.users, unix.CLONE_NEWUSER, 0)
	}
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_SETNS, c.network, unix.CLONE_NEWNET, 0)
	}
	var made uintptr
	if errno == 0 {
		made, _, errno = unix.RawSyscall(unix.SYS_SOCKET, c.family, c.kind, c.protocol)
	}
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_DUP3, made, c.to, unix.O_CLOEXEC)
		unix.RawSyscall(unix.SYS_CLOSE, made, 0, 0)
	}
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
	}
}
