//go:build linux

package service

import (
	"testing"
)

// TestKilledUnderClients: a killed service resets its connections, also what
// was read only in part, and nothing else; there are no new ones until it is
// back, and then everything goes on by itself.
func TestKilledUnderClients(t *testing.T) {
	w := newWorld(t)
	first := w.service(t)
	l := w.network.Listen(t)
	p := w.python(t, nil, `
s, idle, half, fresh = tls(), tls(), tls(), tls()
plain = socket.socket()
for x in s, idle, half:
    put(x, NAME, "a.example")
    connect(x, args[0])
for x in s, half:
    select.select([x], [], [])
say("@readable")
wait()
say(half.recv(2))
say("read", attempt(s.recv, 10), attempt(s.recv, 10), "then", attempt(s.send, b"x", socket.MSG_NOSIGNAL))
say("idle", attempt(idle.recv, 1))
say("half", attempt(half.recv, 10), attempt(half.recv, 10))
say("fresh", attempt(fresh.connect, ("127.0.0.1", int(args[0]))), text(fresh, ERROR)[:46])
say("socket", attempt(tls))
say("plain", attempt(plain.setsockopt, socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
say("@down")
wait()
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
say(s.recv(10), attempt(s.recv, 10))
`, l.Port())
	a := l.Accept()
	b := l.Accept()
	c := l.Accept()
	a.Say("seen")
	c.Say("halfway")
	p.Wait("readable")
	first.Kill()
	if data, err := b.Drain(); err == nil || len(data) > 0 {
		t.Errorf("the peer read %q, %v; want an end without close_notify", data, err)
	}
	p.GoOn()
	p.Wait("down")
	w.service(t)
	p.GoOn()
	d := l.Accept()
	d.Say("again")
	d.CloseWrite()
	wantTranscript(t, p, "connect 0", "connect 0", "connect 0", "b'ha'",
		"read b'seen' ECONNRESET then EPIPE", "idle ECONNRESET",
		"half b'lfway' ECONNRESET", "fresh ENETDOWN the TLS service of this machine is not running", "socket ENETDOWN", "plain 0",
		"connect 0", "b'again' b''")
}

// TestKilledUnderServer: a server that listens has clients again once the
// service is back, and its accepted connections are reset.
func TestKilledUnderServer(t *testing.T) {
	w := newWorld(t)
	first := w.service(t)
	p := w.python(t, nil, `
s = listen(tls())
c, _ = s.accept()
say(c.recv(10))
say("@accepted")
wait()
say("read", attempt(c.recv, 1))
say("@down")
c, _ = s.accept()
say(c.recv(10), number(c, VERSION))
`)
	port := p.Port()
	a := w.network.Dial(t, port)
	a.Say("before")
	p.Wait("accepted")
	first.Kill()
	if data, err := a.Drain(); err == nil || len(data) > 0 {
		t.Errorf("the client read %q, %v; want an end without close_notify", data, err)
	}
	p.GoOn()
	p.Wait("down")
	if c, err := w.network.TryDial(t, port); err == nil {
		t.Error("a client was served without the service")
		c.Close()
	}
	w.service(t)
	w.network.Dial(t, port).Say("after")
	wantTranscript(t, p, "b'before'", "read ECONNRESET", "b'after' 772")
}

// TestStartedWithoutService: a program under `ssa run` starts, and its sockets
// say that the network is down until the service is there.
func TestStartedWithoutService(t *testing.T) {
	w := newWorld(t)
	l := w.network.Listen(t)
	p := w.python(t, nil, `
say("socket", attempt(tls))
say("@down")
wait()
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
`, l.Port())
	p.Wait("down")
	w.service(t)
	p.GoOn()
	l.Accept().CloseWrite()
	wantTranscript(t, p, "socket ENETDOWN", "connect 0")
}

// TestWaitsForService: with --wait, a socket is made when the service comes.
func TestWaitsForService(t *testing.T) {
	w := newWorld(t)
	l := w.network.Listen(t)
	first := w.service(t)
	p := w.python(t, []string{"--wait", "1m"}, `
say("@began")
wait()
say("@asking")
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
`, l.Port())
	p.Wait("began")
	first.Kill()
	p.GoOn()
	p.Wait("asking")
	w.service(t)
	l.Accept().CloseWrite()
	wantTranscript(t, p, "connect 0")
}
