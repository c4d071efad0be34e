package socket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// plainEnd is a plaintext end of ours with an address in the abstract namespace,
// by which the program's end of the pair is recognised.
type plainEnd struct {
	fd   *sys.FD // nil once it is a stream
	name string
}

// close does nothing for an end that was never made.
func (e *plainEnd) close() {
	if e != nil {
		e.fd.Close()
	}
}

// reserve makes the plaintext end of a connection before its handshake, after
// which a client believes to be connected. While there is no descriptor for it
// the client waits, as long as a handshake may take.
func (l *listener) reserve(ctx context.Context) (*plainEnd, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.req.HandshakeTimeout,
		fail(abi.EMFILE, "there was no descriptor for the client within %v (RLIMIT_NOFILE)", l.req.HandshakeTimeout))
	defer cancel()
	for {
		end, err := newPlainEnd()
		switch {
		case err == nil && !scarce(end.fd, freeForCalls):
			return end, nil
		case err == nil:
			end.close()
		case !errors.Is(err, unix.EMFILE) && !errors.Is(err, unix.ENFILE):
			return nil, err
		}
		if !pauseFor(ctx, lastDelay) {
			return nil, context.Cause(ctx)
		}
		l.socket.table.house.Relieve()
	}
}

func newPlainEnd() (*plainEnd, error) {
	fd, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("making a plaintext stream: %w", err)
	}
	name := "@ssa-" + rand.Text()
	if err := sys.BindUnix(fd.Int(), "\x00"+name[1:]); err != nil {
		fd.Close()
		return nil, fmt.Errorf("naming a plaintext stream: %w", err)
	}
	return &plainEnd{fd, name}, nil
}

// deliver puts a connection into the queue of the program's descriptor. A full
// queue makes it wait, and the client with it.
func (l *listener) deliver(fresh *Socket, end *plainEnd) (*sys.Stream, error) {
	fresh.mu.Lock()
	setSendBuffer(end.fd.Int(), fresh.roomLocked())
	fresh.mu.Unlock()
	fresh.deliveryName = end.name
	t := l.socket.table
	t.mu.Lock()
	t.delivery[end.name] = fresh
	t.mu.Unlock()
	if err := l.enqueue(end.fd); err != nil {
		return nil, err
	}
	plain, err := sys.NewStream(end.fd, nil)
	end.fd = nil
	if err != nil {
		return nil, err
	}
	l.socket.acceptWaiting()
	return plain, nil
}

// Delays between attempts to put a connection into a full queue: the kernel
// announces no room in the queue of an AF_UNIX listener.
const (
	firstDelay = time.Millisecond
	lastDelay  = 50 * time.Millisecond
)

func (l *listener) enqueue(ours *sys.FD) error {
	delay := firstDelay
	for {
		err := l.name.Connect(ours.Int())
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECONNREFUSED):
			// The program has closed its descriptor.
			l.stop()
			l.socket.table.remove(l.socket)
			return fmt.Errorf("the program has closed its listening socket: %w", err)
		case !errors.Is(err, unix.EAGAIN):
			return err
		}
		if !pauseFor(l.ctx, delay) {
			return l.ctx.Err()
		}
		delay = min(2*delay, lastDelay)
	}
}

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
