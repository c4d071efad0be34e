//go:build linux

package contract

import (
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestLimits holds what docs/contract.md says of SO_RCVLOWAT and of MSG_WAITALL
// beside MSG_TRUNC. When it fails because a limit is gone, take it off the page.
func TestLimits(t *testing.T) {
	world := newPair(t)
	l := world.network.Listen(t)
	p := python(t, world.policy, `
s = tls()
put(s, NAME, "a.example")
s.connect(("127.0.0.1", int(args[0])))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 5)
select.select([s], [], [], 30)
say("readable below SO_RCVLOWAT", s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT), s.recv(9))
say("@read")
select.select([s], [], [], 30)
say("discarded", libc.recv(s.fileno(), None, 5, socket.MSG_WAITALL | socket.MSG_TRUNC))
`, l.Port())
	c := l.Accept()
	c.Say("abc")
	p.Wait("read")
	c.Say("def")
	wantTranscript(t, p, "readable below SO_RCVLOWAT 5 b'abc'", "discarded 3")
}

// TestDescriptors: an established connection takes two descriptors of the `ssa
// run` that does TLS for it.
func TestDescriptors(t *testing.T) {
	ssatest.NeedEmbedded(t, "with the service, that has the connection")
	world := newPair(t)
	l := world.network.Listen(t)
	const connections = 20
	p := python(t, world.policy, `
def descriptors():
    return len(os.listdir("/proc/%d/fd" % os.getppid()))


def another():
    s = tls()
    put(s, NAME, "a.example")
    s.connect(("127.0.0.1", int(args[0])))
    return s


kept = [another()]
before = descriptors()
kept += [another() for _ in range(int(args[1]))]
until = time.monotonic() + 30
while descriptors() > before + 2 * len(kept) and time.monotonic() < until:
    time.sleep(0.01)
say(round((descriptors() - before) / int(args[1])))
wait()
`, l.Port(), connections)
	for range connections + 1 {
		l.Accept()
	}
	p.Input("\n")
	wantTranscript(t, p, "2")
}
