package socket

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// gone is the state of a socket that no program has any more.
const gone = "gone"

// life is one socket with its program: a process that has the descriptor "own",
// and "other", which is a second one of the same process or a forked child's.
type life struct {
	w      *walk
	stage  *stage
	table  *Table
	s      *Socket // nil while it is a plain TCP socket
	caller *lifeCaller
	own    *sys.FD
	other  *sys.FD
	forked bool // other is a child's
	path   []string

	waiting *lifeCaller // the call that one thread waits in
	late    bool        // which a signal has ended, unannounced
	hand    *staged     // the last handshake
	queued  *staged     // a client that has not been accepted
	clients []net.Conn
}

func newLife(w *walk, first string) *life {
	l := &life{w: w, stage: newStage()}
	ends, err := unixend.New(unixend.Config{Finder: l, Log: slog.New(slog.DiscardHandler),
		Dir: w.t.TempDir()})
	if err != nil {
		w.t.Fatal(err)
	}
	l.caller = &lifeCaller{testCaller: &testCaller{rig: &rig{made: ends,
		ends: map[uint64]*sys.FD{}}}, l: l}
	l.table = w.table(l)
	if first == "plain" {
		l.own = l.connectedTCP()
	} else {
		s, end, err := l.table.New(l.caller, abi.FamilyInet, unix.SOCK_STREAM)
		if err != nil {
			w.t.Fatal(err)
		}
		l.s, l.own = s, unixend.FD(end)
	}
	l.caller.end = l.own
	l.prepare()
	return l
}

// prepare gives the socket what a server needs.
func (l *life) prepare() {
	leaf := l.w.leaf
	for _, o := range []struct {
		option abi.Option
		value  []byte
	}{{abi.CertificateChain, leaf.ChainPEM}, {abi.PrivateKey, leaf.KeyPEM}} {
		var err error
		value := append([]byte(nil), o.value...)
		if l.s != nil {
			err = l.s.SetTLSOption(l.caller, o.option, value)
		} else {
			err = l.table.SetPlainTCPOption(l.caller, l.inode(l.own), o.option, value)
		}
		if err != nil {
			l.fatal(err)
		}
	}
}

func (l *life) connectedTCP() *sys.FD {
	fd, err := sys.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err != nil {
		l.fatal(err)
	}
	if err := sys.ConnectRaw(fd.Int(), sockaddr(l.w.peer.l.Addr().(*net.TCPAddr))); err != nil &&
		!errors.Is(err, unix.EINPROGRESS) {
		l.fatal(err)
	}
	if err := unix.SetNonblock(fd.Int(), false); err != nil {
		l.fatal(err)
	}
	until(l.w.t, fd, unix.POLLOUT)
	return fd
}

func (l *life) inode(fd *sys.FD) uint64 {
	inode, err := fd.SocketInode()
	if err != nil {
		l.fatal(err)
	}
	return inode
}

// close ends the life, and checks that nothing of it was sent in plain text.
func (l *life) close() {
	l.own.Close()
	l.other.Close()
	for _, c := range l.clients {
		c.Close()
	}
	l.table.Close()
	if err := l.caller.rig.made.Close(); err != nil {
		l.w.t.Error(err)
	}
	for {
		select {
		case c := <-l.w.peer.conns:
			l.nothingCame(c)
		default:
			return
		}
	}
}

func (l *life) nothingCame(c net.Conn) {
	defer c.Close()
	if n, _ := c.Read(make([]byte, 100)); n > 0 {
		l.w.t.Errorf("%d bytes reached the network in plain text.\nThe path: %s", n, strings.Join(l.path, "; "))
	}
}

// Find implements unixend.Finder as a gate does, among the program's descriptors.
func (l *life) Find(inode uint64, _ endpoint.Where, _ bool) (*sys.FD, error) {
	for _, fd := range []*sys.FD{l.own, l.other} {
		if fd.Int() < 0 {
			continue
		}
		if at, err := fd.SocketInode(); err == nil && at == inode {
			return fd.Dup()
		}
	}
	return nil, errors.New("no such descriptor")
}

