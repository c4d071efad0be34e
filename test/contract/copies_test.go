//go:build linux

package contract

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// secret is what programs write over every descriptor that they have.
const secret = "PLAINTEXT"

// tap is a TLS server that echoes, and keeps what it read of the wire.
type tap struct {
	net.Listener
	work sync.WaitGroup

	mu    sync.Mutex
	conns []*recording
}

func newTap(t *testing.T, config *tls.Config) *tap {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{Listener: l}
	t.Cleanup(func() { p.wire() })
	p.work.Go(func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			r := &recording{Conn: tcp}
			p.mu.Lock()
			p.conns = append(p.conns, r)
			p.mu.Unlock()
			p.work.Go(func() {
				defer tcp.Close()
				c := tls.Server(r, config)
				if _, err := io.Copy(c, c); err != nil {
					_, _ = io.Copy(io.Discard, r) // whatever follows
				}
				_ = c.CloseWrite() // the client may be gone
				_, _ = io.Copy(io.Discard, r)
			})
		}
	})
	return p
}

func (p *tap) port() int { return p.Addr().(*net.TCPAddr).Port }

// wire returns what each connection has brought, when all have ended.
func (p *tap) wire() (all [][]byte) {
	p.Close()
	p.work.Wait()
	for _, r := range p.conns {
		all = append(all, r.seen)
	}
	return all
}

// nothingPlain fails the test if anything but TLS records came in, or the
// secret. Programs that wrote it must have ended.
func (p *tap) nothingPlain(t *testing.T) {
	t.Helper()
	for _, seen := range p.wire() {
		if bytes.Contains(seen, []byte(secret)) {
			t.Errorf("plain text on the wire: %.80q", seen)
		}
		for rest := seen; len(rest) > 0; {
			if len(rest) < 5 || rest[0] < 20 || rest[0] > 23 || rest[1] != 3 {
				t.Errorf("no TLS record on the wire: %.80q", rest)
				break
			}
			rest = rest[min(len(rest), 5+int(rest[3])<<8+int(rest[4])):]
		}
	}
}

// olderCopies is how a program comes to have copies of a TCP socket s from
// before it became a TLS socket, and writes over them.
const olderCopies = `
import signal, threading
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
SECRET, port, how = b"PLAINTEXT", int(args[0]), args[1]
s = socket.socket()
if args[2] == "bound":
    s.bind(("127.0.0.1", 0))
a, b = socket.socketpair()
up, down = os.pipe(), os.pipe()


def convert():
    say("convert", put(s, NAME, "a.example"))


def writes(c):
    """Every way to write that the kernel has, none of which anybody sees."""
    fd = c.fileno()
    f = os.memfd_create("x")
    os.write(f, SECRET)
    for way in (lambda: os.write(fd, SECRET), lambda: c.send(SECRET), lambda: c.sendmsg([SECRET]),
                lambda: os.writev(fd, [SECRET]), lambda: os.sendfile(fd, f, 0, len(SECRET)),
                lambda: c.send(SECRET, socket.MSG_OOB), lambda: c.sendto(SECRET, ("127.0.0.1", port)),
                lambda: c.sendto(SECRET, socket.MSG_FASTOPEN, ("127.0.0.1", port))):
        try:
            way()
        except OSError:
            pass


def child(run):
    """A child that goes on when it is told, and then this program goes on."""
    pid = os.fork()
    if pid == 0:
        try:
            os.read(up[0], 1)
            run()
        finally:
            os._exit(0)
    return pid


def let(pid):
    os.write(up[1], b"x")
    os.waitpid(pid, 0)


def echo(c):
    c.sendall(b"hello")
    say("echo", c.recv(5, socket.MSG_WAITALL))


def use(c):
    connect(c, port)
    echo(c)


if how == "child connects":
    pid = child(lambda: (use(s), writes(s)))
    convert()
    let(pid)
elif how == "child writes":
    pid = child(lambda: writes(s))
    convert()
    use(s)
    let(pid)
    echo(s)
elif how == "child asks and writes":
    pid = child(lambda: (say("protocol", s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)), echo(s)))
    convert()
    use(s)
    let(pid)
    echo(s)
elif how == "child fast opens":
    pid = child(lambda: writes(s))
    s.setsockopt(6, 30, 1)  # TCP_FASTOPEN_CONNECT
    s.setsockopt(6, 34, 1)  # TCP_FASTOPEN_NO_COOKIE
    convert()
    let(pid)
elif how == "message":
    socket.send_fds(a, [b"x"], [s.fileno()])
    convert()
    c = socket.socket(fileno=socket.recv_fds(b, 1, 1)[1][0])
    use(c)
    s.close()
    echo(c)
elif how == "message, connected meanwhile":
    socket.send_fds(a, [b"x"], [s.fileno()])
    convert()
    use(s)
    c = socket.socket(fileno=socket.recv_fds(b, 1, 1)[1][0])  # which asks for its family
    say("protocol", c.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
    s.close()
    echo(c)
elif how == "message, written first":
    socket.send_fds(a, [b"x"], [s.fileno()])
    convert()
    use(s)
    fds = socket.recv_fds(b, 1, 1)[1]
    say("write", attempt(os.write, fds[0], SECRET))
    echo(s)
elif how == "message, the only copy":
    socket.send_fds(a, [b"x"], [s.fileno()])
    convert()
    s.close()
    c = socket.socket(fileno=socket.recv_fds(b, 1, 1)[1][0])
    use(c)
elif how == "failed before":
    pid = child(lambda: (use(s), writes(s)))
    convert()
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    say("refused", attempt(s.connect, dead.getsockname()))
    let(pid)
elif how == "child listens":
    pid = child(lambda: say("listen", attempt(s.listen), attempt(s.accept)))
    convert()
    let(pid)
`

