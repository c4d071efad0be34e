//go:build linux

package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/test/peer"
)

// established has the service make a connection to a peer, which is returned.
func (w *world) established(t *testing.T, c *caller, ref uint64, l *peer.Listener) *peer.Conn {
	t.Helper()
	tcp, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	file, err := tcp.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(self)
	request := wire.Request{Name: "a.example"}
	if err := c.Send(&wire.Handshake{Ref: ref, Request: request}, int(file.Fd()), self); err != nil {
		t.Fatal(err)
	}
	far := l.Accept()
	for {
		frame, err := c.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		frame.Close()
		switch m := frame.Message.(type) {
		case *wire.Established:
			return far
		case *wire.Refused:
			t.Fatalf("the handshake was refused: %s", m.Sentence)
		}
	}
}

// TestRelayOfWrongDescriptors: plaintext goes to nothing but an AF_UNIX stream; for
// all else the connection ends with a reason, and the service keeps nothing of it.
func TestRelayOfWrongDescriptors(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	w.wantWorking(t)
	before := descriptorsOf(t, s)
	l := w.network.Listen(t)
	c := w.caller(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	ref := uint64(0)
	relay := func(name string, fd int) {
		ref++
		far := w.established(t, c, ref, l)
		far.Say("for a program")
		frame, err := wire.Ask(t.Context(), c.Conn, ref, &wire.Relay{Ref: ref}, fd)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m, ok := frame.Message.(*wire.Ended)
		if !ok || m.Ref != ref || !m.Failed || !strings.Contains(m.Sentence, "not an AF_UNIX stream") {
			t.Errorf("%s: the relay was answered with %+v", name, frame.Message)
		}
		if data, err := far.Drain(); len(data) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the peer read %q, %v", name, data, err)
		}
		far.Close()
	}
	relay("a device", int(null.Fd()))
	for name, kind := range map[string][2]int{
		"a TCP socket":            {unix.AF_INET, unix.SOCK_STREAM},
		"a UDP socket":            {unix.AF_INET, unix.SOCK_DGRAM},
		"an AF_UNIX datagram":     {unix.AF_UNIX, unix.SOCK_DGRAM},
		"an AF_UNIX seqpacket":    {unix.AF_UNIX, unix.SOCK_SEQPACKET},
		"another kind of sockets": {unix.AF_NETLINK, unix.SOCK_RAW},
	} {
		fd, err := unix.Socket(kind[0], kind[1], 0)
		if err != nil {
			t.Fatal(err)
		}
		relay(name, fd)
		unix.Close(fd)
	}
	c.Close()
	wantNoMore(t, s, before)
	w.wantWorking(t)
}

// TestReferenceInUse: a caller who names two connections alike is cut off, and
// with him the first of them: nothing that is said to one can reach the other.
func TestReferenceInUse(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	w.wantWorking(t)
	before := descriptorsOf(t, s)
	l := w.network.Listen(t)
	c := w.caller(t)
	far := w.established(t, c, 7, l)
	frame, err := wire.Ask(t.Context(), c.Conn, 7, &wire.Handshake{Ref: 7,
		Request: wire.Request{Name: "a.example"}})
	if err == nil {
		frame.Close()
		t.Errorf("a reference that is in use was answered with %T, want the caller cut off", frame.Message)
	}
	if data, err := far.Drain(); len(data) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the peer of the first connection read %q, %v", data, err)
	}
	far.Close()
	c.Close()
	wantNoMore(t, s, before)
	w.wantWorking(t)
}
