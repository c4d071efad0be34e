package relay

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// rig is a program's descriptor, a relay, and a TLS peer over TCP.
type rig struct {
	program *net.UnixConn
	relay   *Relay
	peer    *tls.Conn
	peerTCP *net.TCPConn
	peerOut *tap // what the peer's crypto/tls writes goes through here
	end     func() End
}

// rigOptions vary a rig.
type rigOptions struct {
	server  bool   // the relay is the TLS server
	version uint16 // TLS 1.3 when zero
	change  func(*Config)
	// portable hides the descriptors from the relay.
	portable bool
}

// newRig returns a connection that is being relayed.
func newRig(t testing.TB, opts rigOptions) *rig {
	t.Helper()
	r := unstartedRig(t, opts)
	r.start(t)
	return r
}

// unstartedRig returns a connection with its handshake done.
func unstartedRig(t testing.TB, opts rigOptions) *rig {
	t.Helper()
	ours, theirs := tcpPair(t)
	plaintext, program := plaintextPair(t)
	var tcp Stream = ours
	if opts.portable {
		tcp, plaintext = opaque{ours}, opaque{plaintext}
	}
	wire, out := NewWire(tcp), &tap{Conn: theirs}
	near, far := handshake(t, wire, out, opts)
	r := &rig{program: program, peer: far, peerTCP: theirs, peerOut: out}
	cfg := Config{TLS: near, Wire: wire, Plaintext: plaintext, BeforeReset: r.putByte}
	if opts.change != nil {
		opts.change(&cfg)
	}
	r.relay = New(cfg)
	return r
}

func (r *rig) start(t testing.TB) {
	end := make(chan End, 1)
	go func() { end <- r.relay.Run() }()
	r.end = sync.OnceValue(func() End { return <-end })
	t.Cleanup(func() { // whatever the test left open
		r.program.Close()
		r.peerTCP.Close()
		r.end()
	})
}

// putByte is what a gate does before a reset. It fails when the program has
// closed its end, and when a write of the program has just filled the queue.
func (r *rig) putByte(error) {
	raw, err := r.program.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.Sendto(int(fd), []byte{0}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	})
}

// guardedShutdown is what a gate does for the program's shutdown(SHUT_WR).
func (r *rig) guardedShutdown(t testing.TB) {
	t.Helper()
	r.relay.Guard()
	mustWrite(t, r.program, []byte{0xff})
	must(t, r.program.CloseWrite())
}

// peerShutdown ends the peer's side properly: close_notify and FIN.
func (r *rig) peerShutdown(t testing.TB) {
	t.Helper()
	must(t, r.peer.CloseWrite())
	must(t, r.peerTCP.CloseWrite())
}

// narrow makes TCP to the peer take little without being read, before start.
//
// The peer's window stays larger than a segment of loopback: else TCP's timers
// alone, of seconds in the end, would move what is in the way.
func (r *rig) narrow(t testing.TB) {
	t.Helper()
	must(t, r.peerTCP.SetReadBuffer(64<<10))
	must(t, r.relay.wire.tcp.(*net.TCPConn).SetWriteBuffer(4096))
}

// overfill writes more than a narrow TCP takes, and less than the queue of
// Plaintext holds, so that it does not wait and something is left to send. It
// returns how much.
func (r *rig) overfill(t testing.TB) int {
	t.Helper()
	const n = 256 << 10
	must(t, r.program.SetWriteBuffer(1<<20)) // the kernel gives what it allows
	mustWrite(t, r.program, make([]byte, n))
	return n
}

// expectEnd fails unless the relay ended with this error, nil for a clean end.
func (r *rig) expectEnd(t testing.TB, want error) End {
	t.Helper()
	end := r.end()
	if !errors.Is(end.Err, want) {
		t.Errorf("the relay ended with %v, want %v", end.Err, want)
	}
	return end
}

