package local_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// effective returns the built-in policy with the anchors of the authorities.
func effective(authorities ...*ssatest.Authority) *policy.Effective {
	pol := *policy.Builtin().Default()
	var anchors []*x509.Certificate
	for _, a := range authorities {
		anchors = append(anchors, a.Certificate())
	}
	pol.Anchors = policy.FixedAnchors(anchors...)
	pol.RootsFrom = "the test's store"
	return &pol
}

func makeIdentity(t testing.TB, issued *ssatest.Issued) *identity.Identity {
	t.Helper()
	chain, err := identity.ParseChain(issued.ChainPEM)
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.ParseKey(issued.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Match([]identity.Chain{chain}, key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// tcpPair returns the two ends of a TCP connection over loopback.
func tcpPair(t testing.TB) (ours, theirs *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	a, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// plaintextPair returns the two ends of the plaintext stream: the engine's and the
// program's.
func plaintextPair(t testing.TB) (ours, programs *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "pair")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		ends[i] = conn.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

// peer runs f in a goroutine that the test waits for.
func peer(t testing.TB, f func()) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	wait = func() { <-done }
	t.Cleanup(wait)
	return wait
}

// failure asserts that err is an *engine.Error of a reason.
func failure(t testing.TB, err error, reason engine.Reason, sentence string) {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want an *engine.Error", err, err)
	}
	if e.Reason != reason {
		t.Errorf("reason %d, want %d (%s)", e.Reason, reason, e.Sentence)
	}
	if sentence != "" && e.Sentence != sentence {
		t.Errorf("sentence\n\t%s\nwant\n\t%s", e.Sentence, sentence)
	}
}

// wontHang bounds a test that would otherwise wait for ever.
func wontHang(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// serve is a peer that greets whoever completes a handshake, and says goodbye
// properly. What went wrong is of no interest to it: the tests look at our side.
func serve(tcp net.Conn, cfg *tls.Config) {
	defer tcp.Close()
	conn := tls.Server(tcp, cfg)
	if _, err := conn.Write([]byte("hello")); err != nil {
		return
	}
	conn.CloseWrite()
	buf := make([]byte, 64)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}
