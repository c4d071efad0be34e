package unixend

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// queue is an endpoint.Queue: a program's descriptor that listens on an address
// only we can connect to, so that poll, epoll and accept work on it untouched.
type queue struct {
	ends *Ends
	name *sys.UnixName
}

// Queue implements endpoint.End.
func (e *End) Queue(closed func()) (endpoint.Queue, error) {
	name, err := sys.BindWatched(e.fd.Int(), e.ends.cfg.Dir, e.ends.watch())
	if err != nil {
		return nil, err
	}
	e.ends.mu.Lock()
	defer e.ends.mu.Unlock()
	if name.Number >= 0 {
		e.ends.closed[name.Number] = closed
	}
	return &queue{e.ends, name}, nil
}

// Listen implements endpoint.End.
func (e *End) Listen(backlog int) error { return unix.Listen(e.fd.Int(), backlog) }

// Open implements endpoint.Queue.
func (q *queue) Open() (bool, error) { return q.name.Bound() }

// Close implements endpoint.Queue.
func (q *queue) Close() error {
	q.ends.mu.Lock()
	delete(q.ends.closed, q.name.Number)
	q.ends.mu.Unlock()
	return q.name.Close()
}

// watch returns what tells when programs have closed their queues, and begins to
// heed it; nil where the kernel or the user's limits allow none.
func (e *Ends) watch() *sys.Closings {
	e.closedOnce.Do(func() {
		closings, err := sys.NewClosings()
		if err != nil {
			e.cfg.Log.Debug("closed listeners are noticed a little later", "error", err)
			return
		}
		e.closings = closings
		e.work.Go(e.heed)
	})
	return e.closings
}

// heed tells of closings until Close.
func (e *Ends) heed() {
	for {
		numbers, all, err := e.closings.Wait()
		if err != nil {
			return
		}
		var tell []func()
		e.mu.Lock()
		if all {
			for _, closed := range e.closed {
				tell = append(tell, closed)
			}
		} else {
			for _, n := range numbers {
				if closed := e.closed[n]; closed != nil {
					tell = append(tell, closed)
				}
			}
		}
		e.mu.Unlock()
		for _, closed := range tell {
			closed()
		}
	}
}

// delivery is an endpoint.Delivery: our side of a pair with an address in the
// abstract namespace, by which the program's end is recognised.
type delivery struct {
	fd   *sys.FD // nil once it is a stream
	name string
}

// Reserve implements endpoint.Maker.
func (e *Ends) Reserve(spare int) (endpoint.Delivery, error) {
	fd, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("making a plaintext stream: %w", err)
	}
	if fd.Scarce(spare) {
		fd.Close()
		return nil, unix.EMFILE
	}
	name := "@ssa-" + rand.Text()
	if err := sys.BindUnix(fd.Int(), "\x00"+name[1:]); err != nil {
		fd.Close()
		return nil, fmt.Errorf("naming a plaintext stream: %w", err)
	}
	return &delivery{fd, name}, nil
}

// Name implements endpoint.Delivery.
func (d *delivery) Name() string { return d.name }

// Close implements endpoint.Delivery.
func (d *delivery) Close() error { return d.fd.Close() }

// Delays between attempts to put a connection into a full queue: the kernel
// announces no room in the queue of an AF_UNIX listener.
const (
	firstDelay = time.Millisecond
	lastDelay  = 50 * time.Millisecond
)

// Deliver implements endpoint.Queue.
func (q *queue) Deliver(ctx context.Context, d endpoint.Delivery,
	room int) (endpoint.Plaintext, error) {
	ours := d.(*delivery)
	setSendBuffer(ours.fd, room)
	if err := q.enqueue(ctx, ours.fd); err != nil {
		return nil, err
	}
	stream, err := sys.NewStream(ours.fd, nil)
	ours.fd = nil
	if err != nil {
		return nil, err
	}
	return &plaintext{Stream: stream, ends: q.ends}, nil
}

func (q *queue) enqueue(ctx context.Context, fd *sys.FD) error {
	delay := firstDelay
	for {
		err := q.name.Connect(fd.Int())
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECONNREFUSED):
			return fmt.Errorf("%w: %w", endpoint.ErrClosed, err)
		case !errors.Is(err, unix.EAGAIN):
			return err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
		delay = min(2*delay, lastDelay)
	}
}

// Accept implements endpoint.End. The queue belongs to a file that may be
// blocking: it is looked at before it is taken from.
func (e *End) Accept() (endpoint.End, error) {
	fd, err := sys.AcceptWaiting(e.fd.Int())
	if err != nil {
		return nil, err
	}
	return e.ends.Of(fd), nil
}

// Delivery implements endpoint.End: the address of the peer.
func (e *End) Delivery() string {
	peer, err := unix.Getpeername(e.fd.Int())
	if err != nil {
		return ""
	}
	name, ok := peer.(*unix.SockaddrUnix)
	if !ok {
		return ""
	}
	return name.Name
}

// Stream implements endpoint.End.
func (e *End) Stream() (endpoint.Stream, error) {
	stream, err := sys.NewStream(e.fd, nil)
	if err != nil {
		return nil, err
	}
	return stream, nil
}
