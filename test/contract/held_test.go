//go:build linux

package contract

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/test/programs"
)

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
`,
		strings.TrimPrefix(world.server[0], "chain="),
		strings.TrimPrefix(world.server[1], "key="), "held")
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
