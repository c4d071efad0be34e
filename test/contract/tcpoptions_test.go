//go:build linux

package contract

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// tcpOptions sets and reads options of other levels in every state, of a plain
// TCP socket first and then of a TLS socket; both must print the same.
const tcpOptions = `
S, T, I = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP
ints = [(S, "SO_KEEPALIVE", 1), (T, "TCP_KEEPIDLE", 77), (T, "TCP_KEEPINTVL", 11), (T, "TCP_KEEPCNT", 3), (T, "TCP_NODELAY", 1),
        (S, "SO_REUSEADDR", 1), (S, "SO_REUSEPORT", 1), (I, "IP_TOS", 16), (I, "IP_TTL", 33), (T, "TCP_USER_TIMEOUT", 4321),
        (T, "TCP_MAXSEG", 900), (S, "SO_PRIORITY", 2), (S, "SO_MARK", 7), (T, "TCP_SYNCNT", 2), (T, "TCP_KEEPCNT", 0), (T, "TCP_KEEPIDLE", -1), (I, "IP_TTL", 999)]
timeval = struct.pack("ll", 3, 500000)


def all(state, s):
    for level, name, value in ints:
        option = getattr(socket, name)
        say(state, name, attempt(s.getsockopt, level, option), attempt(s.setsockopt, level, option, value), attempt(s.getsockopt, level, option))
    for name in "SO_RCVTIMEO", "SO_SNDTIMEO":
        option = getattr(socket, name)
        say(state, name, attempt(s.setsockopt, S, option, timeval), s.getsockopt(S, option, 16) == timeval, attempt(s.setsockopt, S, option, bytes(16)))
    for value in (struct.pack("ii", 1, 5), struct.pack("ii", 0, 0)):
        say(state, "SO_LINGER", attempt(s.setsockopt, S, socket.SO_LINGER, value), s.getsockopt(S, socket.SO_LINGER, 8))
    for device in (b"lo", b"nosuch0", b""):
        say(state, "SO_BINDTODEVICE", device, attempt(s.setsockopt, S, socket.SO_BINDTODEVICE, device), attempt(s.getsockopt, S, socket.SO_BINDTODEVICE, 16))
    for name in "SO_RCVBUF", "SO_SNDBUF":
        say(state, name, attempt(s.setsockopt, S, getattr(socket, name), 50000), s.getsockopt(S, getattr(socket, name)))
    identity(state, s)


def identity(state, s):
    say(state, "is", s.getsockopt(S, socket.SO_TYPE), s.getsockopt(S, socket.SO_DOMAIN), s.getsockopt(S, socket.SO_ACCEPTCONN),
        s.getsockopt(S, socket.SO_PROTOCOL) == (proto or 6), "state", s.getsockopt(T, socket.TCP_INFO, 1))


for proto, port in (0, args[0]), (205, args[1]):
    say("protocol", proto)
    s = tls(proto=proto)
    if proto:
        put(s, NAME, "a.example")
    all("fresh", s)
    say(attempt(s.connect, ("127.0.0.1", int(port))))
    all("connected", s)
    s.close()
    l = tls(proto=proto)
    if proto:
        identify(l, *args[2:])
    l.setsockopt(T, socket.TCP_KEEPIDLE, 55)
    l.bind(("127.0.0.1", 0))
    l.listen(3)
    all("listening", l)
    l.close()
`

// TestOptionsAsTCP: what is set at other levels is what TCP takes and reads
// back, refusals included, in every state.
func TestOptionsAsTCP(t *testing.T) {
	world := newPair(t)
	tlsListener, tcpListener := world.network.Listen(t), (&peer.Network{}).Listen(t)
	chain, key := strings.TrimPrefix(world.server[0], "chain="),
		strings.TrimPrefix(world.server[1], "key=")
	p := python(t, world.policy, tcpOptions, tcpListener.Port(), tlsListener.Port(), chain, key)
	tcpListener.Accept().ExpectEnd().Close()
	tlsListener.Accept().ExpectEnd().Close()
	got := p.Finish()
	at := slices.Index(got, "protocol 205")
	if at < 0 {
		t.Fatalf("the program did not come to TLS:\n%s", p)
	}
	tcp, tls := got[1:at], got[at+1:len(got)-1]
	if len(tcp) < 80 || len(tcp) != len(tls) {
		t.Fatalf("%d lines of TCP, %d of TLS:\n%s", len(tcp), len(tls), p)
	}
	for i := range tcp {
		if tcp[i] != tls[i] {
			t.Errorf("TCP: %s\nTLS: %s", tcp[i], tls[i])
		}
	}
	wantLines(t, got, "exit status 0")
}

