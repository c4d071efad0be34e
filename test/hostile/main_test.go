//go:build linux

// Package hostile tests what must not happen: programs and peers that are
// broken or mean must not hurt `ssa run`, the other programs under it, or the
// machine. Nothing may hang, crash or be left behind.
package hostile

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

const peerName = "peer.example"

// world is a trusted server and a policy that trusts it.
type world struct {
	policy     string
	network    *peer.Network
	chain, key string
	root       string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{peerName},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	return &world{
		policy: ssatest.PolicyWithRoots(t, "", authority.File(t)),
		network: &peer.Network{
			Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}},
			Client: &tls.Config{RootCAs: authority.Pool(), ServerName: peerName},
		},
		root:  authority.File(t),
		chain: leaf.ChainFile(t),
		key:   leaf.KeyFile(t),
	}
}

// start starts a scenario of the C programs over TLS.
func (w *world) start(t *testing.T, scenario string, port, bytes int) *programs.Process {
	t.Helper()
	return programs.Start(t, ssatest.Run{Policy: w.policy}.Command(t, programs.C(t), scenario,
		"proto=205", "name="+peerName,
		"chain="+w.chain, "key="+w.key, fmt.Sprintf("port=%d", port), fmt.Sprintf("bytes=%d", bytes),
		fmt.Sprintf("other=%d", w.network.ClosedPort(t))))
}

// echo serves every connection until the listener is closed, and tolerates
// everything. The function that it returns waits for the end of that.
func echo(l *peer.Listener) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.ServeEcho()
	}()
	return func() {
		l.Close()
		<-done
	}
}
