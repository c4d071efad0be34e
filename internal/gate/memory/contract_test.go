package memory

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// What the tests of test/contract say of the rules of a TLS socket holds in any
// gate: here where nothing of a program's end is the kernel's.

func TestSocketErrors(t *testing.T) {
	w := newWorld(t, "")
	for _, tc := range []struct {
		family, kind int
		want         abi.Errno
	}{
		{abi.FamilyInet, unix.SOCK_DGRAM, abi.EPROTONOSUPPORT},
		{abi.FamilyInet, unix.SOCK_SEQPACKET, abi.EPROTONOSUPPORT},
		{unix.AF_UNIX, unix.SOCK_STREAM, abi.ESOCKTNOSUPPORT},
		{unix.AF_PACKET, unix.SOCK_STREAM, abi.ESOCKTNOSUPPORT},
	} {
		_, err := w.Socket(tc.family, tc.kind)
		w.want(tc.want, fmt.Sprintf("socket(%d, %d)", tc.family, tc.kind), err)
	}
}

// TestCallsInStates: what calls say in the wrong state.
func TestCallsInStates(t *testing.T) {
	w := newWorld(t, "")
	fresh, server := w.named(), w.server()
	_, err := fresh.Accept()
	w.want(abi.EINVAL, "accept on a fresh socket", err)
	w.want(abi.ENOTCONN, "shutdown of a fresh socket", fresh.Shutdown(unix.SHUT_WR))
	_, err = fresh.Rules.Peer()
	w.want(abi.ENOTCONN, "getpeername of a fresh socket", err)
	w.want(abi.EINVAL, "listen without a certificate", fresh.Listen(1))
	w.want(abi.EAFNOSUPPORT, "connect to another family", fresh.Connect(make6()))
	w.want(abi.EINVAL, "connect to half an address", fresh.Connect(loopback(1)[:7]))
	w.want(0, "listen", server.Listen(1))
	w.want(0, "listen again", server.Listen(2))
	w.want(abi.EISCONN, "connect of a listener", server.Connect(loopback(1)))
	w.want(abi.EINVAL, "bind of a listener", server.Bind(loopback(0)))
	client, accepted := w.connected()
	for name, s := range map[string]*Socket{"client": client, "accepted": accepted} {
		w.want(abi.EISCONN, "connect of a connected "+name, s.Connect(loopback(1)))
		w.want(abi.EINVAL, "bind of a connected "+name, s.Bind(loopback(0)))
		w.want(abi.EINVAL, "listen of a connected "+name, s.Listen(1))
		_, err := s.Accept()
		w.want(abi.EINVAL, "accept of a connected "+name, err)
	}
}

func make6() []byte {
	return abi.EncodeSockaddr((&net.TCPAddr{IP: net.IPv6loopback, Port: 1}).AddrPort(), true)
}

// TestOptionMoments: every option has its moment.
func TestOptionMoments(t *testing.T) {
	w := newWorld(t, "")
	client, _ := w.connected()
	l, _ := w.listening()
	for _, o := range abi.Options {
		for s, phase := range map[*Socket]abi.Phase{client: abi.InUse, l: abi.InListen} {
			want := o.Set.In(phase)
			if o.Set == abi.Never {
				want = abi.ENOPROTOOPT
			}
			w.want(want, fmt.Sprintf("set %s in phase %d", o.Name, phase), s.Set(o.Option, integer(1)))
		}
		_, err := client.Get(o.Option)
		if o.Get == abi.Never {
			w.want(abi.ENOPROTOOPT, "get "+o.Name, err)
			continue
		}
		w.want(0, "get "+o.Name, err)
		_, err = w.socket().Get(o.Option)
		w.want(o.Get.In(abi.InFresh), "get "+o.Name+" of a fresh socket", err)
	}
	w.want(abi.ENOPROTOOPT, "an unknown option", client.Set(999, nil))
}

