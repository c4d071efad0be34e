//go:build linux

package contract

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

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

// TestCopyOutside: a process that is under no gate and has a copy of the TCP
// socket can send nothing into the TLS connection: it has another socket.
func TestCopyOutside(t *testing.T) {
	world := newPair(t)
	for _, bound := range []string{"fresh", "bound"} {
		t.Run(bound, func(t *testing.T) {
			tap := newTap(t, world.network.Server)
			path := t.TempDir() + "/s"
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			p := python(t, world.policy, `
s, u = socket.socket(), socket.socket(socket.AF_UNIX)
if args[2] == "bound":
    s.bind(("127.0.0.1", 0))
u.connect(args[1])
socket.send_fds(u, [b"x"], [s.fileno()])
put(s, NAME, "a.example")
connect(s, args[0])
say("@connected")
wait()
s.sendall(b"hello")
say(s.recv(5, socket.MSG_WAITALL))
`, tap.port(), path, bound)
			u, err := l.AcceptUnix()
			if err != nil {
				t.Fatal(err)
			}
			defer u.Close()
			rights := make([]byte, 64)
			_, n, _, _, err := u.ReadMsgUnix(make([]byte, 1), rights)
			if err != nil {
				t.Fatal(err)
			}
			messages, err := unix.ParseSocketControlMessage(rights[:n])
			if err != nil {
				t.Fatal(err)
			}
			fds, err := unix.ParseUnixRights(&messages[0])
			if err != nil {
				t.Fatal(err)
			}
			copied := sys.Own(fds[0])
			defer copied.Close()
			p.Wait("connected")
			if n, err := unix.SendmsgN(copied.Int(), []byte(secret), nil, nil,
				unix.MSG_NOSIGNAL); !errors.Is(err, unix.EPIPE) {
				t.Errorf("writing over the copy: %d, %v; want EPIPE", n, err)
			}
			if _, err := unix.Getpeername(copied.Int()); !errors.Is(err, unix.ENOTCONN) {
				t.Errorf("the copy has a peer (%v)", err)
			}
			p.GoOn()
			wantTranscript(t, p, "connect 0", "b'hello'")
			tap.nothingPlain(t)
		})
	}
}