// TestOlderCopies: a copy of a TCP socket from before it became a TLS socket is
// that TLS socket, or can send nothing, wherever it was in the meantime.
func TestOlderCopies(t *testing.T) {
	world := newPair(t)
	used := []string{"convert 0", "connect 0", "echo b'hello'"}
	for how, want := range map[string][]string{
		"child connects":               used,
		"child writes":                 slices.Concat(used, used[2:]),
		"child asks and writes":        append(slices.Clone(used), "protocol 205", used[2], used[2]),
		"child fast opens":             used[:1],
		"message":                      slices.Concat(used, used[2:]),
		"message, connected meanwhile": append(slices.Clone(used), "protocol 205", used[2]),
		"message, written first":       append(slices.Clone(used), "write EPIPE", used[2]),
		"message, the only copy":       used,
		"failed before":                {"convert 0", "refused ECONNREFUSED", used[1], used[2]},
		"child listens":                {"convert 0", "listen EINVAL EINVAL"},
	} {
		for _, bound := range []string{"fresh", "bound"} {
			t.Run(how+"/"+bound, func(t *testing.T) {
				t.Parallel()
				tap := newTap(t, world.network.Server)
				p := python(t, world.policy, olderCopies, tap.port(), how, bound)
				wantTranscript(t, p, slices.Clone(want)...)
				tap.nothingPlain(t)
			})
		}
	}
}

// TestConvertedAgainstConnected: of a thread that makes a TCP socket a TLS
// socket and one that connects it meanwhile, either is first. What is written
// in plain text gets out only where the program was told that it has no TLS
// socket.
func TestConvertedAgainstConnected(t *testing.T) {
	world := newPair(t)
	tap := newTap(t, world.network.Server)
	p := python(t, world.policy, `
import threading, signal
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
other = socket.socket()
other.bind(("127.0.0.1", 0))
other.listen(64)
for n in range(60):
    s = socket.socket()
    c = socket.socket(fileno=os.dup(s.fileno()))
    s.bind(("127.0.0.1", 0))
    start, told = threading.Barrier(2), []

    def connects():
        start.wait()
        if attempt(c.connect, ("127.0.0.1", int(args[0]))) == 0 and told != ["plain"]:
            attempt(c.send, b"PLAINTEXT" if told == [0] else b"either")
    t = threading.Thread(target=connects)
    t.start()
    start.wait()
    told.append(put(s, NAME, "a.example") or 0)
    t.join()
    if told == [0]:
        attempt(c.send, b"PLAINTEXT")
        say("protocol", s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), c.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
    s.close()
    c.close()
`, tap.port())
	for _, line := range p.Finish() {
		if line != "protocol 205 205" && line != "exit status 0" {
			t.Errorf("the program printed %s; %s", line, p.Stderr())
		}
	}
	for _, seen := range tap.wire() {
		if bytes.Contains(seen, []byte(secret)) {
			t.Errorf("plain text on the wire: %.80q", seen)
		}
	}
}

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
		"non-blocking EINPROGRESS", "b'world'", "no address EINVAL", "wrong name EPROTO", "plain 5 b'hello'")
	tap.nothingPlain(t)
}

