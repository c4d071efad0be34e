//go:build linux

package interop

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// goPeer is a Go peer with the world's certificate.
func (w *world) goPeer(t *testing.T) *peer.Network {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(w.chain, w.key)
	if err != nil {
		t.Fatal(err)
	}
	return &peer.Network{
		Server: &tls.Config{Certificates: []tls.Certificate{certificate}},
		Client: &tls.Config{RootCAs: w.authority.Pool(), ServerName: name,
			ClientSessionCache: tls.NewLRUClientSessionCache(4)},
	}
}

// TestHybridKeyExchange: X25519MLKEM768 is offered and accepted, and enough
// for a peer that wants nothing else.
func TestHybridKeyExchange(t *testing.T) {
	w := newWorld(t, ssatest.Leaf{})
	network := w.goPeer(t)
	network.Server.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
	network.Client.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768}
	l := network.Listen(t)
	p := w.client(t, "many", l.Port(), "bytes=1")
	c := l.Accept()
	if group := c.State().CurveID; group != tls.X25519MLKEM768 {
		t.Errorf("as a client we agreed on %v", group)
	}
	c.Echo(1)
	c.ExpectEnd().Close()
	p.Finish()

	_, port := w.server(t, "echo-server")
	c = network.Dial(t, port)
	if group := c.State().CurveID; group != tls.X25519MLKEM768 {
		t.Errorf("as a server we agreed on %v", group)
	}
	c.CloseWrite()
	c.ExpectEnd().Close()
}

// TestResumption: our clients and servers resume sessions within one ssa, and
// not across names.
func TestResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ssatest.Leaf{})
			network := w.goPeer(t)
			network.Server.MaxVersion, network.Client.MaxVersion = version, version
			l := network.Listen(t)
			p := w.client(t, "many", l.Port(), "bytes=3")
			for i := range 3 {
				c := l.Accept()
				if resumed := c.State().DidResume; resumed != (i > 0) {
					t.Errorf("as a client, connection %d: resumed is %v", i+1, resumed)
				}
				c.Echo(1)
				c.ExpectEnd().Close()
			}
			if got := p.Finish(); !slices.Contains(got, "3 connections") {
				t.Errorf("the program printed %q", got)
			}

			_, port := w.server(t, "echo-server")
			for i := range 3 {
				c := network.Dial(t, port)
				if resumed := c.State().DidResume; resumed != (i > 0) {
					t.Errorf("as a server, connection %d: resumed is %v", i+1, resumed)
				}
				c.Say("x")
				c.Expect("x") // and the ticket before it
				c.CloseWrite()
				c.ExpectEnd().Close()
			}
		})
	}
}

// TestGoPeer: all of Go's suites, in both roles.
func TestGoPeer(t *testing.T) {
	w := newWorld(t, ssatest.Leaf{RSA: 2048})
	for _, suite := range []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256} {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			t.Parallel()
			network := w.goPeer(t)
			network.Server.MaxVersion, network.Client.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			network.Server.CipherSuites, network.Client.CipherSuites = []uint16{suite}, []uint16{suite}
			l := network.Listen(t)
			p := w.client(t, "many", l.Port(), "bytes=1")
			c := l.Accept()
			c.Echo(1)
			c.ExpectEnd().Close()
			p.Finish()
			_, port := w.server(t, "echo-server")
			c = network.Dial(t, port)
			c.Say("x")
			c.Expect("x")
			c.CloseWrite()
			c.ExpectEnd().Close()
		})
	}
}
