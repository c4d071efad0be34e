package socket

import (
	"crypto/tls"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func listening(t *testing.T, r *rig, leaf *ssatest.Issued, addr []byte) (*Socket, *testCaller) {
	t.Helper()
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	setOption(t, s, c, abi.CertificateChain, string(leaf.ChainPEM))
	setOption(t, s, c, abi.PrivateKey, string(leaf.KeyPEM))
	if err := s.SetOption(c, unix.SOL_SOCKET, unix.SO_REUSEPORT, intValue(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(c, addr); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(c, 64); err != nil {
		t.Fatal(err)
	}
	return s, c
}

// Clients of a closed listener go to another one of the same program only.
func TestHeirsOfListeners(t *testing.T) {
	r, a := world(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	first, _ := listening(t, r, leaf, []byte{2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	addr, err := first.Name()
	if err != nil {
		t.Fatal(err)
	}
	l := first.listening()
	if l.heir() != nil {
		t.Error("a listener that is alone at its address has an heir")
	}
	listening(t, r, leaf, addr)
	if l.heir() == nil {
		t.Error("a listener of the same program at the same address is no heir")
	}
	l.owner.exe = "/other"
	if l.heir() != nil {
		t.Error("another program is the heir")
	}
	third, _ := listening(t, r, leaf, []byte{2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	if addr, err = third.Name(); err != nil {
		t.Fatal(err)
	}
	_, c := listening(t, r, leaf, addr)
	c.end.Close()
	if third.listening().heir() != nil {
		t.Error("a listener that is closed is the heir")
	}
}

// Whoever comes after a listener was closed is refused, however long nobody has
// looked: in the same moment where the gate is asked, and at once elsewhere.
func TestClosedListenerRefuses(t *testing.T) {
	r, a := world(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	for range 20 {
		first, c := listening(t, r, leaf, []byte{2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
		addr, err := first.Name()
		if err != nil {
			t.Fatal(err)
		}
		c.end.Close()
		s, client := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
		call := client.call()
		if err := call.wait(s.Connect(call, addr)); Errno(err) != abi.ECONNREFUSED {
			t.Fatalf("connect to a closed listener: %v, want ECONNREFUSED", err)
		}
	}
}

// A client whose connection the kernel gave to a listener that its program has
// closed is served by another one of the same port.
func TestClosedReusePortListenerLosesNoClient(t *testing.T) {
	r, a := world(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	first, c := listening(t, r, leaf, []byte{2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	addr, err := first.Name()
	if err != nil {
		t.Fatal(err)
	}
	listening(t, r, leaf, addr)
	c.end.Close()
	for i := range 24 {
		conn, err := tls.Dial("tcp", remoteAddr(addr).String(),
			&tls.Config{RootCAs: a.Pool(), ServerName: "localhost"})
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		conn.Close()
	}
}

// The kernel announces clients that have spoken, which the program sees only
// where it has asked for that itself; silent clients keep nobody out.
func TestListenerDefersAccept(t *testing.T) {
	r, a := world(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	s, c := listening(t, r, leaf, []byte{2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	real := func() (seconds int) {
		err := s.listening().tcp.Control(func(fd int) (err error) {
			seconds, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	told := func() int {
		value, err := s.Option(c, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 4)
		if err != nil {
			t.Fatal(err)
		}
		return int(nativeUint32(value))
	}
	if real() == 0 || told() != 0 {
		t.Errorf("the kernel waits %d s for a hello, want some; the program is told %d, want 0", real(), told())
	}
	addr, err := s.Name()
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", remoteAddr(addr).String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	conn, err := tls.Dial("tcp", remoteAddr(addr).String(),
		&tls.Config{RootCAs: a.Pool(), ServerName: "localhost"})
	if err != nil {
		t.Fatalf("a client after a silent one: %v", err)
	}
	conn.Close()
	if err := s.SetOption(c, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, intValue(0)); err != nil {
		t.Fatal(err)
	}
	if real() != 0 || told() != 0 {
		t.Errorf("set to 0: the kernel waits %d s, the program is told %d", real(), told())
	}
	if err := s.SetOption(c, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, intValue(3)); err != nil {
		t.Fatal(err)
	}
	if told() == 0 || told() != real() {
		t.Errorf("set to 3: the kernel waits %d s, the program is told %d", real(), told())
	}
}
