package relay

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// errAgain says that a descriptor has nothing, or takes nothing, now.
const errAgain = syscall.EAGAIN

// rawConn returns the descriptor's side of a stream, nil if it has none.
func rawConn(s Stream) syscall.RawConn {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readFD reads without waiting.
func readFD(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

// writeFD writes without waiting.
func writeFD(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

// unreadFD counts the bytes in the receive queue.
func unreadFD(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// untakenFD counts what the program has not read, in the kernel's own measure.
func untakenFD(fd uintptr) int {
	n, err := sys.Unsent(int(fd))
	if err != nil {
		return 0
	}
	return n
}

// unsentFD counts the bytes that TCP's peer has not acknowledged; a FIN counts.
func unsentFD(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// writerDoneFD says whether the other end will write no more.
func writerDoneFD(fd uintptr) bool { return poll(fd, unix.POLLRDHUP) }

// hungUpFD says whether the other end is closed, or both directions are shut
// down.
func hungUpFD(fd uintptr) bool { return poll(fd, unix.POLLHUP) }

// writableFD says whether a descriptor takes something now, or has failed.
func writableFD(fd uintptr) bool { return sys.Writable(int(fd)) }

func poll(fd uintptr, event int16) bool { return sys.Poll(int(fd), event)&event != 0 }

// urgentInlineFD makes urgent bytes bytes like others, for a program that can
// send them: they would be left out, and counted.
func urgentInlineFD(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
}

// shutdownReadFD makes the other end's writes fail.
func shutdownReadFD(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RD) }

// resetOnCloseFD makes closing TCP send a reset.
func resetOnCloseFD(fd uintptr) {
	_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}
