package socket

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// maybeClosed is told when the program may have closed a listener.
func (s *Socket) maybeClosed() {
	if l := s.listening(); l != nil {
		l.open()
	}
}

// endListenersAt ends those closed listeners that a connection to a port would
// come to: a client of this gate finds its own listener closed in the moment
// in which that is closed, as with TCP.
func (t *Table) endListenersAt(port uint16) {
	for _, s := range t.listeners() {
		if l := s.listening(); l != nil && l.port == port && !l.open() {
			<-l.settled // somebody else is about to close it
		}
	}
}

// open reports whether the program still has the listener; otherwise it ends:
// at once, so that clients are refused, unless another listener of the program
// has the same address (SO_REUSEPORT) and can serve those that come to this one.
func (l *listener) open() bool {
	if l.ending.Load() || l.ctx.Err() != nil {
		return false
	}
	bound, err := l.queue.Open()
	if err != nil {
		l.socket.table.cfg.Log.Debug("looking for a listener's descriptor", "id", l.socket.id,
			"error", err)
		bound = true
	}
	if bound {
		return l.ctx.Err() == nil
	}
	if l.ending.Swap(true) {
		return false // somebody else has seen it
	}
	defer l.socket.table.remove(l.socket) // once nobody reaches it any more
	if l.heir() == nil {
		l.socket.release()
		return false
	}
	l.settle()
	l.socket.table.background(func(error) { l.socket.release() },
		func(context.Context) { l.bequeath() })
	return false
}

// Clients that have not spoken yet are the kernel's for a second: see
// deferAcceptLocked.
const (
	bequeathFor  = 1500 * time.Millisecond
	bequeathLook = 50 * time.Millisecond
)

// bequeath goes on accepting for the heir, as long as there is one, until those
// that had come are through; then it ends the listener.
func (l *listener) bequeath() {
	defer l.socket.release()
	over := time.After(bequeathFor)
	for l.heir() != nil {
		select {
		case <-time.After(bequeathLook):
		case <-over:
			return
		case <-l.ctx.Done():
			return
		}
	}
}

// heir is another listener of the same program and network at the same address,
// which would have got this one's clients from the kernel; nil when there is none.
func (l *listener) heir() *listener {
	local, err := l.address()
	if err != nil {
		return nil
	}
	for _, s := range l.socket.table.listeners() {
		other := s.listening()
		if other == nil || other == l || other.ctx.Err() != nil || other.port != l.port ||
			other.owner.exe != l.owner.exe {
			continue
		}
		addr, err := other.address()
		if err == nil && sameListener(addr, local) && other.sameNetwork(l) && other.open() {
			return other
		}
	}
	return nil
}

// passOn gives a client that came to a closed listener to its heir; when there
// is none, it is reset as the kernel would have refused it.
func (l *listener) passOn(tcp *sys.FD) {
	other := l.heir()
	if other == nil {
		reset(tcp)
		return
	}
	l.socket.table.background(func(error) { tcp.Close() }, func(context.Context) { other.handle(tcp) })
}

// sameListener reports whether a socket that listens at one address takes
// connections to another.
func sameListener(listens, local []byte) bool {
	a, b := remoteAddr(listens), remoteAddr(local)
	return a.Port() == b.Port() && (a.Addr() == b.Addr() || a.Addr().IsUnspecified())
}

// sameNetwork reports whether two listeners are in one network namespace; where
// that cannot be told, they are not.
func (l *listener) sameNetwork(other *listener) bool {
	ours, err := l.network()
	theirs, otherErr := other.network()
	return err == nil && otherErr == nil && ours == theirs
}

func (l *listener) network() (cookie uint64, err error) {
	err = l.tcp.Control(func(fd int) error {
		cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		return err
	})
	return cookie, err
}
