package socket

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
)

// reserve makes the plaintext end of a connection before its handshake, after
// which a client believes to be connected. While there is no descriptor for it
// the client waits, as long as a handshake may take.
func (l *listener) reserve(ctx context.Context) (endpoint.Delivery, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.req.HandshakeTimeout,
		fail(abi.EMFILE, "there was no descriptor for the client within %v (RLIMIT_NOFILE)", l.req.HandshakeTimeout))
	defer cancel()
	for {
		end, err := l.socket.table.cfg.Ends.Reserve(freeForCalls)
		switch {
		case err == nil:
			return end, nil
		case !errors.Is(err, unix.EMFILE) && !errors.Is(err, unix.ENFILE):
			return nil, err
		}
		if !pauseFor(ctx, lastDelay) {
			return nil, context.Cause(ctx)
		}
		l.socket.table.house.Relieve()
	}
}

// deliver puts a connection into the queue of the program's descriptor. A full
// queue makes it wait, and the client with it.
func (l *listener) deliver(fresh *Socket, end endpoint.Delivery) (endpoint.Plaintext, error) {
	fresh.mu.Lock()
	room := fresh.roomLocked()
	fresh.mu.Unlock()
	fresh.deliveryName = end.Name()
	t := l.socket.table
	t.mu.Lock()
	t.delivery[end.Name()] = fresh
	t.mu.Unlock()
	plaintext, err := l.queue.Deliver(l.ctx, end, room)
	if errors.Is(err, endpoint.ErrClosed) {
		l.stop()
		t.remove(l.socket)
	}
	if err != nil {
		return nil, err
	}
	l.socket.acceptWaiting()
	return plaintext, nil
}

// Delays between looks for what nobody announces.
const (
	firstDelay = time.Millisecond
	lastDelay  = 50 * time.Millisecond
)

// claimed records the inode of an accepted connection that was found without
// its descriptor.
func (t *Table) claimed(s *Socket, inode uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.delivery[s.deliveryName] == s {
		delete(t.delivery, s.deliveryName)
	}
	s.inode = inode
	t.sockets[inode] = s
}