// TestLingerZero: a close with SO_LINGER of zero is a reset on the wire, also
// where an accepted socket has that from its listener.
func TestLingerZero(t *testing.T) {
	const abort = "c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n"
	const end = "c.recv(1)\nc.close()\n"
	for _, role := range []string{"client", "server", "listener"} {
		t.Run(role, func(t *testing.T) {
			world := newPair(t)
			chain, key := strings.TrimPrefix(world.server[0], "chain="),
				strings.TrimPrefix(world.server[1], "key=")
			var c *peer.Conn
			var p *programs.Process
			switch role {
			case "client":
				l := world.network.Listen(t)
				p = python(t, world.policy, "c = tls()\nput(c, NAME, 'a.example')\nconnect(c, args[0])\n"+abort+end, l.Port())
				c = l.Accept()
			case "server":
				p = python(t, "", "s = tls()\nidentify(s, *args)\nc = listen(s).accept()[0]\n"+abort+end, chain, key)
				c = world.network.Dial(t, p.Port())
			case "listener":
				p = python(t, "", "c = s = tls()\n"+abort+"identify(s, *args)\nc = listen(s).accept()[0]\n"+end, chain, key)
				c = world.network.Dial(t, p.Port())
			}
			c.Say("x")
			if _, err := c.Drain(); !peer.IsReset(err) {
				t.Errorf("the peer saw %v, wanted a reset", err)
			}
			wantLines(t, p.Finish(), "exit status 0")
		})
	}
}

// TestKeepaliveTimer: the timers are those of the real connection, as the
// kernel's table of TCP sockets shows.
func TestKeepaliveTimer(t *testing.T) {
	world := newPair(t)
	l := world.network.Listen(t)
	p := python(t, world.policy, `
s = tls()
put(s, NAME, "a.example")
s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
s.setsockopt(6, socket.TCP_KEEPIDLE, 5000)
connect(s, args[0])
say("@connected")
wait()
`, l.Port())
	c := l.Accept()
	p.Wait("connected")
	c.Say("x") // and with that acknowledge all that the program's side has sent
	c.WaitQueued()
	timer := tcpTimer(t, c.RemoteAddr(), l.Port())
	var kind, jiffies int
	if _, err := fmt.Sscanf(timer, "%x:%x", &kind, &jiffies); err != nil {
		t.Fatalf("the timer is %q: %v", timer, err)
	}
	// Jiffies in user's units are hundredths of a second; default is 7,200 s.
	if kind != 2 || jiffies > 500000 || jiffies < 400000 {
		t.Errorf("the connection's timer is %s: kind %d, in %d s; wanted the keepalive timer (2) within 5000 s", timer, kind, jiffies/100)
	}
	p.GoOn()
	c.Close()
	wantLines(t, p.Finish(), "connect 0", "exit status 0")
}

// tcpTimer returns the column "tr:tm->when" of a connection's row.
func tcpTimer(t *testing.T, local *net.TCPAddr, remote int) string {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		ssatest.Missing(t, "the table of TCP sockets: "+err.Error())
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) > 5 && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", local.Port)) &&
			strings.HasSuffix(fields[2], fmt.Sprintf(":%04X", remote)) {
			return fields[5]
		}
	}
	t.Fatalf("no connection from %v to port %d in\n%s", local, remote, table)
	return ""
}

// TestTimeouts: a read and a write wait as long as SO_RCVTIMEO and SO_SNDTIMEO
// say, while the peer neither sends nor reads.
func TestTimeouts(t *testing.T) {
	world := newPair(t)
	l := world.network.Listen(t)
	p := python(t, world.policy, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 300000))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 50000))
say("read", attempt(s.recv, 1))
got = 1
while isinstance(got, int):
    got = attempt(s.send, bytes(65536))
say("write", got)
say("@full")
wait()
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
`, l.Port())
	c := l.Accept()
	p.WaitAndGoOn("full")
	wantTranscript(t, p, "connect 0", "read EAGAIN", "write EAGAIN")
	c.CloseTCP()
}
