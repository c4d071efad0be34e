package socket

import (
	"fmt"
	"slices"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// State is where a socket is in its life.
//
//	         connect          handshake done          relay over
//	Fresh ────────────▶ Connecting ─────────▶ Connected ────────▶ Ended
//	  │                  ▲      │                 ▲
//	  │ listen   connect │      │ TCP, handshake  │ handshake done
//	  ▼                  │      ▼ or engine fails │
//	Listening ◀──────── Failed              Accepting, a client of a listener
//	           listen
//
// A bind changes no state; connect with AF_UNSPEC puts another socket, a Fresh
// one, in the place of this one.
type State uint32

// States.
const (
	Fresh State = iota
	Connecting
	Connected
	Failed
	Listening
	Accepting
	Ended
)

func (s State) String() string {
	return [...]string{"fresh", "connecting", "connected", "failed", "listening",
		"accepting", "ended"}[s]
}

// changes are the arrows of the drawing.
var changes = map[State][]State{
	Fresh:      {Connecting, Listening},
	Connecting: {Connected, Failed},
	Failed:     {Connecting, Listening},
	Accepting:  {Connected},
	Connected:  {Ended},
}

// state is a state with what belongs to it alone.
type state interface{ is() State }

type fresh struct{}

// connected is a connection.
type connected struct {
	stream  *sys.Stream // TCP
	conn    engine.Conn
	facts   *engine.Facts
	counted limitKey  // whose connection it is counted as
	untold  bool      // no connect has returned its outcome yet
	broken  abi.Errno // of TCP, when that is how it broke
}

// ended is a connection that was, as far as anybody may still ask about it.
type ended struct{ *connected }

// failed is a connect that has failed.
type failed struct {
	untold  bool // no connect has returned its outcome yet
	renewed bool // the program has a new end already: one is joined once
}

// accepting is a client of a listener whose handshake is not over.
type accepting struct{ stream *sys.Stream }

func (fresh) is() State      { return Fresh }
func (*attempt) is() State   { return Connecting }
func (*connected) is() State { return Connected }
func (*failed) is() State    { return Failed }
func (*listener) is() State  { return Listening }
func (accepting) is() State  { return Accepting }
func (ended) is() State      { return Ended }

// become changes the state. It knows the drawing: a change that is not there is a
// bug, and is not made. s.mu is held, or nobody else has the socket yet.
func (s *Socket) become(next state) {
	was, is := s.State(), next.is()
	if s.table.changed != nil {
		s.table.changed(was, is)
	}
	if !slices.Contains(changes[was], is) {
		_ = s.table.bug(fmt.Sprintf("a socket that is %v cannot become %v", was, is))
		return
	}
	s.now = next
	s.atomicState.Store(uint32(is))
}

// born makes a socket in the state that it begins with.
func (t *Table) born(first state, family int, id uint64) *Socket {
	s := &Socket{table: t, family: family, id: id, waiters: map[int]*waiter{}, now: first}
	s.atomicState.Store(uint32(first.is()))
	return s
}

// State returns the state. Without s.mu it may be another by now.
func (s *Socket) State() State { return State(s.atomicState.Load()) }

// attemptLocked, connectionLocked and listenerLocked return what belongs to a
// state, nil in others; a connection is there when it has ended, too.
func (s *Socket) attemptLocked() *attempt {
	a, _ := s.now.(*attempt)
	return a
}

func (s *Socket) connectionLocked() *connected {
	switch now := s.now.(type) {
	case *connected:
		return now
	case ended:
		return now.connected
	}
	return nil
}

func (s *Socket) listenerLocked() *listener {
	l, _ := s.now.(*listener)
	return l
}

// factsLocked are those of a connection, nil while there has been none.
func (s *Socket) factsLocked() *engine.Facts {
	if c := s.connectionLocked(); c != nil {
		return c.facts
	}
	return nil
}

// untoldLocked is whether no connect has returned its outcome yet, nil where there
// is none.
func (s *Socket) untoldLocked() *bool {
	if f, ok := s.now.(*failed); ok {
		return &f.untold
	}
	if c := s.connectionLocked(); c != nil {
		return &c.untold
	}
	return nil
}

// isUntoldLocked reports whether a connect has yet to return its outcome.
func (s *Socket) isUntoldLocked() bool {
	untold := s.untoldLocked()
	return untold != nil && *untold
}

// toldLocked notes that a connect has returned its outcome.
func (s *Socket) toldLocked() {
	if untold := s.untoldLocked(); untold != nil {
		*untold = false
	}
}
