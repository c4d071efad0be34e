//go:build linux

package contract

import (
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// TestNetworkErrors: what stops TCP has TCP's own errno. Nothing is sent to the
// addresses that cannot be reached.
func TestNetworkErrors(t *testing.T) {
	stalled := (&peer.Network{}).ListenStalled(t)
	got := python(t, "", `
def both(what, f):
    tcp, own = f(0), f(205)
    say(what, "same" if tcp == own else (tcp, own), own)


def connects(host, port, syncnt=6):
    def f(proto):
        s = tls(proto=proto)
        s.setsockopt(6, socket.TCP_SYNCNT, syncnt)
        if proto:
            put(s, NAME, "a.example")
        return attempt(s.connect, (host, port))
    return f


both("broadcast", connects("255.255.255.255", 9))
both("no answer", connects("127.0.0.1", int(args[0]), 1))
both("low port", lambda proto: attempt(tls(proto=proto).bind, ("127.0.0.1", 1023)))
`, stalled.Port()).Finish()
	wantLines(t, got, "broadcast same ENETUNREACH", "no answer same ETIMEDOUT", "exit status 0")
	// the machine's rules, and who runs this
	if line := lineWith(t, got, "low port "); line != "low port same EACCES" &&
		line != "low port same 0" {
		t.Errorf("the program printed %q", line)
	}
}

// TestHostNameRace: an address that does not answer holds nobody up.
func TestHostNameRace(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"both.example"}})
	port := (&peer.Network{IPv6: true}).ListenStalled(t).Port()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("the port that the other family has: %v", err)
	}
	defer l.Close()
	p := withHosts(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), byName, 43,
		"both.example", port)
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	tcp, err := l.Accept()
	if err != nil {
		t.Fatalf("the address that answers: %v\n%s", err, p)
	}
	defer tcp.Close()
	if _, err := tls.Server(tcp,
		&tls.Config{Certificates: []tls.Certificate{leaf.TLS}}).Write([]byte("x")); err != nil {
		t.Error(err)
	}
	wantTranscript(t, p, "connect 0 peer 'both.example' name 'both.example'", "b'x'")
}
