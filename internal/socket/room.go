package socket

import (
	"context"
	"time"
)

// Descriptors that are kept free, of those that RLIMIT_NOFILE allows: the last
// ones for what is held for a moment to carry out calls, those before them for
// clients whose handshake begins. Further clients wait in TCP's own queue.
const (
	freeForCalls   = 8
	freeForClients = 16
)

// awaitRoom waits, after a client was accepted with one of the last descriptors,
// until there are others. One by one those go meanwhile that keep a handshake
// waiting.
func (l *listener) awaitRoom() bool {
	for crowded := true; crowded; {
		if !pauseFor(l.ctx, lastDelay) {
			return false
		}
		if probe, err := l.socket.table.cfg.Ends.Reserve(freeForClients); err == nil {
			crowded = false
			probe.Close()
		} else {
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
