package socket

import (
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// beginRelay has the connection's bytes moved until both directions have ended.
// No goroutine is kept for that: see engine.Conn.
func (s *Socket) beginRelay(plain *sys.Stream, conn engine.Conn, tcp *sys.Stream) {
	t := s.table
	last := &lastLook{Stream: plain, socket: s}
	options := engine.RelayOptions{BeforeReset: func(why error) { s.provokeReset(plain, why) }, Leftover: t.cfg.Leftover, Bug: t.bug}
	t.relays.Add(1)
	defer func() {
		if r := recover(); r != nil {
			s.cutRelay(plain, tcp, t.bug(r))
			t.relays.Done()
		}
	}()
	s.tellAbortive()
	conn.Relay(last, options, func(end engine.End) {
		defer t.relays.Done()
		s.relayDone(end, last.gone.Load())
	})
}

// cutRelay ends a connection whose relay could not begin.
func (s *Socket) cutRelay(plain, tcp *sys.Stream, why error) {
	tcp.Close()
	s.provokeReset(plain, why)
	plain.Close()
	s.relayDone(engine.End{Err: why}, false)
}

// lastLook is a plaintext stream that notes at its close whether the program
// has closed its end already: then nobody can ask about the socket any more.
// An end that the program has shut down looks the same; that is known from
// Shutdown.
type lastLook struct {
	*sys.Stream
	socket *Socket
	gone   atomic.Bool
}

func (l *lastLook) Close() error {
	_ = l.Control(func(fd int) error {
		l.gone.Store(sys.Gone(fd) && !l.socket.shutDown.Load())
		return nil
	})
	return l.Stream.Close()
}

func (s *Socket) relayDone(end engine.End, gone bool) {
	s.ended.Store(time.Now().Unix())
	s.table.forgetUpgraded(s)
	s.mu.Lock()
	s.relayEnded = true
	s.table.usage.end(s.program)
	if end.Err != nil {
		s.brokenLocked(end.Err)
	}
	s.mu.Unlock()
	if end.Err != nil {
		s.table.cfg.Log.Warn(Sentence(end.Err), "id", s.id)
	}
	s.table.cfg.Log.Info("ended", "id", s.id, "sent", end.Sent, "received", end.Received)
	if gone && !(end.Refused && s.table.exists(s.inodeKnown())) {
		s.table.remove(s)
		s.release()
	}
}

// provokeReset puts a byte into our receive queue through the program's own
// descriptor, wherever that is, so that closing our end makes the program see
// ECONNRESET and not an end of file (unix_release_sock in the kernel's
// net/unix/af_unix.c). The program may ask why as soon as it sees it.
func (s *Socket) provokeReset(plain *sys.Stream, why error) {
	s.mu.Lock()
	s.brokenLocked(why)
	s.mu.Unlock()
	unread, ours, gone := 0, uint64(0), false
	err := plain.Control(func(fd int) (err error) {
		gone = sys.Gone(fd)
		if unread, err = sys.Unread(fd); err != nil {
			return err
		}
		var st unix.Stat_t
		err = unix.Fstat(fd, &st)
		ours = st.Ino
		return err
	})
	if err != nil || unread > 0 || gone {
		return
	}
	s.awaitAccept(plain, ours)
	end, err := s.findEnd(ours)
	if err != nil {
		s.table.cfg.Log.Warn("the program's descriptor was not found: it sees the cut stream as ended", "id", s.id, "error", err)
		return
	}
	defer end.Close()
	err = unix.Sendto(end.Int(), []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	if err != nil {
		s.table.cfg.Log.Debug("the program's descriptor cannot be written", "id", s.id, "error", err)
	}
}

// brokenLocked notes why the connection broke.
func (s *Socket) brokenLocked(why error) {
	s.outcome.broke(why)
	s.broken = 0
	var e *engine.Error
	if errors.As(why, &e) && e.Reason == engine.Network {
		s.broken = Errno(why)
	}
}

// lookShare bounds the share of time spent on asking whether connections have
// been accepted: a look costs time in proportion to the number of AF_UNIX
// sockets on the machine.
const lookShare = 20

// accepted asks the kernel whether the other end of one of our streams has
// been accepted. It takes a bounded share of the time, however many ask.
func (t *Table) accepted(ours uint64) bool {
	t.askMu.Lock()
	defer t.askMu.Unlock()
	start := time.Now()
	peer, err := t.diag.Peer(ours)
	time.Sleep(lookShare * time.Since(start))
	return err == nil && peer != 0
}

// awaitAccept waits until the program has accepted a connection or closed its
// listener: before, it has no descriptor of the connection. The kernel
// announces neither.
func (s *Socket) awaitAccept(plain *sys.Stream, ours uint64) {
	delay := firstDelay
	for s.inodeKnown() == 0 {
		if s.table.accepted(ours) {
			return
		}
		over := true
		_ = plain.Control(func(fd int) error {
			over = sys.Gone(fd)
			return nil
		})
		if over || s.table.ctx.Err() != nil {
			return
		}
		time.Sleep(delay)
		delay = min(2*delay, lastDelay)
	}
}

func (s *Socket) inodeKnown() uint64 {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	return s.inode
}

// findEnd finds the program's descriptor by the inode of our end.
func (s *Socket) findEnd(ours uint64) (*sys.FD, error) {
	inode := s.inodeKnown()
	if inode == 0 {
		peer, err := s.table.diag.Peer(ours)
		if err != nil {
			return nil, err
		}
		if peer != 0 {
			s.table.claimed(s, peer)
		}
		inode = peer
	}
	s.mu.Lock()
	where := s.where
	s.mu.Unlock()
	end, err := s.table.cfg.Finder.Find(inode, where, true)
	if err != nil && s.hasKept() {
		return s.Current() // programs have older copies alone
	}
	return end, err
}

// Shutdown is shutdown(2) on a connected socket. It reports whether it has
// been done; otherwise the kernel does it on the program's own descriptor.
func (s *Socket) Shutdown(c Caller, how int) (done bool, err error) {
	s.mu.Lock()
	state, conn, ended := s.state, s.conn, s.relayEnded
	attempt := s.attempt
	s.mu.Unlock()
	switch state {
	case Fresh, Failed:
		return true, unix.ENOTCONN
	case Connecting:
		attempt.cancel()
		return true, nil
	case Connected:
		if ended {
			return true, unix.ENOTCONN
		}
		return s.shutdownConnected(c, conn, how)
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
	case sys.Gone(end.Int()): // both directions have ended
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
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		return
	}
	s.abortiveMu.Lock()
	defer s.abortiveMu.Unlock()
	if on := s.abortive.Load() && !s.shutDown.Load(); on != s.abortiveTold {
		s.abortiveTold = on
		conn.SetAbortive(on)
	}
}

// shutdownWrite ends the program's sending side so that a byte of no meaning
// stays unread at our end: should the peer's stream then be cut, closing our
// end still shows the program ECONNRESET.
func (s *Socket) shutdownWrite(end *sys.FD, conn engine.Conn) error {
	s.shutdownMu.Lock()
	defer s.shutdownMu.Unlock()
	if !s.shutWrite {
		s.shutWrite = true
		conn.Guard()
		writeMark(end)
	}
	return unix.Shutdown(end.Int(), unix.SHUT_WR)
}

// writeMark writes the byte of no meaning behind what the program has written.
// Room for it is made by a larger buffer; where the kernel allows none, it
// waits for room. A connection that has ended meanwhile needs no mark.
func writeMark(end *sys.FD) {
	p := []unix.PollFd{{Fd: int32(end.Int()), Events: unix.POLLOUT}}
	for {
		err := unix.Sendto(end.Int(), []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			if size, err := unix.GetsockoptInt(end.Int(), unix.SOL_SOCKET, unix.SO_SNDBUF); err == nil {
				setSendBuffer(end.Int(), size)
			}
			if err := unix.Sendto(end.Int(), []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil); err != unix.EAGAIN {
				return
			}
			_, _ = unix.Poll(p, -1)
		default:
			return
		}
	}
}

// askedLate is how long a connection that has ended can be asked about by a
// program whose descriptor was never seen.
const askedLate = 60 // seconds

func (s *Socket) endedLongAgo() bool {
	ended := s.ended.Load()
	return ended != 0 && time.Now().Unix()-ended > askedLate
}
