//go:build linux

package contract

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// upgradingClient speaks a line in plain text, and TLS after that, on the same
// descriptor, which an epoll set has watched from the beginning.
const upgradingClient = `
name, mode = args[1].encode(), args[2]
s = socket.create_connection(("127.0.0.1", int(args[0])))
other = os.dup(s.fileno())
level, edge = select.epoll(), select.epoll()
level.register(s, select.EPOLLIN | select.EPOLLOUT)
edge.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
say("before", level.poll(0) == [(s.fileno(), select.EPOLLOUT)], edge.poll(0) == [(s.fileno(), select.EPOLLOUT)])
s.send(b"STARTTLS\n")
s.recv(3, socket.MSG_WAITALL)
edge.poll(0)
if mode != "blocking":
    s.setblocking(False)


def events(set, mask):
    while not any(fd == s.fileno() and e & mask for fd, e in set.poll(30)):
        pass


got = attempt(s.setsockopt, socket.IPPROTO_TCP, TCP_UPGRADE_TLS, name)
if got == "EINPROGRESS":
    say("in progress")
    events(level if mode == "level" else edge, select.EPOLLOUT)
    code = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    got = errno.errorcode[code] if code else 0
s.setblocking(True)
say("upgrade", got)
if got:
    say(text(s, ERROR))
    say("after", attempt(os.write, other, b"secret"), attempt(os.write, s.fileno(), b"secret"))
    sys.exit()
say("protocol", s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), "peer", text(s, IDENTITY))
os.write(other, b"ask")
events(level, select.EPOLLIN)
events(edge, select.EPOLLIN)
say("read", os.read(other, 6))
os.close(other)
s.close()
`

// TestUpgradeClient: a connected TCP socket becomes a TLS socket in place, with
// every descriptor and every place in epoll sets that it has.
func TestUpgradeClient(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	policy := ssatest.PolicyWithRoots(t, "", authority.File(t))
	for _, mode := range []string{"blocking", "level", "edge"} {
		for _, name := range []string{"a.example", "b.example"} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				t.Parallel()
				l := (&peer.Network{}).Listen(t)
				p := python(t, policy, upgradingClient, l.Port(), name, mode)
				plain := l.AcceptTCP()
				if got := readText(t, plain, 9); got != "STARTTLS\n" {
					t.Fatalf("the peer read %q", got)
				}
				if _, err := plain.Write([]byte("ok\n")); err != nil {
					t.Fatal(err)
				}
				record := &recording{Conn: plain}
				c := tls.Server(record, &tls.Config{Certificates: []tls.Certificate{leaf.TLS}})
				want := []string{"before True True"}
				if mode != "blocking" {
					want = append(want, "in progress")
				}
				if name == "b.example" {
					// The refusal may come with the handshake or, in TLS 1.3, after it.
					if err := c.Handshake(); err == nil {
						_, err = c.Read(make([]byte, 1))
						if err == nil {
							t.Error("the peer could read from a client that refused it")
						}
					}
					rest := make([]byte, 1024)
					for n := 1; n > 0; {
						n, _ = record.Read(rest)
					}
					if strings.Contains(string(record.seen), "secret") {
						t.Error("plain text followed the failed handshake")
					}
					got := p.Finish()
					wantLines(t, got, append(want, "upgrade EPROTO", "exit status 0")...)
					if after := lineWith(t, got, "after "); strings.Contains(after, "6") {
						t.Errorf("the program could write after the failed handshake: %s", after)
					}
					return
				}
				if got := readText(t, c, 3); got != "ask" {
					t.Fatalf("the peer read %q", got)
				}
				if _, err := c.Write([]byte("answer")); err != nil {
					t.Fatal(err)
				}
				if n, err := c.Read(make([]byte, 1)); err == nil {
					t.Errorf("the peer read %d bytes, wanted the end", n)
				}
				c.Close()
				wantTranscript(t, p, append(want, "upgrade 0", "protocol 205 peer a.example",
					"read b'answer'")...)
			})
		}
	}
}

// recording keeps what was read of the wire.
type recording struct {
	net.Conn
	seen []byte
}

func (r *recording) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.seen = append(r.seen, p[:n]...)
	return n, err
}

func readText(t *testing.T, c net.Conn, n int) string {
	t.Helper()
	data := make([]byte, n)
	for got := 0; got < n; {
		more, err := c.Read(data[got:])
		if err != nil {
			t.Fatalf("the peer read %q, then %v", data[:got], err)
		}
		got += more
	}
	return string(data)
}

