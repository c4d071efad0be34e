//go:build linux

package contract

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestConnectionTimesOut: an established connection whose peer's machine has
// fallen silent ends as TCP_USER_TIMEOUT says. The error is told once, as by
// TCP: reading it is ECONNRESET, SO_ERROR has TCP's ETIMEDOUT. TLS_ERROR always
// tells it.
func TestConnectionTimesOut(t *testing.T) {
	ssatest.NeedRoot(t, "a TCP socket gets a filter (CAP_NET_ADMIN)")
	for name, order := range map[string]struct {
		asks string
		want []string
	}{
		"read first":      {"read; error; words", []string{"read ECONNRESET", "SO_ERROR 0", "TLS_ERROR timed out"}},
		"SO_ERROR first":  {"poll; error; read; words", []string{"poll 1", "SO_ERROR ETIMEDOUT", "read b''", "TLS_ERROR timed out"}},
		"TLS_ERROR first": {"poll; words; error", []string{"poll 1", "TLS_ERROR timed out", "SO_ERROR ETIMEDOUT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := newPair(t)
			l := world.network.Listen(t)
			p := python(t, world.policy, `
def one(what):
    if what == "poll":
        p = select.poll()
        p.register(s, select.POLLIN)
        say("poll", len(p.poll()))
    elif what == "read":
        say("read", attempt(s.recv, 1))
    elif what == "error":
        e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        say("SO_ERROR", errno.errorcode.get(e, e))
    elif what == "words":
        words = text(s, ERROR)
        say("TLS_ERROR", "timed out" if "timed out" in words else words)


s = tls()
put(s, NAME, "a.example")
s.setsockopt(6, 18, 300)  # TCP_USER_TIMEOUT, in milliseconds
connect(s, args[0])
say("@connected")
wait()
s.send(b"x")
for what in args[1].split("; "):
    one(what)
`, l.Port(), order.asks)
			c := l.Accept()
			p.Wait("connected")
			fallSilent(t, c.TCP())
			p.GoOn()
			wantTranscript(t, p, append([]string{"connect 0"}, order.want...)...)
			c.CloseTCP()
		})
	}
}

// fallSilent makes a connection drop whatever comes, as if its machine had gone.
func fallSilent(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	closed := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: 1, Filter: &drop})
	})
	if err != nil || closed != nil {
		t.Fatal("putting a filter on a TCP socket:", err, closed)
	}
}
