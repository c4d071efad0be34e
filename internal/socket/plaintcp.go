package socket

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// ErrNotTCP says that a descriptor is no TCP socket: TLS options on it are the
// kernel's to refuse.
var ErrNotTCP = endpoint.ErrNotTCP

// States of a TCP socket, include/net/tcp_states.h.
const (
	tcpEstablished = 1
	tcpClose       = 7
	tcpCloseWait   = 8
	tcpListen      = 10
)

// plainTCP is a TCP socket of a program that is not a TLS socket yet.
type plainTCP struct {
	end      endpoint.End
	fd       *sys.FD // of end
	family   int
	state    byte
	nonblock bool
}

func lookAtPlainTCP(c Caller) (*plainTCP, error) {
	end, err := c.End()
	if err != nil {
		return nil, err
	}
	p := &plainTCP{end: end}
	if p.fd, err = end.TCP(); err == nil {
		err = p.examine()
	}
	if err != nil {
		end.Close()
		return nil, err
	}
	return p, nil
}

func (p *plainTCP) examine() (err error) {
	for option, want := range map[int][]int{
		unix.SO_TYPE: {unix.SOCK_STREAM}, unix.SO_PROTOCOL: {unix.IPPROTO_TCP}, unix.SO_DOMAIN: {unix.AF_INET, unix.AF_INET6},
	} {
		got, err := unix.GetsockoptInt(p.fd.Int(), unix.SOL_SOCKET, option)
		if err != nil || got != want[0] && got != want[len(want)-1] {
			return ErrNotTCP
		}
		if option == unix.SO_DOMAIN {
			p.family = got
		}
	}
	info := make([]byte, 1) // tcpi_state is the first byte of struct tcp_info
	if _, err := sys.GetsockoptRaw(p.fd.Int(), unix.IPPROTO_TCP, unix.TCP_INFO, info); err != nil {
		return fmt.Errorf("asking for the state of a TCP socket: %w", err)
	}
	p.state = info[0]
	p.nonblock, err = p.fd.Nonblocking()
	return err
}

// CheckPlainTCP returns ErrNotTCP when a call's descriptor is no TCP socket.
func (t *Table) CheckPlainTCP(c Caller) error {
	p, err := lookAtPlainTCP(c)
	if err != nil {
		return err
	}
	return p.end.Close()
}

// SetPlainTCPOption is a TLS option on a TCP socket that is not ours. An
// unconnected one becomes a TLS socket by it; a connected one remembers it for
// a TCP_UPGRADE_TLS that follows.
func (t *Table) SetPlainTCPOption(c Caller, inode uint64, option abi.Option, value []byte) error {
	p, err := lookAtPlainTCP(c)
	if err != nil {
		return err
	}
	defer p.end.Close()
	switch p.state {
	case tcpClose:
		_, err := t.convert(c, p, option, value)
		return err
	case tcpEstablished, tcpCloseWait:
		return t.remember(c, inode, p.family).SetTLSOption(c, option, value)
	case tcpListen:
		return t.convertListener(c, p, inode, option, value)
	}
	return abi.EISCONN
}

// convert makes a TLS socket of an unconnected TCP socket. Its real TCP socket
// is a fresh one with the same options and address, and the old one can never
// be connected again: so no copy of it, wherever it is, can send a byte into
// the TLS connection, or any other.
func (t *Table) convert(c Caller, p *plainTCP, option abi.Option, value []byte) (*Socket, error) {
	kind := unix.SOCK_STREAM
	if p.nonblock {
		kind |= unix.SOCK_NONBLOCK
	}
	s, end, err := t.New(c, p.family, kind)
	if err != nil {
		return nil, err
	}
	defer end.Close()
	if err = s.SetTLSOption(c, option, value); err == nil {
		err = t.commit(c, s, p, end)
	}
	if err != nil {
		s.Discard()
		return nil, err
	}
	if err := c.Replace(end); err != nil {
		return nil, err // the descriptor is an older copy now: the next call replaces it
	}
	return s, nil
}

// commit gives up the program's TCP socket for the new one: on error nothing
// has changed.
func (t *Table) commit(c Caller, s *Socket, p *plainTCP, end endpoint.End) error {
	t.copies.convertMu.Lock()
	defer t.copies.convertMu.Unlock()
	inode, err := p.end.ID()
	if err != nil {
		return err
	}
	if t.Older(inode) != nil {
		return abi.EBADF // another thread was faster, and the descriptor is another
	}
	if err := s.takeOver(c, p, end); err != nil {
		return err
	}
	// What another thread has connected meanwhile is not to be converted.
	if err := p.examine(); err != nil {
		return err
	}
	if p.state != tcpClose {
		return abi.EISCONN
	}
	if err := t.supersede(p.end, s, end); err != nil {
		return err
	}
	return sys.Mute(p.fd.Int())
}