// TestUpgradeServer: a server sets a certificate on the connected socket,
// which remembers it, and then asks for TLS.
func TestUpgradeServer(t *testing.T) {
	world := newPair(t)
	chain, key := strings.TrimPrefix(world.server[0], "chain="),
		strings.TrimPrefix(world.server[1], "key=")
	for _, mode := range []string{"blocking", "nonblocking"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := python(t, "", `
l = listen(tls(proto=0))
c = l.accept()[0]
say("too early", attempt(c.setsockopt, 6, TCP_UPGRADE_TLS, b""))
identify(c, *args[:2])
say("still plain", c.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
c.send(b"220 ready\n")
set = select.epoll()
set.register(c, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
if args[2] == "nonblocking":
    c.setblocking(False)
got = attempt(c.setsockopt, 6, TCP_UPGRADE_TLS, b"")
say("upgrade", got)
if got == "EINPROGRESS":
    while not any(e & select.EPOLLOUT for _, e in set.poll(30)):
        pass
    say("outcome", c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
c.setblocking(True)
say(c.recv(5, socket.MSG_WAITALL), repr(text(c, HOSTNAME)))
c.send(b"world")
c.close()
say("listener", l.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
`, chain, key, mode)
			plain := (&peer.Network{}).DialTCP(t, p.Port())
			if got := readText(t, plain, 10); got != "220 ready\n" {
				t.Fatalf("the client read %q", got)
			}
			c := tls.Client(plain, world.network.Client)
			if _, err := c.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if got := readText(t, c, 5); got != "world" {
				t.Errorf("the client read %q", got)
			}
			c.Close()
			want := []string{"too early EINVAL", "still plain 6", "upgrade 0"}
			if mode == "nonblocking" {
				want = append(want[:2], "upgrade EINPROGRESS", "outcome 0")
			}
			wantTranscript(t, p, append(want, "b'hello' 'a.example'", "listener 6")...)
		})
	}
}

// TestPlainBecomesTLS: a TLS option on an unconnected TCP socket makes it a TLS
// socket; every descriptor of it, and its port, go along.
func TestPlainBecomesTLS(t *testing.T) {
	world := newPair(t)
	for name, code := range map[string]string{
		"fresh":    "",
		"dup":      "other = os.dup(s.fileno())\n",
		"bound":    "s.bind(('127.0.0.1', 0))\nport = s.getsockname()[1]\n",
		"options":  "s.setsockopt(6, socket.TCP_KEEPIDLE, 77)\n",
		"nonblock": "s.setblocking(False)\ns.setblocking(True)\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := world.network.Listen(t)
			p := python(t, world.policy, `
s = tls(proto=0)
other, port = s.fileno(), 0
`+code+`
fd = s.fileno()
say("put", put(s, NAME, "a.example"), s.fileno() == fd, s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
connect(s, args[0])
say("same port", port in (0, s.getsockname()[1]))
say("wrote", os.write(other, b"x"))
say("keepidle", s.getsockopt(6, socket.TCP_KEEPIDLE))
`, l.Port())
			c := l.Accept()
			c.Expect("x")
			idle := "keepidle 7200"
			if name == "options" {
				idle = "keepidle 77"
			}
			c.Close()
			wantTranscript(t, p, "put 0 True 205", "connect 0", "same port True", "wrote 1", idle)
		})
	}
}

// TestOtherSocketsStay: a TLS option on what is no TCP socket, and a bad one,
// change nothing: the errors of other sockets are the kernel's own.
func TestOtherSocketsStay(t *testing.T) {
	wantTranscript(t, python(t, "", `
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
x = socket.socket(socket.AF_UNIX)
say("others", put(u, NAME, "a.example"), put(x, NAME, "a.example"))
s = tls(proto=0)
say("bad", put(s, NAME, "a b"), put(s, 4711, "x"), put(s, CHAIN, "/no/such/file"), s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
l = tls(proto=0)
l.listen()
say("listening", put(l, NAME, "a b"), l.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
say("unconnected", attempt(s.setsockopt, 6, TCP_UPGRADE_TLS, b"a.example"))
n = socket.create_connection(l.getsockname())
say("no name", attempt(n.setsockopt, 6, TCP_UPGRADE_TLS, b""), n.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
`), "others ENOPROTOOPT ENOTSUP",
		"bad EINVAL ENOPROTOOPT ENOENT 6", "listening EINVAL 6", "unconnected ENOTCONN",
		"no name EINVAL 6")
}
