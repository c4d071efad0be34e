//go:build linux

package policy

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// wire is a listener that keeps the first bytes of whoever connects.
type wire struct {
	net.Listener
	work sync.WaitGroup
	mu   sync.Mutex
	came [][]byte
}

func newWire(t *testing.T) *wire {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l}
	t.Cleanup(func() { w.seen() })
	w.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.work.Go(func() {
				first := make([]byte, 100)
				n, _ := io.ReadAtLeast(c, first, 1)
				w.mu.Lock()
				w.came = append(w.came, first[:n])
				w.mu.Unlock()
				c.Close()
			})
		}
	})
	return w
}

func (w *wire) port() int { return w.Addr().(*net.TCPAddr).Port }

func (w *wire) seen() [][]byte {
	w.Close()
	w.work.Wait()
	return w.came
}

// withoutLandlock runs a command where no layer of Landlock is left for it, so
// that it finds what it finds with older kernels. The command's own folder of
// temporary names must not need a right.
func withoutLandlock(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	const layers = `
import ctypes, os, struct, sys
call = ctypes.CDLL(None, use_errno=True).syscall
call(157 if os.uname().machine == "x86_64" else 167, 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
attr = struct.pack("QQ", 0, 1)  # LANDLOCK_ACCESS_NET_BIND_TCP
for _ in range(16):
    ruleset = call(444, attr, len(attr), 0)
    if ruleset < 0 or call(446, ruleset, 0) != 0:
        sys.exit("no Landlock to use up")
    os.close(ruleset)
os.execv(sys.argv[1], sys.argv[1:])`
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = python, append([]string{"python3", "-c", layers}, cmd.Args...)
	return cmd
}

// kernels are those with and without what keeps a program from connecting.
var kernels = map[string]func(*testing.T, *exec.Cmd) *exec.Cmd{
	"with Landlock":    func(_ *testing.T, cmd *exec.Cmd) *exec.Cmd { return cmd },
	"without Landlock": withoutLandlock,
}

// races connects a descriptor that another thread makes now a TCP socket, now
// something else, and writes.
const races = `
import ctypes, os, signal, socket, struct, sys, threading
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
libc = ctypes.CDLL(None, use_errno=True)
address = struct.pack("=H", 2) + struct.pack("!H", int(sys.argv[1])) + bytes([127, 0, 0, 1]) + bytes(8)
null, local, udp = os.open("/dev/null", os.O_RDONLY), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fd, over, made = os.dup(null), False, []


def swap():
    while not over:
        s = socket.socket()
        s.settimeout(20)
        for other in null, local.fileno(), udp.fileno():
            os.dup2(s.fileno(), fd)
            os.dup2(other, fd)
            os.dup2(s.fileno(), fd)
        for kept in fd, s.fileno():
            try:
                os.write(kept, b"PLAINTEXT")
            except OSError:
                pass


swapping = threading.Thread(target=swap)
swapping.start()
for n in range(int(sys.argv[2])):
    libc.connect(fd, address, len(address))
    try:
        os.write(fd, b"PLAINTEXT")
    except OSError:
        pass
over = True
swapping.join()
print("over")
`

// TestRacesForPlainTCP: what a descriptor is may change at any moment. Whatever
// the race's winner, no plain TCP connection is made that the policy denies or
// wants to be TLS.
func TestRacesForPlainTCP(t *testing.T) {
	ssatest.Need(t, "python3")
	a := ssatest.NewAuthority(t)
	for kernel, on := range kernels {
		for what, policy := range map[string]string{
			"denied":   "  plain_tcp: deny\n",
			"made TLS": "  upgrade: [{to: 127.0.0.0/8, port: %d, name: peer.example}]\n",
		} {
			t.Run(kernel+"/"+what, func(t *testing.T) {
				w := newWire(t)
				policy := strings.ReplaceAll(policy, "%d", fmt.Sprint(w.port()))
				run := ssatest.Run{Policy: ssatest.PolicyWithRoots(t, policy, a.File(t))}
				cmd := on(t, run.Command(t, "python3", "-c", races, fmt.Sprint(w.port()), "500"))
				var said strings.Builder
				cmd.Stderr = &said
				if out, err := cmd.Output(); err != nil || string(out) != "over\n" {
					t.Fatalf("the program printed %q (%v): %s", out, err, said.String())
				}
				came := w.seen()
				if what == "denied" && len(came) > 0 {
					t.Errorf("%d connections were made", len(came))
				}
				for _, first := range came {
					if len(first) > 0 && first[0] != 22 { // a handshake record
						t.Errorf("plain text on the wire: %q", first)
					}
				}
			})
		}
	}
}

