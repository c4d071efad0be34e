//go:build unix

package local

import (
	"syscall"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// closeAfterAlert closes TCP after a handshake failed. What the peer sent in
// the meantime is read first: closing on unread bytes makes the kernel reset
// the connection, and the reset may overtake the alert that says why.
func closeAfterAlert(tcp engine.Stream) {
	// Whatever goes wrong here, the connection is closed and over.
	defer func() { _ = tcp.Close() }()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = tcp.CloseWrite()
	buf := make([]byte, 4096)
	_ = raw.Read(func(fd uintptr) bool {
		// At most one full handshake message; the descriptor does not block.
		for range 64 {
			if n, err := syscall.Read(int(fd), buf); n <= 0 && err != syscall.EINTR {
				break
			}
		}
		return true
	})
}
