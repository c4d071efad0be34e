//go:build linux

package contract

import (
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/test/peer"
)

// TestFastOpen: sending with MSG_FASTOPEN connects first, as on TCP.
func TestFastOpen(t *testing.T) {
	world := newPair(t)
	tap := newTap(t, world.network.Server)
	p := python(t, world.policy, `
to = ("127.0.0.1", int(args[0]))


def fresh(blocking=True):
    s = tls()
    put(s, NAME, "a.example")
    s.setblocking(blocking)
    return s


s = fresh()
say("sendto", s.sendto(b"hello", socket.MSG_FASTOPEN, to), s.recv(5, socket.MSG_WAITALL))
say("again", attempt(s.sendto, b"hello", socket.MSG_FASTOPEN, to))
s = fresh()
say("sendmsg", s.sendmsg([b"he", b"llo"], (), socket.MSG_FASTOPEN, to), s.recv(5, socket.MSG_WAITALL))
s = fresh()
say("large", 0 < s.sendto(bytes(1 << 20), socket.MSG_FASTOPEN, to) <= 1 << 20)
s.close()
s = fresh(False)
say("non-blocking", attempt(s.sendto, b"hello", socket.MSG_FASTOPEN, to))
select.select([], [s], [], 30)
s.setblocking(True)
s.sendall(b"world")
say(s.recv(5, socket.MSG_WAITALL))
s = fresh()
say("no address", attempt(s.send, b"hello", socket.MSG_FASTOPEN))
put(s, NAME, "b.example")
say("wrong name", attempt(s.sendto, b"hello", socket.MSG_FASTOPEN, to))
n = socket.socket()
l = socket.socket()
l.bind(("127.0.0.1", 0))
l.listen()
say("plain", n.sendto(b"hello", socket.MSG_FASTOPEN, l.getsockname()), l.accept()[0].recv(5))
`, tap.port())
	wantTranscript(t, p, "sendto 5 b'hello'", "again EISCONN", "sendmsg 5 b'hello'", "large True",
		"non-blocking EINPROGRESS", "b'world'", "no address EINVAL", "wrong name EPROTO",
		"plain 5 b'hello'")
	tap.nothingPlain(t)
}

// TestDisconnect: connect with AF_UNSPEC makes of a connected socket one that
// can be connected again, as on TCP; the peer sees a reset.
func TestDisconnect(t *testing.T) {
	world := newPair(t)
	l := world.network.Listen(t)
	p := python(t, world.policy, `
def disconnect(s):
    unspecified = bytes(16)
    return errno.errorcode[ctypes.get_errno()] if libc.connect(s.fileno(), unspecified, 16) < 0 else 0


s = tls()
put(s, NAME, "a.example")
probe = socket.socket()
probe.bind(("127.0.0.1", 0))
own = probe.getsockname()
probe.close()
s.bind(own)
say("fresh", disconnect(s))
s.connect(("127.0.0.1", int(args[0])))
s.sendall(b"first")
wait()
say("connected", disconnect(s), attempt(s.getpeername), s.getsockname() == own)
s.connect(("127.0.0.1", int(args[0])))
s.sendall(b"again")
say("name", text(s, IDENTITY), s.getsockname() == own)
n = tls()
put(n, NAME, "a.example")
n.setblocking(False)
say("connecting", attempt(n.connect, ("127.0.0.1", int(args[0]))), disconnect(n), attempt(n.getpeername))
`, l.Port())
	first := l.Accept()
	first.Expect("first")
	p.Input("\n")
	if _, err := first.Drain(); !peer.IsReset(err) {
		t.Errorf("the first connection ended with %v, want a reset", err)
	}
	again := l.Accept()
	again.Expect("again")
	wantTranscript(t, p, "fresh 0", "connected 0 ENOTCONN True", "name a.example True",
		"connecting EINPROGRESS 0 ENOTCONN")
}

// TestRebind: a port can be bound with SO_REUSEADDR as soon as a listener
// without it and its connections are closed, whoever closed first.
func TestRebind(t *testing.T) {
	world := newPair(t)
	p := python(t, world.policy, `
def server(port, reuse):
    l = tls()
    identify(l, *args[:2])
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    l.bind(("127.0.0.1", port))
    l.listen()
    return l


for n in range(10):
    l = server(0, 0)
    port = l.getsockname()[1]
    say("@port", port)
    c = l.accept()[0]
    if n % 2:
        while c.recv(9):
            pass
    reuse = c.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    c.sendall(b"x")
    c.close()
    l.close()
    say("again", reuse, attempt(server, port, 1) and 1)
    l = None
`, strings.TrimPrefix(world.server[0], "chain="), strings.TrimPrefix(world.server[1], "key="))
	for n := range 10 {
		c := world.network.Dial(t, p.Port())
		if n%2 > 0 {
			c.CloseWrite()
		}
		c.Expect("x")
		c.Close()
	}
	for _, line := range p.Finish() {
		if line != "again 0 1" && line != "exit status 0" {
			t.Errorf("the program printed %s: %s", line, p.Stderr())
		}
	}
}