// localPeers connects local sockets, by a path, a relative one, and a name, and
// prints whom their peers see.
const localPeers = `
import os, socket, struct, sys
os.chdir(sys.argv[1])
os.umask(0)
for name in sys.argv[1] + "/absolute", "relative", "\0" + sys.argv[1]:
    l, c = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    l.bind(name)
    l.listen()
    if len(sys.argv) > 2:
        os.seteuid(int(sys.argv[2]))
    try:
        c.connect(name)
        pid, uid, _ = struct.unpack("3i", l.accept()[0].getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        print("program" if pid == os.getpid() else "gate" if pid == os.getppid() else pid, uid == os.geteuid())
    except OSError as e:
        print(e.strerror)
    if len(sys.argv) > 2:
        os.seteuid(0)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect(("127.0.0.1", 9))
print(u.getpeername())
for fd, errno in (os.open("/dev/null", os.O_RDONLY), "not a socket"), (999, "bad descriptor"):
    try:
        socket.socket.connect(socket.socket(fileno=os.dup(fd), family=2, type=1, proto=0), ("127.0.0.1", 9))
    except OSError as e:
        print(e.strerror)
`

// TestLocalSocketsUnderPlainTCP: sockets that are not TCP work where plain TCP
// is denied, and their peers see the program where the kernel allows that.
func TestLocalSocketsUnderPlainTCP(t *testing.T) {
	ssatest.Need(t, "python3")
	a := ssatest.NewAuthority(t)
	rest := "('127.0.0.1', 9)\nSocket operation on non-socket\nBad file descriptor\n"
	for kernel, who := range map[string]string{"with Landlock": "program True\n",
		"without Landlock": "gate True\n"} {
		for _, uid := range []string{"", "48731"} {
			t.Run(kernel+"/"+uid, func(t *testing.T) {
				dir := t.TempDir()
				args := []string{"-c", localPeers, dir}
				want := strings.Repeat(who, 3)
				if uid != "" {
					ssatest.NeedRoot(t, "another user is taken")
					if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
						t.Fatal(err)
					}
					args = append(args, uid)
					if kernel == "without Landlock" {
						want = strings.Repeat("Permission denied\n", 3)
					}
				}
				run := ssatest.Run{Policy: ssatest.PolicyWithRoots(t, "  plain_tcp: deny\n", a.File(t))}
				out, err := kernels[kernel](t, run.Command(t, "python3", args...)).CombinedOutput()
				if err != nil || string(out) != want+rest {
					t.Errorf("the program printed %q (%v), want %q", out, err, want+rest)
				}
			})
		}
	}
}

// TestWaitingPlainConnect: a connect that the policy allows waits as it does
// without a gate: a signal ends it, its restart joins it, time limits hold.
func TestWaitingPlainConnect(t *testing.T) {
	ssatest.Need(t, "python3")
	a := ssatest.NewAuthority(t)
	l := (&peer.Network{}).ListenStalled(t)
	policy := ssatest.PolicyWithRoots(t, fmt.Sprintf("  plain_tcp: [\"127.0.0.1:%d\"]\n",
		l.Port()), a.File(t))
	out, err := ssatest.Run{Policy: policy}.Command(t, "python3", "-c", `
import errno, select, signal, socket, struct, sys, time
to = ("127.0.0.1", int(sys.argv[1]))


class Alarm(Exception):
    pass


def handler(*_):
    raise Alarm


signal.signal(signal.SIGALRM, handler)
s = socket.socket()
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    s.connect(to)
except Alarm:
    print("alarm")
s.setblocking(False)
print(errno.errorcode[s.connect_ex(to)])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100000))
print(errno.errorcode[s.connect_ex(to)])
s = socket.socket()
s.setblocking(False)
print(errno.errorcode[s.connect_ex(to)], select.select([], [s], [], 0)[1])
s = socket.socket()
l = socket.socket()
l.bind(("127.0.0.1", 0))
print(errno.errorcode[s.connect_ex(l.getsockname())], s.getblocking())
`, fmt.Sprint(l.Port())).CombinedOutput()
	if want := "alarm\nEALREADY\nEINPROGRESS\nEINPROGRESS []\nEPERM True\n"; err != nil || string(out) != want {
		t.Errorf("the program printed %q (%v), want %q", out, err, want)
	}
}
