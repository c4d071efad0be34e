package socket

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Bind is bind(2) with the bytes of a sockaddr: the kernel judges them on the
// real TCP socket.
func (s *Socket) Bind(c Caller, addr []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.State(); now != Fresh && now != Failed {
		return abi.EINVAL
	}
	rights, err := c.Rights()
	if err != nil {
		return err
	}
	defer rights.Close()
	if s.tcp.Int() < 0 {
		if s.tcp, err = s.renewTCPLocked(rights, s.tcpFamily()); err != nil {
			return err
		}
	}
	bind := func() error { return sys.BindRaw(s.tcp.Int(), addr) }
	err = rights.Do(bind)
	if errors.Is(err, unix.EADDRINUSE) {
		// A listener whose program has closed it may still hold the port.
		s.mu.Unlock()
		s.table.Sweep()
		s.mu.Lock()
		err = rights.Do(bind)
	}
	if err != nil {
		return fail(Errno(err), "binding to %s failed: %v", remoteAddr(addr), err)
	}
	s.bound, s.boundTo = true, slices.Clone(addr)
	return nil
}

// Name is getsockname(2): the bytes of the socket's own address.
func (s *Socket) Name() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.local != nil:
		return s.local, nil
	case s.tcp.Int() >= 0:
		return sys.Getsockname(s.tcp.Int())
	case s.listenerLocked() != nil:
		return s.listenerLocked().address()
	}
	return abi.EncodeSockaddr(anyAddress(s.tcpFamily()), s.tcpFamily() == abi.FamilyInet6), nil
}

// Peer is getpeername(2): the bytes of the peer's address, ENOTCONN while
// there is no connection.
func (s *Socket) Peer() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.connectionLocked(); c == nil || c.broken != 0 {
		return nil, abi.ENOTCONN // TCP forgets the peer of a broken connection too
	}
	return s.peer, nil
}
