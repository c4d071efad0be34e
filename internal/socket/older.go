package socket

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
)

// Another socket takes the place of a program's descriptor when a TLS socket is
// made of a TCP socket, and when a connect has failed. Copies of the descriptor
// in other processes, or under way in a message, are out of reach at that
// moment: they are older copies of the same socket. Each is replaced when a
// call on it is notified. Until then no byte can be sent over it: see convert
// and Upgrade.

// copies are the older copies of a table's sockets.
type copies struct {
	superseded chan struct{} // wakes forgetOlder
	convertMu  sync.Mutex    // one TCP socket at a time is converted
	// older and forgetting, whether forgetOlder runs, are guarded by Table.mu.
	older      map[uint64]olderCopies // by inode
	forgetting bool
}

func newCopies() *copies {
	return &copies{superseded: make(chan struct{}, 1), older: map[uint64]olderCopies{}}
}

// place is where a socket's end is. Table.mu guards it, but for the hint, which
// Socket.mu does.
type place struct {
	inode uint64
	kept  endpoint.End // a duplicate while there are older copies, else nil
	where endpoint.Where
	// deliveryName is that of an accepted connection's delivery; it never changes.
	deliveryName string
}

// olderCopies stand for one socket that was replaced.
type olderCopies struct {
	socket *Socket
	// watched says that they are forgotten once the last copy is closed.
	// Otherwise the socket itself has one, for as long as it lives.
	watched bool
}

// Older returns the socket that took the place of the one with an inode; nil
// when there is none.
func (t *Table) Older(inode uint64) *Socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.copies.older[inode].socket
}

// Current returns a duplicate of the program's descriptor, to be put in the
// place of an older copy.
func (s *Socket) Current() (endpoint.End, error) {
	s.table.mu.Lock()
	if s.kept != nil {
		defer s.table.mu.Unlock()
		return s.kept.Dup()
	}
	s.table.mu.Unlock()
	s.mu.Lock()
	where := s.where
	s.mu.Unlock()
	return s.table.cfg.Ends.Find(s.inodeKnown(), where, true)
}

// hasKept reports whether a duplicate is kept for older copies.
func (s *Socket) hasKept() bool {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	return s.kept != nil
}

// supersede notes that end takes the place of old. A duplicate of end is kept
// as long as copies of old exist anywhere: they are the same socket, which is
// closed when the last of them is.
func (t *Table) supersede(old endpoint.End, s *Socket, end endpoint.End) error {
	inode, err := old.ID()
	if err != nil {
		return err
	}
	if err := t.cfg.Ends.Watch(old); err != nil {
		return err
	}
	kept, err := end.Dup()
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return kept.Close()
	}
	s.keepLocked(kept)
	t.copies.older[inode] = olderCopies{s, true}
	select {
	case t.copies.superseded <- struct{}{}:
	default:
	}
	if !t.copies.forgetting {
		t.copies.forgetting = true
		t.background(func(error) {}, t.forgetOlder)
	}
	return nil
}

// passOlder makes the older copies of a socket those of another, which takes its
// place.
func (t *Table) passOlder(from, to *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for inode, o := range t.copies.older {
		if o.socket == from && o.watched {
			t.copies.older[inode] = olderCopies{to, true}
		}
	}
	from.keepLocked(nil)
}

// keepLocked keeps a duplicate of the program's descriptor, or none; t.mu is held.
func (s *Socket) keepLocked(end endpoint.End) {
	if s.kept != nil {
		s.kept.Close()
	}
	s.kept = end
}

// How often is looked for older copies: soon at first, since most are closed as
// soon as the call returns that replaced them.
const (
	firstForget = time.Millisecond
	lastForget  = 500 * time.Millisecond
)

// forgetOlder forgets older copies as they are closed, which shows in no event,
// until none is left.
func (t *Table) forgetOlder(ctx context.Context) {
	for delay := firstForget; ; delay = min(2*delay, lastForget) {
		select {
		case <-time.After(delay):
		case <-t.copies.superseded:
			delay = firstForget
		case <-ctx.Done():
			return
		}
		t.mu.Lock()
		before := maps.Clone(t.copies.older)
		t.mu.Unlock()
		exist, err := t.cfg.Ends.Watched()
		if err != nil {
			t.cfg.Log.Debug(fmt.Sprintf("looking for older copies of sockets: %v", err))
			continue
		}
		if !t.forgetClosed(before, exist) {
			return
		}
	}
}

// forgetClosed forgets those of before that do not exist any more, and reports
// whether older copies are left. Nobody has looked for later ones.
func (t *Table) forgetClosed(before map[uint64]olderCopies, exist map[uint64]bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := map[*Socket]bool{}
	for inode, o := range t.copies.older {
		switch {
		case !o.watched:
		case exist[inode] || before[inode] != o:
			left[o.socket] = true
		default:
			delete(t.copies.older, inode)
			if _, known := left[o.socket]; !known {
				left[o.socket] = false
			}
		}
	}
	any := false
	for s, more := range left {
		any = any || more
		if !more {
			s.keepLocked(nil)
		}
	}
	t.copies.forgetting = any
	return any
}

// forgetLocked forgets the older copies of a socket; t.mu is held.
func (t *Table) forgetLocked(s *Socket) {
	for inode, o := range t.copies.older {
		if o.socket == s {
			delete(t.copies.older, inode)
		}
	}
	s.keepLocked(nil)
}

// forgetUpgraded forgets what was the TCP connection of a socket, when that has
// ended.
func (t *Table) forgetUpgraded(s *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for inode, o := range t.copies.older {
		if o.socket == s && !o.watched {
			delete(t.copies.older, inode)
		}
	}
}

// forgetAllOlder lets the programs' ends of all connections be seen.
func (t *Table) forgetAllOlder() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.copies.older {
		o.socket.keepLocked(nil)
	}
	clear(t.copies.older)
}
