package socket

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// unspecified is an address of AF_UNSPEC.
var unspecified [unix.SizeofSockaddrInet4]byte

// asksToDisconnect reports whether an address of connect(2) is one of AF_UNSPEC.
func asksToDisconnect(addr []byte) bool {
	to, err := abi.DecodeSockaddr(addr)
	return err == nil && to.Family == abi.FamilyUnspec
}

// disconnectLocked is connect(2) with AF_UNSPEC, which makes of a TCP socket one
// that can be connected again (tcp_disconnect in the kernel's net/ipv4/tcp.c).
// Its connection is reset. What the program has set stays, and so does a port
// that it chose: a fresh socket takes the place of this one.
func (s *Socket) disconnectLocked(c Caller, old endpoint.End) error {
	s.toldLocked()
	if now := s.State(); now == Fresh || now == Failed {
		return nil
	}
	nonblock, err := old.Nonblocking()
	if err != nil {
		return err
	}
	fresh := s.afreshLocked(c)
	end, inode, err := s.table.newEnd(nonblock)
	if err != nil {
		return err
	}
	defer end.Close()
	if err := end.TakeLimits(old); err != nil {
		return err
	}
	fresh.inode = inode
	if err := c.Replace(end); err != nil {
		return err
	}
	s.table.add(fresh)
	s.table.passOlder(s, fresh)
	fresh.held, s.held = s.held, 0
	s.breakOffLocked(old)
	fresh.bindAfresh(c)
	return s.table.supersede(old, fresh, end)
}

// bindAfresh binds the fresh socket to the port that the program has chosen;
// where that is not possible now, connect or listen tries again.
func (s *Socket) bindAfresh(c Caller) {
	if !s.bound {
		return
	}
	rights, err := c.Rights()
	if err != nil {
		return
	}
	defer rights.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.converted = true // the old TCP socket has the port until it is closed
	if tcp, err := s.renewTCPLocked(rights, s.tcpFamily()); err == nil {
		s.tcp = tcp
	}
}

// afreshLocked is a socket with the same settings that was never connected.
func (s *Socket) afreshLocked(c Caller) *Socket {
	again := s.table.born(fresh{}, s.family, s.table.cfg.Engine.NewID())
	again.rules, again.process = s.rules, c.Process()
	again.bound, again.boundTo, again.converted, again.options = s.bound, s.boundTo, s.converted,
		slices.Clone(s.options)
	again.choices = s.choices
	again.abortive.Store(s.abortive.Load())
	return again
}

// breakOffLocked resets the connection, gives the attempt at one up, or stops
// listening. Nobody can ask about this socket any more.
func (s *Socket) breakOffLocked(old endpoint.End) {
	switch now := s.now.(type) {
	case *connected:
		now.conn.SetAbortive(true)
		_ = now.stream.Control(func(fd int) error { // fails when it has just ended
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
			return sys.ConnectRaw(fd, unspecified[:])
		})
	case *attempt:
		now.cancel()
	case *listener:
		now.stop()
		for _, w := range s.takeWaitersLocked() { // in accept
			w.answer(abi.EINVAL)
		}
	}
	// Older copies keep the program's end open.
	old.Cut()
}
