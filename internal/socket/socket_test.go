package socket

import (
	"bytes"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func world(t testing.TB) (*rig, *ssatest.Authority) {
	a := ssatest.NewAuthority(t)
	return newRig(t, a), a
}

func serverConfig(t testing.TB, a *ssatest.Authority) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.Issue(t,
		ssatest.Leaf{Names: []string{"localhost"}}).TLS}}
}

func setOption(t testing.TB, s *Socket, c *testCaller, o abi.Option, value string) {
	t.Helper()
	if err := s.SetTLSOption(c, o, []byte(value)); err != nil {
		t.Fatalf("%v: %v", o, err)
	}
}

func TestBlockingConnect(t *testing.T) {
	r, a := world(t)
	addr := peer(t, serverConfig(t, a))
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	setOption(t, s, c, abi.RemoteHostname, "localhost")
	call := c.call()
	if err := call.wait(s.Connect(call, sockaddr(addr))); err != nil {
		t.Fatalf("connect: %v", err)
	}
	if err := s.Connect(c.call(), sockaddr(addr)); err != abi.EISCONN {
		t.Errorf("connect again: %v, want EISCONN", err)
	}
	if _, err := unix.Write(c.end.Int(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	until(t, c.end, unix.POLLIN)
	buf := make([]byte, 10)
	if n, err := unix.Read(c.end.Int(), buf); string(buf[:max(n, 0)]) != "hello" || err != nil {
		t.Errorf("read %q, %v", buf[:max(n, 0)], err)
	}
	if name, err := s.TLSOption(c, abi.PeerIdentity); string(name) != "localhost\x00" || err != nil {
		t.Errorf("TLS_PEER_IDENTITY = %q, %v", name, err)
	}
}

// A socket that is being connected is silent in poll; then it is writable.
func TestNonblockingConnectIsSilent(t *testing.T) {
	r, a := world(t)
	release := make(chan struct{})
	config := serverConfig(t, a)
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		<-release
		return nil, nil
	}
	addr := peer(t, config)
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
	setOption(t, s, c, abi.RemoteHostname, "localhost")
	if got := revents(t, c.end); got != unix.POLLOUT|unix.POLLHUP {
		t.Errorf("fresh: revents %#x, want OUT|HUP", got)
	}
	if err := s.Connect(c, sockaddr(addr)); err != abi.EINPROGRESS {
		t.Fatalf("connect: %v, want EINPROGRESS", err)
	}
	if got := revents(t, c.end); got != 0 {
		t.Errorf("connecting: revents %#x, want none", got)
	}
	if _, err := unix.Write(c.end.Int(), []byte("early")); err != unix.EAGAIN {
		t.Errorf("write while connecting: %v, want EAGAIN", err)
	}
	if err := s.Connect(c, sockaddr(addr)); err != abi.EALREADY {
		t.Errorf("connect again: %v, want EALREADY", err)
	}
	if _, err := s.TLSOption(c, abi.VersionConn); Errno(err) != abi.ENOTCONN {
		t.Errorf("TLS_VERSION_CONN while connecting: %v, want ENOTCONN", err)
	}
	close(release)
	if got := until(t, c.end, unix.POLLOUT); got != unix.POLLOUT {
		t.Errorf("connected: revents %#x, want OUT", got)
	}
	if got, err := s.Option(c, unix.SOL_SOCKET, unix.SO_ERROR, 4); nativeUint32(got) != 0 ||
		err != nil {
		t.Errorf("SO_ERROR = %v, %v", got, err)
	}
	if err := s.Connect(c, sockaddr(addr)); err != nil {
		t.Errorf("the first connect after it: %v, want success", err)
	}
	if err := s.Connect(c, sockaddr(addr)); err != abi.EISCONN {
		t.Errorf("the second: %v, want EISCONN", err)
	}
}

// A connect whose call a signal ended is told its outcome when it is restarted.
func TestOutcomeWaitsForRestartedConnect(t *testing.T) {
	r, a := world(t)
	release := make(chan struct{})
	config := serverConfig(t, a)
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		<-release
		return nil, nil
	}
	for _, c := range []struct {
		name string
		want error
	}{{"localhost", nil}, {"wrong.example", abi.EPROTO}} {
		addr := peer(t, config)
		s, caller := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
		setOption(t, s, caller, abi.RemoteHostname, c.name)
		interrupted := caller.call()
		if err := s.Connect(interrupted, sockaddr(addr)); err != ErrPending {
			t.Fatalf("connect: %v, want pending", err)
		}
		interrupted.gone.Store(true)
		if c.want == nil {
			close(release)
		}
		until(t, caller.end, unix.POLLOUT)
		again := caller.call()
		if err := again.wait(s.Connect(again, sockaddr(addr))); errnoOf(err) != errnoOf(c.want) {
			t.Errorf("%s: the restarted connect: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestFailedVerification(t *testing.T) {
	r, a := world(t)
	addr := peer(t, serverConfig(t, a))
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
	setOption(t, s, c, abi.RemoteHostname, "other.example")
	if err := s.Connect(c, sockaddr(addr)); err != abi.EINPROGRESS {
		t.Fatal(err)
	}
	if got := until(t, c.end, unix.POLLOUT); got&(unix.POLLERR|unix.POLLHUP) != unix.POLLERR|
		unix.POLLHUP {
		t.Errorf("failed: revents %#x, want ERR|HUP among them", got)
	}
	for _, want := range []abi.Errno{abi.EPROTO, 0} {
		if got, err := s.Option(c, unix.SOL_SOCKET, unix.SO_ERROR,
			4); abi.Errno(nativeUint32(got)) != want || err != nil {
			t.Errorf("SO_ERROR = %v, %v; want %d, told once", got, err, want)
		}
	}
	if text, _ := s.TLSOption(c, abi.Error); !strings.Contains(string(text), "other.example") ||
		!strings.Contains(string(text), "localhost") {
		t.Errorf("TLS_ERROR = %q; want the names expected and found", text)
	}
	if err := s.Connect(c, sockaddr(addr)); Errno(err) != abi.ECONNABORTED {
		t.Errorf("connect after a told failure: %v, want ECONNABORTED as Linux has it", err)
	}
	setOption(t, s, c, abi.RemoteHostname, "localhost")
	if err := s.Connect(c, sockaddr(addr)); err != abi.EINPROGRESS {
		t.Fatalf("connect anew: %v", err)
	}
	if got := until(t, c.end, unix.POLLOUT); got != unix.POLLOUT {
		t.Errorf("connected at last: revents %#x, want OUT", got)
	}
}

// Closing the descriptor while connecting ends the attempt and forgets the socket.
func TestCloseWhileConnecting(t *testing.T) {
	r, a := world(t)
	started := make(chan struct{}, 1)
	ended := make(chan struct{})
	config := serverConfig(t, a)
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		started <- struct{}{}
		buf := make([]byte, 1)
		_, _ = h.Conn.Read(buf) // returns when the client has gone
		close(ended)
		return nil, errors.New("gone")
	}
	addr := peer(t, config)
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
	setOption(t, s, c, abi.RemoteHostname, "localhost")
	if err := s.Connect(c, sockaddr(addr)); err != abi.EINPROGRESS {
		t.Fatal(err)
	}
	<-started
	c.end.Close()
	<-ended
}

func TestStatesAndErrors(t *testing.T) {
	r, a := world(t)
	if _, _, err := r.table.New(&testCaller{rig: r}, abi.FamilyUnix,
		unix.SOCK_STREAM); err != abi.ESOCKTNOSUPPORT {
		t.Errorf("AF_UNIX: %v, want ESOCKTNOSUPPORT", err)
	}
	if _, _, err := r.table.New(&testCaller{rig: r}, abi.FamilyInet,
		unix.SOCK_DGRAM); err != abi.EPROTONOSUPPORT {
		t.Errorf("SOCK_DGRAM: %v, want EPROTONOSUPPORT", err)
	}
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	if err := s.Accept(c.call()); err != abi.EINVAL {
		t.Errorf("accept on a fresh socket: %v, want EINVAL", err)
	}
	if err := s.Listen(c, 5); Errno(err) != abi.EINVAL {
		t.Errorf("listen without a certificate: %v, want EINVAL", err)
	}
	if _, err := s.Shutdown(c, unix.SHUT_WR); err != unix.ENOTCONN {
		t.Errorf("shutdown on a fresh socket: %v, want ENOTCONN", err)
	}
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	if err := s.SetTLSOption(c, abi.PrivateKey, bytes.Clone(leaf.KeyPEM)); Errno(err) != abi.EINVAL {
		t.Errorf("key before its chain: %v, want EINVAL", err)
	}
	setOption(t, s, c, abi.CertificateChain, string(leaf.ChainPEM))
	if err := s.Listen(c, 5); Errno(err) != abi.EINVAL {
		t.Errorf("listen with a chain and no key: %v, want EINVAL", err)
	}
	setOption(t, s, c, abi.PrivateKey, string(leaf.KeyPEM))
	if err := s.Listen(c, 5); err != nil {
		t.Fatalf("listen: %v", err)
	}
	if err := s.Listen(c, 7); err != nil {
		t.Errorf("a second listen: %v", err)
	}
	if err := s.SetTLSOption(c, abi.ALPN, []byte("h2")); Errno(err) != abi.EINVAL {
		t.Errorf("option on a listening socket: %v, want EINVAL", err)
	}
	name, err := s.Name()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Connect(c.call(), name); err != abi.EISCONN {
		t.Errorf("connect on a listening socket: %v, want EISCONN", err)
	}
	if err := s.Bind(c, name); err != abi.EINVAL {
		t.Errorf("bind on a listening socket: %v, want EINVAL", err)
	}
}

// Blanks around the protocols of TLS_ALPN are no part of them.
func TestALPNWithBlanks(t *testing.T) {
	r := newRig(t, ssatest.NewAuthority(t))
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	if err := s.SetTLSOption(c, abi.ALPN, []byte("h2, http/1.1")); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.set.asked.ALPN, []string{"h2", "http/1.1"}) {
		t.Errorf("the protocols are %q", s.set.asked.ALPN)
	}
	if err := s.SetTLSOption(c, abi.ALPN, []byte("h2, ")); Errno(err) != abi.EINVAL {
		t.Errorf("a protocol of a blank alone: %v", err)
	}
}

// A server of TLS 1.3 that refuses its client does so when the handshake is over
// for the client: SO_ERROR has what a refusal during the handshake would be.
func TestLateRefusal(t *testing.T) {
	r, a := world(t)
	config := serverConfig(t, a)
	config.ClientAuth = tls.RequireAnyClientCert
	addr := peer(t, config)
	for range 30 {
		s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
		setOption(t, s, c, abi.RemoteHostname, "localhost")
		if err := s.Connect(c, sockaddr(addr)); err != abi.EINPROGRESS {
			t.Fatal(err)
		}
		until(t, c.end, unix.POLLHUP)
		value, err := s.Option(c, unix.SOL_SOCKET, unix.SO_ERROR, 4)
		if got := abi.Errno(nativeUint32(value)); err != nil || got != abi.EPROTO {
			t.Fatalf("SO_ERROR = %v, %v, want EPROTO", got, err)
		}
		if text, _ := s.TLSOption(c, abi.Error); !strings.Contains(string(text), "certificate_required") {
			t.Fatalf("TLS_ERROR = %q, want the server's alert", text)
		}
		c.end.Close()
	}
}
