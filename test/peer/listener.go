//go:build linux

// Package peer is the other end of the wire in this project's tests: a TCP or
// TLS server or client that a test leads step by step, with the same steps for
// both. It is made of Go's own net and crypto/tls, so it shares no code with
// what is tested, and it never forgives: a step that goes wrong fails the test.
package peer

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// patience is how long any step may take before the test has failed. It is
// generous because nothing is ever concluded from time passing.
const patience = 60 * time.Second

// Network says how peers talk. With nil configurations that is plain TCP.
type Network struct {
	Server *tls.Config // for connections that are accepted
	Client *tls.Config // for connections that are made
	IPv6   bool
}

func (n *Network) host() string {
	if n.IPv6 {
		return "::1"
	}
	return "127.0.0.1"
}

// Listener is a listening peer.
type Listener struct {
	t       testing.TB
	network *Network
	net     *net.TCPListener
	// filler occupies the backlog of a stalled plain listener.
	filler net.Conn
}

// Listen opens a listener on the loopback.
func (n *Network) Listen(t testing.TB) *Listener {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(n.host(), "0"))
	if err != nil {
		t.Fatalf("peer: listen: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return &Listener{t: t, network: n, net: l.(*net.TCPListener)}
}

// ListenStalled opens a listener where no connection is established before
// Release. With TLS the handshake waits anyway until Accept. With plain TCP the
// backlog is full, so that the kernel ignores who comes.
func (n *Network) ListenStalled(t testing.TB) *Listener {
	t.Helper()
	if n.Server != nil {
		return n.Listen(t)
	}
	l := &Listener{t: t, network: n, net: noBacklog(t, n.IPv6)}
	filler, err := net.Dial("tcp", l.net.Addr().String())
	if err != nil {
		t.Fatalf("peer: fill the backlog: %v", err)
	}
	l.filler = filler
	t.Cleanup(func() { filler.Close() })
	return l
}

// Release ends a stall.
func (l *Listener) Release() {
	l.t.Helper()
	if l.filler == nil {
		return
	}
	filler, err := l.net.Accept()
	if err != nil {
		l.t.Fatalf("peer: accept the connection that filled the backlog: %v", err)
	}
	filler.Close()
	l.filler.Close()
	l.filler = nil
}

// noBacklog makes a listener with the shortest possible backlog, which the net
// package cannot.
func noBacklog(t testing.TB, ipv6 bool) *net.TCPListener {
	t.Helper()
	family, address := syscall.AF_INET,
		syscall.Sockaddr(&syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if ipv6 {
		family, address = syscall.AF_INET6, &syscall.SockaddrInet6{Addr: [16]byte{15: 1}}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Bind(fd, address)
	}
	if err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		t.Fatalf("peer: listen with no backlog: %v", err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatalf("peer: listen with no backlog: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// Port is where it listens.
func (l *Listener) Port() int { return l.net.Addr().(*net.TCPAddr).Port }

// Close stops listening.
func (l *Listener) Close() { l.net.Close() }

// Accept takes the next connection and, with TLS, does the handshake.
func (l *Listener) Accept() *Conn {
	l.t.Helper()
	c, err := l.accept()
	if err != nil {
		l.t.Fatalf("peer: accept: %v", err)
	}
	return c
}

// TryAccept is Accept for handshakes that may fail.
func (l *Listener) TryAccept() (*Conn, error) {
	l.t.Helper()
	return l.accept()
}

// AcceptFailing takes the next connection, whose handshake must fail, and
// returns how it did.
func (l *Listener) AcceptFailing() error {
	l.t.Helper()
	c, err := l.accept()
	if err == nil {
		c.Close()
		l.t.Fatal("peer: a handshake succeeded that should not have")
	}
	return err
}

// AcceptTCP takes the next connection and says nothing on it.
func (l *Listener) AcceptTCP() *net.TCPConn {
	l.t.Helper()
	l.deadline()
	c, err := l.net.AcceptTCP()
	if err != nil {
		l.t.Fatalf("peer: accept: %v", err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func (l *Listener) deadline() {
	if err := l.net.SetDeadline(time.Now().Add(patience)); err != nil {
		l.t.Fatalf("peer: set a deadline: %v", err)
	}
}

func (l *Listener) accept() (*Conn, error) {
	l.deadline()
	tcp, err := l.net.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return newConn(l.t, tcp, func(c net.Conn) *tls.Conn {
		if l.network.Server == nil {
			return nil
		}
		return tls.Server(c, l.network.Server)
	})
}

// Dial connects to a program on the loopback.
func (n *Network) Dial(t testing.TB, port int) *Conn {
	t.Helper()
	c, err := n.TryDial(t, port)
	if err != nil {
		t.Fatalf("peer: connect: %v", err)
	}
	return c
}

// TryDial is Dial for connects that may fail.
func (n *Network) TryDial(t testing.TB, port int) (*Conn, error) {
	t.Helper()
	tcp, err := n.TryDialTCP(port)
	if err != nil {
		return nil, err
	}
	return newConn(t, tcp, func(c net.Conn) *tls.Conn {
		if n.Client == nil {
			return nil
		}
		return tls.Client(c, n.Client)
	})
}

// DialTCP connects without saying anything.
func (n *Network) DialTCP(t testing.TB, port int) *net.TCPConn {
	t.Helper()
	c, err := n.TryDialTCP(port)
	if err != nil {
		t.Fatalf("peer: connect: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TryDialTCP is DialTCP for connects that may fail.
func (n *Network) TryDialTCP(port int) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(n.host(), strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// ClosedPort returns a port where nobody listens, nor can during the test.
func (n *Network) ClosedPort(t testing.TB) int {
	t.Helper()
	family, address := syscall.AF_INET,
		syscall.Sockaddr(&syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if n.IPv6 {
		family, address = syscall.AF_INET6, &syscall.SockaddrInet6{Addr: [16]byte{15: 1}}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("peer: %v", err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, address); err != nil {
		t.Fatalf("peer: %v", err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatalf("peer: %v", err)
	}
	if in6, ok := bound.(*syscall.SockaddrInet6); ok {
		return in6.Port
	}
	return bound.(*syscall.SockaddrInet4).Port
}