// handshake makes a TLS connection over near and far, near being the relay's.
func handshake(t testing.TB, near, far net.Conn, opts rigOptions) (*tls.Conn, *tls.Conn) {
	t.Helper()
	version := opts.version
	if version == 0 {
		version = tls.VersionTLS13
	}
	authority := sharedAuthority(t)
	serverConfig := &tls.Config{Certificates: []tls.Certificate{authority.server},
		MinVersion: version, MaxVersion: version}
	clientConfig := &tls.Config{RootCAs: authority.Pool(), ServerName: "peer.test",
		MinVersion: version, MaxVersion: version}
	server, client := tls.Server(far, serverConfig), tls.Client(near, clientConfig)
	if opts.server {
		server, client = tls.Server(near, serverConfig), tls.Client(far, clientConfig)
	}
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	must(t, client.Handshake())
	must(t, <-done)
	if opts.server {
		return server, client
	}
	return client, server
}

type testAuthority struct {
	*ssatest.Authority
	server tls.Certificate
}

var (
	authorityOnce sync.Once
	authority     testAuthority
)

// sharedAuthority is made once: keys take longer than handshakes.
func sharedAuthority(t testing.TB) testAuthority {
	t.Helper()
	authorityOnce.Do(func() {
		a := ssatest.NewAuthority(t)
		authority = testAuthority{a, a.Issue(t, ssatest.Leaf{Names: []string{"peer.test"}}).TLS}
	})
	return authority
}

// tcpPair returns both ends of a TCP connection.
func tcpPair(t testing.TB) (*net.TCPConn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	b, err := l.Accept()
	must(t, err)
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// plaintextPair returns both ends of an AF_UNIX stream pair: the relay's as the
// product uses it, and the program's.
func plaintextPair(t testing.TB) (Stream, *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	ours, err := sys.NewStream(sys.Own(fds[0]), nil)
	must(t, err)
	file := os.NewFile(uintptr(fds[1]), "program")
	defer file.Close()
	conn, err := net.FileConn(file)
	must(t, err)
	return ours, conn.(*net.UnixConn)
}

// tap is a net.Conn whose writes can be held back.
type tap struct {
	net.Conn
	hold bool
	held bytes.Buffer
}

func (c *tap) Write(p []byte) (int, error) {
	if c.hold {
		return c.held.Write(p)
	}
	return c.Conn.Write(p)
}

// encrypt returns the peer's records for the given writes, without sending.
func (r *rig) encrypt(t testing.TB, writes ...[]byte) [][]byte {
	t.Helper()
	var records [][]byte
	r.peerOut.hold = true
	for _, p := range writes {
		mustWrite(t, r.peer, p)
		records = append(records, bytes.Clone(r.peerOut.held.Bytes()))
		r.peerOut.held.Reset()
	}
	r.peerOut.hold = false
	return records
}

// expectRead fails unless r gives exactly want and then want's end: nil for
// end of file.
func expectRead(t testing.TB, who string, r io.Reader, want []byte, wantErr error) {
	t.Helper()
	got, err := io.ReadAll(r)
	if !bytes.Equal(got, want) {
		t.Errorf("%s read %d bytes %.40q, want %d bytes %.40q", who, len(got), got, len(want), want)
	}
	if !errors.Is(err, wantErr) {
		t.Errorf("%s then read %v, want %v", who, describe(err), describe(wantErr))
	}
}

func describe(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "end of file"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	default:
		return err.Error()
	}
}

// each runs a test for both roles and both versions of TLS.
func each(t *testing.T, test func(t *testing.T, opts rigOptions)) {
	for name, opts := range map[string]rigOptions{
		"client 1.3": {},
		"server 1.3": {server: true},
		"client 1.2": {version: tls.VersionTLS12},
		"server 1.2": {version: tls.VersionTLS12, server: true},
	} {
		t.Run(name, func(t *testing.T) { test(t, opts) })
	}
}

// sysUnread counts what waits to be read from a stream.
func sysUnread(t testing.TB, s Stream) int {
	t.Helper()
	raw, err := s.SyscallConn()
	must(t, err)
	var n int
	var inner error
	must(t, raw.Control(func(fd uintptr) { n, inner = sys.Unread(int(fd)) }))
	must(t, inner)
	return n
}
