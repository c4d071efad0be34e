package socket

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// deliver puts a connection into the queue of the program's descriptor. A full
// queue makes it wait, and the client with it.
func (l *listener) deliver(fresh *Socket) (*sys.Stream, error) {
	ours, name, err := namedEnd()
	if err != nil {
		return nil, err
	}
	fresh.mu.Lock()
	setSendBuffer(ours.Int(), fresh.roomLocked())
	fresh.mu.Unlock()
	fresh.deliveryName = name
	t := l.socket.table
	t.mu.Lock()
	t.delivery[name] = fresh
	t.mu.Unlock()
	if err := l.enqueue(ours); err != nil {
		ours.Close()
		return nil, err
	}
	plain, err := sys.NewStream(ours, nil)
	if err != nil {
		return nil, err
	}
	l.socket.acceptWaiting()
	return plain, nil
}

// namedEnd makes a plaintext end with an address of its own in the abstract
// namespace, by which the program's end of the pair is recognised.
func namedEnd() (*sys.FD, string, error) {
	ours, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, "", fmt.Errorf("making a plaintext stream: %w", err)
	}
	name := "@ssa-" + rand.Text()
	if err := sys.BindUnix(ours.Int(), "\x00"+name[1:]); err != nil {
		ours.Close()
		return nil, "", fmt.Errorf("naming a plaintext stream: %w", err)
	}
	return ours, name, nil
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
		select {
		case <-time.After(delay):
			delay = min(2*delay, lastDelay)
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
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
