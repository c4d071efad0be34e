package memory

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/socket"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// world is a gate, whose policy trusts one authority.
type world struct {
	*Gate
	t         *testing.T
	authority *ssatest.Authority
	leaf      *ssatest.Issued
}

func newWorld(t *testing.T, rest string) *world {
	t.Helper()
	a := ssatest.NewAuthority(t)
	text := "default:\n  trust: {roots: [" + a.File(t) + "]}\n" + rest
	rules, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tls := local.New(local.Config{})
	w := &world{New(socket.Config{Engine: tls, Policy: rules, Resolver: net.DefaultResolver,
		Log: slog.New(slog.DiscardHandler)}), t, a,
		a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})}
	t.Cleanup(func() {
		w.Close()
		tls.Close()
	})
	return w
}

func (w *world) socket() *Socket {
	w.t.Helper()
	s, err := w.Socket(abi.FamilyInet, unix.SOCK_STREAM)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.Close() })
	return s
}

// named is a socket that wants to talk to a.example.
func (w *world) named() *Socket {
	s := w.socket()
	w.want(0, "set the name", s.Set(abi.RemoteHostname, []byte("a.example")))
	return s
}

// server is a socket with a certificate.
func (w *world) server() *Socket {
	s := w.socket()
	w.want(0, "set the chain", s.Set(abi.CertificateChain, w.leaf.ChainPEM))
	w.want(0, "set the key", s.Set(abi.PrivateKey, w.leaf.KeyPEM))
	return s
}

// listening is a server that listens, and its address.
func (w *world) listening() (*Socket, []byte) {
	w.t.Helper()
	s := w.server()
	w.want(0, "bind", s.Bind(loopback(0)))
	w.want(0, "listen", s.Listen(5))
	name, err := s.Rules.Name()
	w.want(0, "getsockname", err)
	return s, name
}

// connected is a client and what its server accepted.
func (w *world) connected() (client, server *Socket) {
	w.t.Helper()
	l, at := w.listening()
	client = w.named()
	w.want(0, "connect", client.Connect(at))
	server, err := l.Accept()
	w.want(0, "accept", err)
	w.t.Cleanup(func() { server.Close() })
	return client, server
}

// want fails the test unless a call ended with an errno; 0 is success.
func (w *world) want(errno abi.Errno, what string, err error) {
	w.t.Helper()
	got := abi.Errno(0)
	if err != nil {
		got = socket.Errno(err)
	}
	switch {
	case got != 0 && errno == 0:
		w.t.Fatalf("%s: %v, want success", what, err)
	case got != errno:
		w.t.Errorf("%s: %v, want errno %d", what, err, errno)
	}
}

func loopback(port int) []byte {
	a := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	return abi.EncodeSockaddr(a.AddrPort(), false)
}

func integer(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

// peer is a TLS server of the test's, which does with each client what it is told.
func (w *world) peer(serve func(tcp net.Conn, c *tls.Conn)) (at []byte) {
	w.t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var work sync.WaitGroup
	w.t.Cleanup(func() { l.Close(); work.Wait() })
	work.Go(func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer tcp.Close()
				c := tls.Server(tcp, &tls.Config{Certificates: []tls.Certificate{w.leaf.TLS}})
				if c.Handshake() == nil {
					serve(tcp, c)
				}
			})
		}
	})
	return loopback(l.Addr().(*net.TCPAddr).Port)
}

func readAll(s *Socket) (string, error) {
	b, err := io.ReadAll(s)
	return string(b), err
}
