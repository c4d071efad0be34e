//go:build linux

package contract

import (
	"strings"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestServiceDies: without the service nothing goes out in plain text, and
// nothing waits: connections are over, and there are no new ones.
func TestServiceDies(t *testing.T) {
	ssatest.NeedEmbedded(t, "the gate is killed here; test/service kills the service")
	world := newPair(t)
	l := world.network.Listen(t)
	p := python(t, world.policy, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
u = tls()
say(s.recv(1))
say("@connected")
wait()
say("read", attempt(s.recv, 1))
say("write", attempt(s.send, b"x", socket.MSG_NOSIGNAL))
say("another", attempt(u.connect, ("127.0.0.1", int(args[0]))))
say("socket", attempt(tls))
say("@over")
`, l.Port())
	c := l.Accept()
	c.Say("x")
	p.Wait("connected")
	p.Signal(syscall.SIGKILL)
	if data, err := c.Drain(); err == nil || len(data) > 0 {
		t.Errorf("the peer read %q, %v", data, err)
	}
	p.GoOn()
	p.Wait("over")
	got := p.Finish()
	for prefix, allowed := range map[string][]string{
		"read ": {"ECONNRESET", "b''"}, "write ": {"ECONNRESET", "EPIPE"},
		"another ": {"ENETDOWN", "ENOSYS"}, "socket ": {"ENETDOWN", "ENOSYS"},
	} {
		wantAll(t, prefix, []string{strings.TrimPrefix(lineWith(t, got, prefix), prefix)}, allowed...)
	}
}