// do does an operation, and returns its result and what a waiting call was told.
func (l *life) do(name string) string {
	l.path = append(l.path, name)
	result := acts[name].do(l)
	l.settle()
	if l.waiting != nil && !l.late {
		select {
		case err := <-l.waiting.answer:
			l.waiting = nil
			result += ", told " + errnoName(err)
		case g := <-l.waiting.given:
			l.waiting = nil
			result += ", told " + l.accepted(g)
		default:
		}
	}
	return result
}

// settle waits for what the operation has set off.
func (l *life) settle() {
	if l.s == nil {
		return
	}
	// What answers a call does so under the lock, and changes the state first.
	l.s.mu.Lock()
	attempt := l.s.attemptLocked() != nil
	l.s.mu.Unlock()
	if attempt && l.hand == nil {
		l.hand = <-l.stage.begun
	}

	if !l.held() {
		l.awaitGone()
	}
}

// held reports whether a program has a descriptor of the socket.
func (l *life) held() bool { return l.own.Int() >= 0 || l.other.Int() >= 0 }

// awaitGone waits until nothing is left of a socket that was closed.
func (l *life) awaitGone() {
	for _, c := range l.clients {
		c.Close()
	}
	l.await("a closed socket is released", func() bool {
		l.table.Sweep()
		l.table.mu.Lock()
		left := len(l.table.sockets) + len(l.table.copies.older)
		l.table.mu.Unlock()
		return left == 0 && l.stage.left() == 0
	})
}

// lifeCaller is a thread of the program in a call.
type lifeCaller struct {
	*testCaller
	l *life
}

func (c *lifeCaller) call() *lifeCaller {
	fresh := &lifeCaller{c.testCaller.call(), c.l}
	fresh.gone = new(atomic.Bool)
	return fresh
}

func (c *lifeCaller) Holder(bool) string {
	if c.l.forked && c.l.other.Int() >= 0 && c.l.inode(c.l.other) == c.l.inode(c.end) {
		return "a child"
	}
	return ""
}

// Replace is dup2, also of the process's second descriptor of the same socket.
func (c *lifeCaller) Replace(end endpoint.End) error {
	fd := unixend.FD(end)
	if c.over() {
		return os.ErrClosed
	}
	if c.end.Int() < 0 {
		return abi.EBADF
	}
	was := c.l.inode(c.end)
	if err := unix.Dup3(fd.Int(), c.end.Int(), unix.O_CLOEXEC); err != nil {
		return err
	}
	if c.l.other.Int() >= 0 && !c.l.forked && c.l.inode(c.l.other) == was {
		return unix.Dup3(fd.Int(), c.l.other.Int(), unix.O_CLOEXEC)
	}
	return nil
}

// accepted checks a connection that was accepted, and closes it.
func (l *life) accepted(g given) string {
	s := l.table.Lookup(l.inode(g.fd))
	result := "a verified connection"
	if s == nil || !s.verified() || len(g.peer) == 0 {
		result = "a connection that nobody has verified"
	}
	g.fd.Close()
	<-l.queued.over
	l.queued = nil
	return result
}

func (s *Socket) verified() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.State() == Connected && s.factsLocked().PeerIdentity != ""
}

func reasonOf(err error) string {
	var e *engine.Error
	if errors.As(err, &e) {
		return e.Reason.String()
	}
	if err != nil {
		return Errno(err).Error()
	}
	return "-"
}

func (l *life) fatal(err error) {
	l.w.t.Helper()
	l.w.t.Fatalf("%v; the path: %s", err, strings.Join(l.path, "; "))
}

// hastyEnv says that the code has a fault which test/model has put there: what is
// waited for may never come, and a failure is what is expected.
const hastyEnv = "SSA_TEST_WALK_FAULT"

// await waits for what nothing tells of.
func (l *life) await(what string, holds func() bool) {
	l.w.t.Helper()
	what += "; the path: " + strings.Join(l.path, "; ")
	if os.Getenv(hastyEnv) == "" {
		ssatest.Await(l.w.t, what, holds)
		return
	}
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.w.t.Fatalf("waited in vain: %s", what)
		}
	}
}
