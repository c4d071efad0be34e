package socket

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// closing is how a program closes a connection, in both senses.
type closing struct {
	shutDown atomic.Bool  // shutdown(2) has been called
	abortive atomic.Bool  // SO_LINGER with a time of zero is set
	ended    atomic.Int64 // when the relay ended, Unix time, 0 before

	abortiveMu   sync.Mutex
	abortiveTold bool

	shutdownMu sync.Mutex // one shutdown(2) at a time
	shutWrite  bool
}

// beginRelay has the connection's bytes moved until both directions have ended.
// No goroutine is kept for that: see engine.Conn.
func (s *Socket) beginRelay(plaintext endpoint.Plaintext, conn engine.Conn, tcp *sys.Stream) {
	t := s.table
	options := engine.RelayOptions{BeforeReset: func(why error) { s.provokeReset(plaintext, why) },
		Leftover: t.cfg.Leftover, Bug: t.bug}
	t.relays.Add(1)
	defer func() {
		if r := recover(); r != nil {
			s.cutRelay(plaintext, tcp, t.bug(r))
			t.relays.Done()
		}
	}()
	s.tellAbortive()
	conn.Relay(plaintext, options, func(end engine.End) {
		defer t.relays.Done()
		// An end that the program has shut down looks as if it had gone.
		s.relayDone(end, plaintext.WasGone() && !s.shutDown.Load())
	})
}

// cutRelay ends a connection whose relay could not begin.
func (s *Socket) cutRelay(plaintext endpoint.Plaintext, tcp *sys.Stream, why error) {
	tcp.Close()
	s.provokeReset(plaintext, why)
	plaintext.Close()
	s.relayDone(engine.End{Err: why}, false)
}

func (s *Socket) relayDone(end engine.End, gone bool) {
	s.ended.Store(time.Now().Unix())
	s.table.forgetUpgraded(s)
	s.mu.Lock()
	if end.Err != nil {
		s.brokenLocked(end.Err)
	}
	if c, ok := s.now.(*connected); ok {
		s.table.usage.end(c.counted)
		s.become(ended{c})
	}
	s.mu.Unlock()
	if end.Err != nil {
		s.table.cfg.Log.Warn(Sentence(end.Err), "id", s.id)
	}
	s.table.cfg.Log.Info("ended", "id", s.id, "sent", end.Sent, "received", end.Received)
	if gone && !(end.Refused && s.table.cfg.Ends.Exists(s.inodeKnown())) {
		s.table.remove(s)
		s.release()
	}
}

// provokeReset has the program see ECONNRESET and not an end of file once our side
// is closed. The program may ask why as soon as it sees it.
func (s *Socket) provokeReset(plaintext endpoint.Plaintext, why error) {
	s.mu.Lock()
	s.brokenLocked(why)
	s.mu.Unlock()
	if err := plaintext.Provoke(s.table.ctx, known{s}); err != nil {
		s.table.cfg.Log.Warn(err.Error(), "id", s.id)
	}
}

// brokenLocked notes why the connection broke.
func (s *Socket) brokenLocked(why error) {
	s.outcome.broke(why)
	var broken abi.Errno
	var e *engine.Error
	if errors.As(why, &e) && e.Reason == engine.Network {
		broken = Errno(why)
	}
	if c := s.connectionLocked(); c != nil {
		c.broken = broken
	}
}

func (s *Socket) inodeKnown() uint64 {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	return s.inode
}

// known is an endpoint.Known.
type known struct{ s *Socket }

func (k known) ID() uint64      { return k.s.inodeKnown() }
func (k known) Found(id uint64) { k.s.table.claimed(k.s, id) }
func (k known) Hint() endpoint.Where {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	return k.s.where
}

// Kept is a copy that is kept while programs have older ones, maybe these alone.
func (k known) Kept() (endpoint.End, error) {
	if !k.s.hasKept() {
		return nil, endpoint.ErrClosed
	}
	return k.s.Current()
}

// Shutdown is shutdown(2) on a connected socket. It reports whether it has
// been done; otherwise the kernel does it on the program's own descriptor.
func (s *Socket) Shutdown(c Caller, how int) (done bool, err error) {
	s.mu.Lock()
	now := s.now
	s.mu.Unlock()
	switch now := now.(type) {
	case fresh, *failed, ended:
		return true, unix.ENOTCONN
	case *attempt:
		now.cancel()
		return true, nil
	case *connected:
		return s.shutdownConnected(c, now.conn, how)
	}
	return false, nil
}

func (s *Socket) shutdownConnected(c Caller, conn engine.Conn, how int) (done bool, err error) {
	end, err := c.End()
	if err != nil {
		return true, err
	}
	defer end.Close()
	s.shutDown.Store(true)
	s.tellAbortive()
	switch {
	case end.Gone(): // both directions have ended
		return true, unix.ENOTCONN
	case how == unix.SHUT_WR:
		return true, s.shutdownWrite(end, conn)
	}
	return false, nil
}

// tellAbortive tells the connection, if there is one, what closing the
// program's end means.
func (s *Socket) tellAbortive() {
	s.mu.Lock()
	c := s.connectionLocked()
	s.mu.Unlock()
	if c == nil {
		return
	}
	s.abortiveMu.Lock()
	defer s.abortiveMu.Unlock()
	if on := s.abortive.Load() && !s.shutDown.Load(); on != s.abortiveTold {
		s.abortiveTold = on
		c.conn.SetAbortive(on)
	}
}

// shutdownWrite ends the program's sending side so that a byte of no meaning
// stays unread at our end: should the peer's stream then be cut, closing our
// end still shows the program ECONNRESET.
func (s *Socket) shutdownWrite(end endpoint.End, conn engine.Conn) error {
	s.shutdownMu.Lock()
	defer s.shutdownMu.Unlock()
	if !s.shutWrite {
		s.shutWrite = true
		conn.Guard()
		end.WriteMark()
	}
	return end.CloseWrite()
}

// askedLate is how long a connection that has ended can be asked about by a
// program whose descriptor was never seen.
const askedLate = 60 // seconds

func (s *Socket) endedLongAgo() bool {
	ended := s.ended.Load()
	return ended != 0 && time.Now().Unix()-ended > askedLate
}