// TestWeakening: what would weaken the policy is EPERM with a sentence, and
// changes nothing; what is stricter is taken.
func TestWeakening(t *testing.T) {
	for _, tc := range []struct {
		policy string
		option abi.Option
		value  []byte
		want   abi.Errno
	}{
		{"  versions: {min: \"1.3\"}\n", abi.VersionMin, integer(0x0303), abi.EPERM},
		{"  versions: {max: \"1.2\"}\n", abi.VersionMax, integer(0x0304), abi.EPERM},
		{"", abi.VersionMin, integer(0x0304), 0},
		{"  sessions: {lifetime: 60s}\n", abi.SessionTTL, integer(61), abi.EPERM},
		{"  sessions: {lifetime: 60s}\n", abi.SessionTTL, integer(59), 0},
		{"  sessions: {resumption: off}\n", abi.SessionReuse, integer(1), abi.EPERM},
		{"  server: {client_auth: require}\n", abi.RequestPeerAuth, integer(0), abi.EPERM},
		{"  program_options: [TLS_REMOTE_HOSTNAME]\n", abi.ALPN, []byte("h2"), abi.EPERM},
	} {
		w := newWorld(t, tc.policy)
		s := w.socket()
		before, _ := s.Get(tc.option)
		w.want(tc.want, fmt.Sprintf("%v under %q", tc.option, tc.policy), s.Set(tc.option, tc.value))
		after, _ := s.Get(tc.option)
		if same := string(before) == string(after); same != (tc.want != 0) {
			t.Errorf("%v under %q: from %q to %q", tc.option, tc.policy, before, after)
		}
		why, _ := s.Get(abi.Error)
		if refused := strings.Contains(string(why), "policy.yaml"); refused != (tc.want != 0) {
			t.Errorf("%v under %q: TLS_ERROR is %q", tc.option, tc.policy, why)
		}
	}
}

// TestConnectErrors: a connect fails with its errno and its sentence, and the
// socket can be connected afterwards.
func TestConnectErrors(t *testing.T) {
	w := newWorld(t, "")
	good := w.peer(func(_ net.Conn, c *tls.Conn) { _, _ = io.Copy(c, c) })
	closed, at := w.listening()
	w.want(0, "close", closed.Close())
	s := w.named()
	w.want(abi.ECONNREFUSED, "connect where nobody listens", s.Connect(at))
	w.want(0, "a wrong name", s.Set(abi.RemoteHostname, []byte("b.example")))
	w.want(abi.EPROTO, "connect to another peer", s.Connect(good))
	if why, _ := s.Get(abi.Error); !strings.Contains(string(why), "b.example") {
		t.Errorf("TLS_ERROR is %q, want the name", why)
	}
	value, err := s.Option(unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || string(value) != string(integer(0)) {
		t.Errorf("SO_ERROR is %v, %v, after connect has told", value, err)
	}
	w.want(0, "the right name", s.Set(abi.RemoteHostname, []byte("a.example")))
	w.want(0, "connect at last", s.Connect(good))
}

// TestHalfClose: who has shut down writing still reads, and the other way round.
func TestHalfClose(t *testing.T) {
	w := newWorld(t, "")
	client, server := w.connected()
	_, err := client.Write([]byte("question"))
	w.want(0, "write", err)
	w.want(0, "shutdown", client.Shutdown(unix.SHUT_WR))
	if got, err := readAll(server); got != "question" || err != nil {
		t.Errorf("the server reads %q, %v", got, err)
	}
	_, err = server.Write([]byte("answer"))
	w.want(0, "write of the server", err)
	w.want(0, "close of the server", server.Close())
	if got, err := readAll(client); got != "answer" || err != nil {
		t.Errorf("the client reads %q, %v", got, err)
	}
}

// TestTruncation: a connection that ends without close_notify is ECONNRESET to
// the program, after what had come, and TLS_ERROR says why.
func TestTruncation(t *testing.T) {
	w := newWorld(t, "")
	for _, polite := range []bool{true, false} {
		s := w.named()
		w.want(0, "connect", s.Connect(w.peer(func(tcp net.Conn, c *tls.Conn) {
			_, _ = c.Write([]byte("half"))
			if polite {
				c.Close()
			}
			tcp.Close()
		})))
		got, err := readAll(s)
		why, _ := s.Get(abi.Error)
		if polite && (got != "half" || err != nil || len(why) > 1) {
			t.Errorf("a clean end: %q, %v, %q", got, err, why)
		}
		cut := err == unix.ECONNRESET && strings.Contains(string(why), "close_notify")
		if !polite && (got != "half" || !cut) {
			t.Errorf("a truncated stream: %q, %v, %q", got, err, why)
		}
	}
}

// TestDisconnect: connect with AF_UNSPEC makes the socket one that can be
// connected again.
func TestDisconnect(t *testing.T) {
	w := newWorld(t, "")
	echo := w.peer(func(_ net.Conn, c *tls.Conn) { _, _ = io.Copy(c, c) })
	s := w.named()
	for range 2 {
		w.want(0, "connect", s.Connect(echo))
		w.want(0, "disconnect", s.Connect(make([]byte, unix.SizeofSockaddrInet4)))
		s.Rules = s.gate.table.Lookup(s.now().id)
		_, err := s.Rules.Peer()
		w.want(abi.ENOTCONN, "getpeername", err)
	}
}
