package socket

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Descriptors that are kept free, of those that RLIMIT_NOFILE allows: the last
// ones for what is held for a moment to carry out calls, those before them for
// clients whose handshake begins. Further clients wait in TCP's own queue.
const (
	freeForCalls   = 8
	freeForClients = 16
)

// scarce reports whether a descriptor is among the last ones, but for the given
// number that is to stay free. A new descriptor has the lowest number that is
// free, so its own number tells.
func scarce(fd *sys.FD, free int) bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && uint64(fd.Int()+free) >= limit.Cur
}

// awaitRoom waits, after a client was accepted with one of the last descriptors,
// until there are others. One by one those go meanwhile that keep a handshake
// waiting.
func (l *listener) awaitRoom() bool {
	for crowded := true; crowded; {
		if !pauseFor(l.ctx, lastDelay) {
			return false
		}
		probe, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			crowded = scarce(probe, freeForClients)
			probe.Close()
		}
		if crowded {
			l.socket.table.house.Relieve()
		}
	}
	return true
}

// pauseFor waits a while, and reports whether the context goes on.
func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