// inherited are options that a TCP socket may have been given before it became
// a TLS socket.
var inherited = []struct{ level, name, size int }{
	{unix.SOL_SOCKET, unix.SO_REUSEADDR, 4}, {unix.SOL_SOCKET, unix.SO_REUSEPORT, 4},
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 4}, {unix.SOL_SOCKET, unix.SO_LINGER, 8},
	{unix.SOL_SOCKET, unix.SO_PRIORITY, 4}, {unix.SOL_SOCKET, unix.SO_MARK, 4},
	{unix.SOL_SOCKET, unix.SO_BINDTODEVICE, unix.IFNAMSIZ},
	{unix.IPPROTO_TCP, unix.TCP_NODELAY, 4}, {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 4},
	{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 4}, {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 4},
	{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 4}, {unix.IPPROTO_TCP, unix.TCP_SYNCNT, 4},
	{unix.IPPROTO_TCP, unix.TCP_CONGESTION, 16}, {unix.IPPROTO_TCP, unix.TCP_MAXSEG, 4},
	{unix.IPPROTO_IP, unix.IP_TOS, 4}, {unix.IPPROTO_IP, unix.IP_TTL, 4},
	{unix.IPPROTO_IP, unix.IP_FREEBIND, 4}, {unix.IPPROTO_IP, unix.IP_TRANSPARENT, 4}, {unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 4},
	{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 4}, {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 4},
	{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 4},
}

// takeOver copies what was set on the TCP socket to the new one and to the
// program's new descriptor.
func (s *Socket) takeOver(c Caller, p *plainTCP, end endpoint.End) error {
	if err := end.TakeLimits(p.end); err != nil {
		return err
	}
	for _, o := range inherited {
		was, err := getsockopt(p.fd.Int(), o.level, o.name, o.size)
		if err != nil {
			continue // not for this family
		}
		now, err := getsockopt(s.tcp.Int(), o.level, o.name, o.size)
		if err != nil || string(was) == string(now) {
			continue
		}
		if err := s.SetOption(c, o.level, o.name, was); err != nil {
			return fmt.Errorf("keeping option %d of level %d: %w", o.name, o.level, err)
		}
	}
	local, err := sys.Getsockname(p.fd.Int())
	if err != nil {
		return err
	}
	if addr, err := abi.DecodeSockaddr(local); err != nil ||
		addr.Port == 0 && addr.IP.IsUnspecified() {
		return err
	}
	return s.bindBeside(c, p, local)
}

// bindBeside binds the new TCP socket to the address of the program's, which
// keeps it as long as copies of it exist: the kernel allows that when both have
// SO_REUSEADDR and none listens.
func (s *Socket) bindBeside(c Caller, p *plainTCP, addr []byte) error {
	if err := unix.SetsockoptInt(p.fd.Int(), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	rights, err := c.Rights()
	if err != nil {
		return err
	}
	defer rights.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.converted = true
	err = rights.Do(func() error {
		return s.besideLocked(s.tcp.Int(), func() error { return sys.BindRaw(s.tcp.Int(), addr) })
	})
	if err != nil {
		return fail(Errno(err), "binding to %s again failed: %v", remoteAddr(addr), err)
	}
	s.bound, s.boundTo = true, addr
	return nil
}

// besideLocked carries out a bind or listen that the program's old TCP socket
// may be in the way of.
func (s *Socket) besideLocked(fd int, carryOut func() error) error {
	err := carryOut()
	if !s.converted || !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	was, failed := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR)
	if failed != nil || was != 0 {
		return err
	}
	if failed = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); failed != nil {
		return err
	}
	defer func() { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, was) }()
	return carryOut()
}

func getsockopt(fd, level, name, size int) ([]byte, error) {
	buf := make([]byte, size)
	n, err := sys.GetsockoptRaw(fd, level, name, buf)
	return buf[:min(n, size)], err
}

// Remembered returns what a plain TCP socket remembers, nil when nothing.
func (t *Table) Remembered(inode uint64) *Socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.plainTCP[inode]
}

// remember returns the settings of a connected TCP socket, made at the first
// option. They have a number of their own, like a socket.
func (t *Table) remember(c Caller, inode uint64, family int) *Socket {
	t.sweepPlainTCP(c.Thread())
	id := t.cfg.Engine.NewID()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.plainTCP[inode]
	if s == nil {
		s = t.born(fresh{}, family, id)
		s.rules, s.process, s.inode = t.rules.Load(), c.Process(), inode
		t.plainTCP[inode] = s
	}
	return s
}

// sweepPlainTCP forgets TCP sockets that are closed, when there are many.
func (t *Table) sweepPlainTCP(thread int) {
	t.mu.Lock()
	many := len(t.plainTCP) >= t.sweepPlainTCPAt
	t.mu.Unlock()
	if !many {
		return
	}
	open, err := t.cfg.Ends.TCPSockets(thread)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for inode := range t.plainTCP {
		if !open[inode] {
			delete(t.plainTCP, inode)
		}
	}
	t.sweepPlainTCPAt = max(minSweep, 2*len(t.plainTCP))
}
