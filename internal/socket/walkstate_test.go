package socket

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// observe describes the state that the socket is in, in the words of
// test/model/socket.pml.
func (l *life) observe() string {
	if !l.held() {
		return gone
	}
	if l.s == nil {
		return strings.Join([]string{"plain", "", l.holders()}, "/")
	}
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join([]string{l.nameLocked() + l.detailLocked() + l.errorLocked(), l.waitLocked(),
		l.holders()}, "/")
}

// nameLocked is the state's name. A connection that has ended is one to programs.
func (l *life) nameLocked() string {
	if l.s.State() == Ended {
		return Connected.String()
	}
	return l.s.State().String()
}

// detailLocked is what belongs to the state.
func (l *life) detailLocked() string {
	s := l.s
	switch s.State() {
	case Connected, Ended:
		return l.toldLocked() + l.relayLocked()
	case Failed:
		end := ""
		if s.now.(*failed).renewed {
			end = " renewed"
		}
		return l.toldLocked() + " " + reasonOf(s.outcome.why()) + end
	case Listening:
		if l.queued != nil {
			return " queued"
		}
	}
	return ""
}

// toldLocked says whether the program has yet to be told of an outcome.
func (l *life) toldLocked() string {
	switch {
	case !l.s.isUntoldLocked():
		return ""
	}
	return " untold"
}

// errorLocked is what SO_ERROR has to tell of an attempt.
func (l *life) errorLocked() string {
	if l.s.soError == 0 {
		return ""
	}
	return " error " + errnoName(l.s.soError)
}

func (l *life) relayLocked() string {
	s, how := l.s, " open"
	switch {
	case s.State() == Ended && s.outcome.why() != nil:
		how = " " + reasonOf(s.outcome.why())
	case s.State() == Ended:
		how = " ended"
	case l.hand.half():
		how = " half"
	}
	if s.shutDown.Load() {
		how += " shut"
	}
	if end := l.current(); end != nil {
		defer end.Close()
		if sys.Poll(end.Int(), 0)&unix.POLLERR != 0 {
			how += " reset-unread"
		}
	}
	return how
}

// current is a descriptor of the socket as it is now.
func (l *life) current() *sys.FD {
	l.table.mu.Lock()
	inode, kept := l.s.inode, l.s.kept
	l.table.mu.Unlock()
	end, err := l.Find(inode, endpoint.Where{}, true)
	if err != nil && kept != nil {
		end, err = unixend.FD(kept).Dup()
	}
	if err != nil {
		return nil
	}
	return end
}

func (l *life) waitLocked() string {
	switch waiter := l.s.waiters[l.caller.Thread()]; {
	case l.waiting != nil && !l.late:
		return "waiting"
	case waiter != nil:
		return "interrupted"
	}
	return ""
}

// holders says who has the socket: the descriptor "own", and what "other" is.
func (l *life) holders() string {
	own, other := "-", ""
	if l.own.Int() >= 0 {
		own = "own"
	}
	if l.other.Int() >= 0 {
		other = " dup"
		if l.forked {
			other = " fork"
		}
		if inode := l.inode(l.other); l.s != nil && inode != l.s.inodeKnown() {
			other = " older"
			if l.table.Older(inode) != l.s {
				other = " stranger"
			}
		}
	}
	return own + other
}
