//go:build linux

package ssa

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// Dialer makes connections to verified peers. The zero value is ready to use.
type Dialer struct {
	// Net makes the TCP connections: time limits, local addresses, the resolver.
	Net net.Dialer
	// ServerName is the name to verify and to ask for. Empty is the host of
	// the address that is dialed.
	ServerName string
	// Settings are more options, set in this order.
	Settings []Setting
}

// DialContext connects as net.Dialer.DialContext does. When it returns, the
// handshake is done and the peer has proved its name. The connection is a
// *Conn. It can be the DialTLSContext of an http.Transport.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if err := checkNetwork(network, address); err != nil {
		return nil, err
	}
	name, err := d.serverName(address)
	if err != nil {
		return nil, err
	}
	settings := append([]Setting{{abi.RemoteHostname, name}}, d.Settings...)

	var sockets witnesses
	defer sockets.close()
	dialer, before := d.Net, d.Net.ControlContext
	if before == nil && dialer.Control != nil {
		before = func(_ context.Context, network, address string, c syscall.RawConn) error {
			return d.Net.Control(network, address, c)
		}
	}
	dialer.ControlContext = func(ctx context.Context, network, address string,
		c syscall.RawConn) error {
		if before != nil {
			if err := before(ctx, network, address, c); err != nil {
				return err
			}
		}
		return control(c, func(fd int) error {
			if err := apply(fd, settings); err != nil {
				return err
			}
			return sockets.add(fd)
		})
	}
	dialer.SetMultipathTCP(false) // TLS sockets are TCP

	conn, err := dialer.DialContext(ctx, network, address)
	if errors.Is(err, ErrUnavailable) && theService() != nil {
		return theService().dial(ctx, d, network, address, settings)
	}
	if err != nil {
		return nil, sockets.explain(err)
	}
	return newConn(conn)
}

func (d *Dialer) serverName(address string) (string, error) {
	if d.ServerName != "" {
		return d.ServerName, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	host, _, _ = strings.Cut(host, "%") // an IPv6 zone is no part of a certificate
	if host == "" {
		return "", &net.AddrError{Err: "no host to verify, and no ServerName", Addr: address}
	}
	return host, nil
}

// witnesses are copies of the descriptors of sockets that are connecting: the
// net package closes its own when that fails, before anyone can ask why.
type witnesses struct {
	mu  sync.Mutex
	fds []int
	// closed: a socket that lost the race between addresses may come late.
	closed bool
}

func (w *witnesses) add(fd int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return net.ErrClosed
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		w.fds = append(w.fds, dup)
	}
	return err
}

func (w *witnesses) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, fd := range w.fds {
		_ = unix.Close(fd) // nothing was written through it
	}
	w.fds = nil
}

// explain adds what the sockets know to a failure to connect.
func (w *witnesses) explain(err error) error {
	var known *Error
	if errors.Is(err, ErrUnavailable) || errors.As(err, &known) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var reasons []string
	for _, fd := range w.fds {
		reason, asked := unix.GetsockoptString(fd, abi.ProtocolTLS, int(abi.Error))
		if asked == nil && reason != "" && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	if len(reasons) == 0 {
		return err
	}
	return &Error{Err: err, Reason: strings.Join(reasons, "; ")}
}