// heldCopies upgrades a connection of which there is another copy.
const heldCopies = `
import signal, threading
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
how = args[1]
s = socket.create_connection(("127.0.0.1", int(args[0])))
up, down, a_b = os.pipe(), os.pipe(), socket.socketpair()


def child(run):
    pid = os.fork()
    if pid == 0:
        try:
            os.close(up[1])
            os.read(up[0], 1)
            run()
        finally:
            os._exit(0)
    os.close(up[0])
    return pid


def upgrade(c):
    got = attempt(c.setsockopt, socket.IPPROTO_TCP, TCP_UPGRADE_TLS, b"a.example")
    say("upgrade", got)
    return got


def echo(c):
    c.sendall(b"hello")
    say("echo", c.recv(5, socket.MSG_WAITALL))


if how == "child":
    pid = child(lambda: 0)
    upgrade(s)
    say("still plain", s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
    os.close(up[1])
    os.waitpid(pid, 0)
    upgrade(s)
    echo(s)
elif how == "child is about to close":
    pid = os.fork()
    if pid == 0:
        time.sleep(0.05)
        os._exit(0)
    upgrade(s)
    echo(s)
elif how == "parent":
    ready = os.pipe()
    if os.fork() == 0:
        os._exit(upgrade(s) != "EBUSY")
    say("status", os.wait()[1])
elif how == "thread of its own":
    go, done = threading.Event(), threading.Event()

    def own():
        libc.unshare(0x400)  # CLONE_FILES
        go.set()
        done.wait()
    t = threading.Thread(target=own)
    t.start()
    go.wait()
    upgrade(s)
    done.set()
    t.join()
    upgrade(s)
    echo(s)
elif how == "duplicates":
    copies = [socket.socket(fileno=os.dup(s.fileno())) for _ in range(50)]
    upgrade(copies[20])
    for c in copies[0], copies[49], s:
        echo(c)
elif how == "message":
    socket.send_fds(a_b[0], [b"x"], [s.fileno()])
    upgrade(s)
    c = socket.socket(fileno=socket.recv_fds(a_b[1], 1, 1)[1][0])
    say("protocol", c.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
    s.close()
    echo(c)
elif how == "threads":
    over = []

    def dup():
        while not over:
            fds = [os.dup(s.fileno()) for _ in range(20)]
            for fd in fds:
                os.close(fd)
    t = threading.Thread(target=dup)
    t.start()
    upgrade(s)
    over.append(1)
    t.join()
    echo(s)
`

// TestHeldCopies: TCP_UPGRADE_TLS takes the connection from all descriptors of
// the process. Where another process is seen to have it, it is refused.
func TestHeldCopies(t *testing.T) {
	world := newPair(t)
	works := []string{"upgrade 0", "echo b'hello'"}
	for how, want := range map[string][]string{
		"child":                   {"upgrade EBUSY", "still plain 6", works[0], works[1]},
		"child is about to close": works,
		"parent":                  {"upgrade EBUSY", "status 0"},
		"thread of its own":       {"upgrade EBUSY", works[0], works[1]},
		"duplicates":              {works[0], works[1], works[1], works[1]},
		"message":                 {works[0], "protocol 205", works[1]},
		"threads":                 works,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			tap := newTap(t, world.network.Server)
			wantTranscript(t, python(t, world.policy, heldCopies, tap.port(), how), slices.Clone(want)...)
			tap.nothingPlain(t)
		})
	}
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
	wantTranscript(t, p, "fresh 0", "connected 0 ENOTCONN True", "name a.example True", "connecting EINPROGRESS 0 ENOTCONN")
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

// TestInheritedListener: a listening TCP socket that a program was given
// becomes a TLS socket by its options and listen.
func TestInheritedListener(t *testing.T) {
	world := newPair(t)
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	l, err := config.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := pythonCommand(t, world.policy, `
signal_up = os.pipe()
l = socket.socket(fileno=3)
if args[2] == "held":
    if os.fork() == 0:
        os.close(signal_up[1])
        os.read(signal_up[0], 1)
        os._exit(0)
    os.close(signal_up[0])
    say("held", put(l, CHAIN, args[0]), l.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
    os.close(signal_up[1])
    os.wait()
other = os.dup(3)
identify(l, *args[:2])
say("before", attempt(l.accept))
l.listen()
say("@ready")
c, peer = l.accept()
say(c.recv(5, socket.MSG_WAITALL), c.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), socket.socket(fileno=other).getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
c.sendall(b"world")
c.close()
`, strings.TrimPrefix(world.server[0], "chain="), strings.TrimPrefix(world.server[1], "key="), "held")
	cmd.ExtraFiles = []*os.File{file}
	p := programs.Start(t, cmd)
	p.Wait("ready")
	c := world.network.Dial(t, l.Addr().(*net.TCPAddr).Port)
	c.Say("hello")
	c.Expect("world")
	c.Close()
	wantTranscript(t, p, "held EBUSY 6", "before EINVAL", "b'hello' 205 205")
	// It is still whose it was.
	conn, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted.Close()
}
