package socket

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// JudgesPlainTCP reports whether any program's plain TCP connections are
// restricted or made TLS, so that connects of other sockets must be looked at.
func JudgesPlainTCP(p *policy.Policy) bool {
	return slices.ContainsFunc(append(p.Profiles(), p.Default()), judgesPlain)
}

func judgesPlain(e *policy.Effective) bool {
	return e.PlainTCP.Mode != policy.PlainTCPAllow || len(e.Upgrade) > 0
}

// ErrAllowed says that a TCP socket may be connected, by the gate.
var ErrAllowed = errors.New("the policy allows the plain TCP connection")

// ConnectPlainTCP judges connect(2) on fd, a socket that is not ours, under a
// policy that JudgesPlainTCP. ErrNotTCP means that the policy has nothing to
// say of such sockets, ErrAllowed that it allows the connection. One that it
// wants to be TLS becomes that: the socket that is returned goes on with it.
// Otherwise it is refused with EPERM.
func (t *Table) ConnectPlainTCP(c Caller, fd *sys.FD, addr []byte) (*Socket, error) {
	if !internetStream(fd) {
		return nil, ErrNotTCP
	}
	e, err := t.policyFor(t.rules.Load(), c)
	if err != nil {
		return nil, err
	}
	if !judgesPlain(e) {
		return nil, ErrAllowed
	}
	to, err := abi.DecodeSockaddr(addr)
	if err == nil && to.Family != abi.FamilyUnspec {
		peer := netip.AddrPortFrom(to.IP.Unmap(), to.Port)
		verdict := e.JudgePlainTCP(peer)
		if u := verdict.Upgrade; u != nil {
			return t.convertFor(c, u)
		}
		if !verdict.Allowed {
			err := plainTCPRefused(peer, verdict.At)
			t.cfg.Log.Warn(err.Error(), "program", c.String())
			t.denied(c, engine.Denial{Peer: peer}, err)
			return nil, err
		}
	}
	// What cannot be decoded is the kernel's to refuse, as the same bytes.
	return nil, ErrAllowed
}

// internetStream reports whether a socket is a stream of AF_INET or AF_INET6,
// of whatever protocol.
func internetStream(fd *sys.FD) bool {
	kind, err := unix.GetsockoptInt(fd.Int(), unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM {
		return false
	}
	family, err := unix.GetsockoptInt(fd.Int(), unix.SOL_SOCKET, unix.SO_DOMAIN)
	return err == nil && (family == unix.AF_INET || family == unix.AF_INET6)
}

func plainTCPRefused(peer netip.AddrPort, at policy.Position) error {
	why := &policy.Forbidden{Sentence: fmt.Sprintf("the policy allows no plain TCP connection to %s (%s)", peer, at), At: at}
	return &failure{abi.EPERM, why.Sentence, why}
}

// convertFor makes a TLS socket of a TCP socket that is about to connect.
func (t *Table) convertFor(c Caller, u *policy.Upgrade) (*Socket, error) {
	p, err := lookAtPlainTCP(c)
	if err != nil {
		return nil, err
	}
	defer p.end.Close()
	if p.state != tcpClose {
		return nil, abi.EISCONN
	}
	return t.convert(c, p, abi.RemoteHostname, []byte(u.Name))
}
