package socket

import (
	"context"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// attempt is one connection being made.
type attempt struct {
	cancel    context.CancelFunc
	plaintext endpoint.Plaintext // our side of the program's descriptor
	dest      destination
	rights    Rights
	stream    *sys.Stream // TCP, connecting or connected already; nil for a name
	req       *engine.Request
	// upgrade says that the program has used the TCP connection before: when
	// it fails it is cut, so that nothing follows in plain text.
	upgrade bool
	refused error    // why it is to fail, if it is
	program limitKey // whose connection it is
	process claimant // the same for the engine
}

// destination is where to connect: a name to resolve, or an address that the
// TCP socket is connecting to already.
type destination struct {
	name string
	port uint16
}

// Connect is connect(2) with the bytes of a sockaddr. For a blocking socket it
// returns ErrPending and answers the caller later.
func (s *Socket) Connect(c Caller, addr []byte) error {
	end, err := c.End()
	if err != nil {
		return err
	}
	defer end.Close()
	nonblock, err := end.Nonblocking()
	if err != nil {
		return err
	}
	s.table.endListenersAt(remoteAddr(addr).Port())
	s.mu.Lock()
	defer s.mu.Unlock()
	if asksToDisconnect(addr) {
		return s.disconnectLocked(c, end)
	}
	if s.isUntoldLocked() {
		return s.tellLocked()
	}
	switch s.State() {
	case Connected, Ended, Listening:
		return abi.EISCONN
	case Connecting:
		if nonblock {
			return abi.EALREADY
		}
		s.waitLocked(c, end.SendLimit(), abi.EALREADY)
		return ErrPending
	}
	addr = Reached(s.tcp, addr)
	to, err := s.checkDestinationLocked(addr)
	if err != nil {
		return err
	}
	if err := s.startLocked(c, end, to, addr); err != nil {
		return err
	}
	if nonblock {
		return abi.EINPROGRESS
	}
	s.waitLocked(c, end.SendLimit(), abi.EINPROGRESS)
	return ErrPending
}

// checkDestinationLocked decodes an address and judges its family as
// tcp_v4_connect and tcp_v6_connect do.
func (s *Socket) checkDestinationLocked(addr []byte) (abi.Sockaddr, error) {
	to, err := abi.DecodeSockaddr(addr)
	if err != nil && !(errors.Is(err, abi.EAFNOSUPPORT) && len(addr) < abi.SizeSockaddrInet) {
		return to, err
	}
	if err != nil {
		return to, abi.EINVAL
	}
	switch to.Family {
	case abi.FamilyUnspec, abi.FamilyHostname:
		return to, nil
	}
	if s.family != abi.FamilyHostname && int(to.Family) != s.family {
		if s.family == abi.FamilyInet6 && len(addr) < abi.MinSockaddrInet6 {
			return to, abi.EINVAL
		}
		return to, abi.EAFNOSUPPORT
	}
	return to, nil
}

// startLocked begins a connection: the TCP connect of a numeric address at
// once, so that its immediate errors are the call's; the rest on a goroutine.
func (s *Socket) startLocked(c Caller, end endpoint.End, to abi.Sockaddr, addr []byte) error {
	rights, err := c.Rights()
	if err != nil {
		return err
	}
	a := &attempt{rights: rights, dest: destination{to.Name, to.Port}}
	started := false
	defer func() {
		if !started {
			rights.Close()
			a.process.close()
		}
	}()
	if a.process, err = s.table.claimantOf(c); err != nil {
		return err
	}
	if a.req, err = s.clientRequestLocked(c, to); err != nil {
		return err
	}
	// Without the engine nobody need hear of it.
	if err := s.table.cfg.Engine.Available(s.table.ctx); err != nil {
		return err
	}
	if err := s.countLocked(c, a); err != nil {
		return err
	}
	defer func() {
		if !started {
			s.table.usage.end(a.program)
		}
	}()
	if s.endUsedLocked() {
		if end, err = s.replaceEndLocked(c, end); err != nil {
			return err
		}
		defer end.Close()
	}
	if to.Family != abi.FamilyHostname {
		if err := s.connectTCPLocked(rights, int(to.Family), addr); err != nil {
			return err
		}
		if a.stream, err = s.takeTCPLocked(); err != nil {
			return err
		}
	}
	if a.plaintext, err = end.Join(s.roomLocked()); err != nil {
		if a.stream != nil {
			a.stream.Close()
		}
		s.local = nil
		return err
	}
	ctx, cancel := context.WithCancel(s.table.ctx)
	a.cancel = cancel
	s.become(a)
	s.soError, s.where = 0, c.Where()
	s.outcome.begin()
	started = true
	s.table.background(func(err error) { s.failed(a, err) },
		func(context.Context) { s.establish(ctx, a) })
	return nil
}

func (s *Socket) clientRequestLocked(c Caller, to abi.Sockaddr) (*engine.Request, error) {
	if len(s.set.chains) > 0 {
		return nil, fail(abi.EINVAL, "a certificate chain was given without its key: set TLS_PRIVATE_KEY before connect")
	}
	if to.Family == abi.FamilyHostname {
		s.set.remoteName = to.Name
		s.shareLocked()
	}
	name := s.set.remoteName
	if name == "" {
		name = to.IP.Unmap().WithZone("").String()
	}
	if to.Family != abi.FamilyUnspec { // an upgrade has its peer already
		peer := netip.AddrPortFrom(to.IP.Unmap(), to.Port)
		if err := mayTalkTo(s.effectiveLocked(c), name, peer); err != nil {
			s.table.cfg.Log.Warn(err.Error(), "id", s.id, "program", c.String())
			s.table.denied(c, engine.Denial{ID: s.id, Name: name, Peer: peerOf(peer)}, err)
			return nil, err
		}
	}
	return &engine.Request{
		Role: engine.Client, ID: s.id, Policy: s.effectiveLocked(c), Name: name, Port: to.Port,
		ALPN:       s.set.asked.ALPN,
		Identities: s.set.identities, ProgramRoots: s.set.roots, Sharers: s.sharersLocked(c),
		Asked: s.set.asked,
	}, nil
}

// connectTCPLocked sends the SYN. EINPROGRESS is success.
func (s *Socket) connectTCPLocked(rights Rights, family int, addr []byte) (err error) {
	if s.tcp.Int() < 0 || s.family == abi.FamilyHostname && family == abi.FamilyInet {
		old := s.tcp
		if s.tcp, err = s.renewTCPLocked(rights, family); err != nil {
			s.tcp = old
			return err
		}
		old.Close()
	}
	err = rights.Do(func() error { return sys.ConnectRaw(s.tcp.Int(), addr) })
	if errors.Is(err, unix.EINPROGRESS) {
		err = nil
	}
	return err
}

// takeTCPLocked makes a stream of the TCP socket that is connecting, which has
// its own address from now on.
func (s *Socket) takeTCPLocked() (*sys.Stream, error) {
	local, err := sys.Getsockname(s.tcp.Int())
	if err != nil {
		return nil, err
	}
	stream, err := sys.NewStream(s.tcp, nil)
	if err != nil {
		return nil, err
	}
	s.tcp, s.local = nil, local
	return stream, nil
}

// endUsedLocked reports whether the program's end was that of a connection that
// has failed.
func (s *Socket) endUsedLocked() bool {
	f, ok := s.now.(*failed)
	return ok && !f.renewed
}

// replaceEndLocked gives the program a fresh descriptor in place of one whose
// connection failed, since an end is joined once.
func (s *Socket) replaceEndLocked(c Caller, old endpoint.End) (endpoint.End, error) {
	nonblock, err := old.Nonblocking()
	if err != nil {
		return nil, err
	}
	end, inode, err := s.table.newEnd(nonblock)
	if err != nil {
		return nil, err
	}
	if err := c.Replace(end); err != nil {
		end.Close()
		return nil, err
	}
	s.table.rekey(s, inode)
	if err := s.table.supersede(old, s, end); err != nil {
		s.table.cfg.Log.Debug("older copies of a socket will not be replaced", "id", s.id, "error", err)
	}
	return end, nil
}

// remoteAddr is for messages.
func remoteAddr(b []byte) netip.AddrPort {
	a, err := abi.DecodeSockaddr(b)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.IP.Unmap(), a.Port)
}
