package socket

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// dial waits for the TCP connection of a numeric destination, or resolves a
// name and tries its addresses.
func (s *Socket) dial(ctx context.Context, a *attempt) (*sys.Stream, error) {
	if a.stream != nil {
		return a.stream, await(ctx, a.stream)
	}
	addrs, err := s.resolve(ctx, a)
	if err != nil {
		return nil, err
	}
	return s.race(ctx, a, addrs)
}

// resolve returns the addresses of a name that fit the socket's family.
func (s *Socket) resolve(ctx context.Context, a *attempt) ([]netip.AddrPort, error) {
	d := a.dest
	if ip, err := netip.ParseAddr(d.name); err == nil {
		if !s.fits(ip) {
			return nil, fail(abi.EAFNOSUPPORT, "%s is no address of the socket's family", d.name)
		}
		return []netip.AddrPort{netip.AddrPortFrom(ip, d.port)}, nil
	}
	if !a.rights.OwnNetwork() {
		// Asking from here would let the program reach a network it is kept from.
		return nil, fail(abi.EHOSTUNREACH, "the host name %s cannot be resolved from the program's network namespace: connect to an address", d.name)
	}
	found, err := s.table.cfg.Resolver.LookupHost(ctx, d.name)
	if err != nil {
		return nil, fail(abi.EHOSTUNREACH, "the host name %s cannot be resolved: %v", d.name, err)
	}
	var addrs []netip.AddrPort
	for _, text := range found {
		if ip, err := netip.ParseAddr(text); err == nil && s.fits(ip) {
			addrs = append(addrs, netip.AddrPortFrom(ip, d.port))
		}
	}
	addrs, denied, refused := allowed(a, addrs)
	if refused != nil {
		s.table.deniedLater(a, peerOf(denied), refused)
		return nil, refused
	}
	if len(addrs) == 0 {
		return nil, fail(abi.EHOSTUNREACH, "the host name %s has no address of the socket's family; it has %v", d.name, found)
	}
	return interleave(addrs), nil
}

// allowed leaves the addresses that the policy lets the program talk to; when
// it leaves none, it says why.
func allowed(a *attempt,
	addrs []netip.AddrPort) (left []netip.AddrPort, denied netip.AddrPort, why error) {
	for _, addr := range addrs {
		addr = netip.AddrPortFrom(specified(addr.Addr(), netip.Addr{}), addr.Port())
		if err := mayTalkTo(a.req.Policy, a.req.Name, addr); err != nil {
			denied, why = addr, err
			continue
		}
		left = append(left, addr)
	}
	if len(left) > 0 {
		why = nil
	}
	return left, denied, why
}

func (s *Socket) fits(ip netip.Addr) bool {
	switch s.family {
	case abi.FamilyInet:
		return ip.Is4() || ip.Is4In6()
	case abi.FamilyInet6:
		return ip.Is6()
	}
	return true
}

// interleave alternates the families, beginning with that of the first
// address, RFC 8305, section 4.
func interleave(addrs []netip.AddrPort) []netip.AddrPort {
	if len(addrs) == 0 {
		return nil
	}
	var first, other []netip.AddrPort
	for _, a := range addrs {
		if a.Addr().Is4() == addrs[0].Addr().Is4() {
			first = append(first, a)
		} else {
			other = append(other, a)
		}
	}
	mixed := make([]netip.AddrPort, 0, len(addrs))
	for i := 0; i < len(first) || i < len(other); i++ {
		if i < len(first) {
			mixed = append(mixed, first[i])
		}
		if i < len(other) {
			mixed = append(mixed, other[i])
		}
	}
	return mixed
}

// attemptDelay is how long one address is tried alone before the next one
// joins in, the value RFC 8305, section 5, recommends.
const attemptDelay = 250 * time.Millisecond

// race tries addresses as RFC 8305, section 5, says: the next one begins when
// the last has failed or after a while; the first to connect wins.
func (s *Socket) race(ctx context.Context, a *attempt,
	addrs []netip.AddrPort) (*sys.Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		stream *sys.Stream
		err    error
	}
	results := make(chan result)
	next, running := 0, 0
	var firstErr error
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if next == len(addrs) {
				continue
			}
			to := addrs[next]
			next++
			running++
			go func() {
				stream, err := s.try(ctx, a, to)
				results <- result{stream, err}
			}()
			timer.Reset(attemptDelay)
		case r := <-results:
			running--
			if r.err == nil {
				cancel()
				for ; running > 0; running-- {
					if late := <-results; late.stream != nil {
						late.stream.Close()
					}
				}
				return r.stream, nil
			}
			if firstErr == nil {
				firstErr = r.err
			}
			if next < len(addrs) && ctx.Err() == nil {
				timer.Reset(0)
			} else if running == 0 {
				return nil, firstErr
			}
		}
	}
}

// try connects to one address with a TCP socket of its own.
func (s *Socket) try(ctx context.Context, a *attempt, to netip.AddrPort) (*sys.Stream, error) {
	v6 := s.family == abi.FamilyInet6 || s.family == abi.FamilyHostname && to.Addr().Is6()
	family := abi.FamilyInet
	if v6 {
		family = abi.FamilyInet6
	}
	s.mu.Lock()
	tcp, err := s.renewTCPLocked(a.rights, family)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	err = a.rights.Do(func() error { return sys.ConnectRaw(tcp.Int(), abi.EncodeSockaddr(to, v6)) })
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		tcp.Close()
		return nil, connectError(to.String(), err)
	}
	stream, err := sys.NewStream(tcp, nil)
	if err != nil {
		return nil, err
	}
	if err := await(ctx, stream); err != nil {
		return nil, err
	}
	return stream, nil
}

// await waits until a connecting TCP socket is connected; otherwise it closes
// the stream.
func await(ctx context.Context, stream *sys.Stream) error {
	stop := context.AfterFunc(ctx, func() { _ = stream.SetWriteDeadline(time.Unix(1, 0)) })
	raw, _ := stream.SyscallConn()
	err := raw.Write(func(fd uintptr) bool { return sys.Writable(int(fd)) })
	if !stop() {
		stream.Close()
		return context.Cause(ctx)
	}
	if err == nil {
		err = stream.Control(tcpConnected)
	}
	if err != nil {
		stream.Close()
		return connectError("", err)
	}
	return nil
}

// tcpConnected returns the outcome of a TCP connect, and makes the socket ready
// for the handshake and the relay, which write whole flights: Nagle's algorithm
// (RFC 896) would only delay them by a round trip.
func tcpConnected(fd int) error {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = unix.Errno(errno)
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	return err
}

func connectError(to string, err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("connecting by TCP: %w", err)
	}
	if to != "" {
		to = " to " + to
	}
	return fail(abi.Errno(errno), "TCP%s failed: %v", to, errno)
}
