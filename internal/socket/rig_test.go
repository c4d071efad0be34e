package socket

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// rig is a table without a gate: the test itself is the program.
type rig struct {
	table *Table
	made  *unixend.Ends
	own   subject.Program

	mu   sync.Mutex
	ends map[uint64]*sys.FD // the program's descriptors, by inode
}

func newRig(t testing.TB, authority *ssatest.Authority) *rig {
	t.Helper()
	r := &rig{ends: map[uint64]*sys.FD{}}
	rules, err := policy.Parse("test", []byte("default: {trust: {roots: ["+authority.File(t)+"]}}"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if r.made, err = unixend.New(unixend.Config{Finder: r, Log: log, Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	r.table = NewTable(Config{Engine: local.New(local.Config{}), Policy: rules,
		Resolver: net.DefaultResolver, Ends: r.made, Log: log})
	t.Cleanup(func() {
		for _, end := range r.ends {
			end.Close()
		}
		r.table.Close()
		if err := r.made.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Find implements unixend.Finder.
func (r *rig) Find(inode uint64, _ endpoint.Where, _ bool) (*sys.FD, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end, ok := r.ends[inode]; ok && end.Int() >= 0 {
		return end.Dup()
	}
	return nil, errors.New("no such descriptor")
}

func (r *rig) keep(end *sys.FD) uint64 {
	inode, err := end.SocketInode()
	if err != nil {
		panic(err) // a descriptor of ours that is no socket
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[inode] = end
	return inode
}

// socket makes a TLS socket and returns it with a caller for it.
func (r *rig) socket(t testing.TB, family, kind int) (*Socket, *testCaller) {
	t.Helper()
	s, end, err := r.table.New(&testCaller{rig: r}, family, kind)
	if err != nil {
		t.Fatalf("socket: %v", err)
	}
	fd := unixend.FD(end)
	return s, &testCaller{rig: r, end: fd, inode: r.keep(fd)}
}

// testCaller is a program's thread; the answer of a pending call comes
// through its channel.
type testCaller struct {
	rig    *rig
	end    *sys.FD
	inode  uint64
	answer chan error
	given  chan given
	gone   *atomic.Bool // a signal has ended the call
}

type given struct {
	fd   *sys.FD
	peer []byte
}

func (c *testCaller) call() *testCaller {
	fresh := *c
	fresh.answer, fresh.given, fresh.gone = make(chan error, 1), make(chan given, 1), new(atomic.Bool)
	return &fresh
}

func (c *testCaller) Thread() int                  { return os.Getpid() }
func (c *testCaller) Process() int                 { return os.Getpid() }
func (c *testCaller) DescendsFrom(p int) bool      { return p == os.Getpid() }
func (c *testCaller) String() string               { return "test" }
func (c *testCaller) Executable() (string, string) { return "/test", "" }
func (c *testCaller) Program() subject.Program     { return c.rig.own }
func (c *testCaller) Holder(bool) string           { return "" }
func (c *testCaller) Where() endpoint.Where        { return endpoint.Where{} }
func (c *testCaller) End() (endpoint.End, error)   { return c.rig.made.Of(c.end).Dup() }
func (c *testCaller) Rights() (Rights, error)      { return noRights{}, nil }
func (c *testCaller) ReadFile(path string) ([][]byte, bool, error) {
	content, err := os.ReadFile(path)
	return [][]byte{content}, false, err
}
func (c *testCaller) Waiting() bool { return !c.over() }

func (c *testCaller) over() bool { return c.gone != nil && c.gone.Load() }

func (c *testCaller) Answer(err error) error {
	if c.over() {
		return errors.New("the call is over")
	}
	c.answer <- err
	return nil
}

// Replace is dup2: the descriptor keeps its number.
func (c *testCaller) Replace(end endpoint.End) error {
	if c.over() {
		return errors.New("the call is over")
	}
	if err := unix.Dup3(unixend.FD(end).Int(), c.end.Int(), unix.O_CLOEXEC); err != nil {
		return err
	}
	c.inode = c.rig.keep(c.end)
	return nil
}

func (c *testCaller) Give(connection endpoint.End, peer []byte) (endpoint.Where, error) {
	if c.over() {
		return endpoint.Where{}, errors.New("the call is over")
	}
	fd, err := unixend.FD(connection).Dup()
	if err != nil {
		return endpoint.Where{}, err
	}
	c.rig.keep(fd)
	c.given <- given{fd, peer}
	return endpoint.Where{}, nil
}

// wait returns the outcome of a call that may be pending.
func (c *testCaller) wait(err error) error {
	if err != ErrPending {
		return err
	}
	return <-c.answer
}

// peer is a TLS server that answers each line with the same line.
func peer(t testing.TB, config *tls.Config) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close(); work.Wait() })
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { c.Close() })()
				s := tls.Server(c, config)
				defer s.Close()
				_, _ = io.Copy(s, s)
				<-ctx.Done()
			})
		}
	})
	return l.Addr().(*net.TCPAddr)
}

func sockaddr(a *net.TCPAddr) []byte { return abi.EncodeSockaddr(a.AddrPort(), false) }

// revents polls a descriptor without waiting.
func revents(t testing.TB, end *sys.FD) int16 {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(end.Int()), Events: unix.POLLIN | unix.POLLOUT | unix.POLLRDHUP}}
	if _, err := unix.Poll(p, 0); err != nil {
		t.Fatal(err)
	}
	return p[0].Revents
}

// until polls a descriptor until one of the events is there.
func until(t testing.TB, end *sys.FD, events int16) int16 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	p := []unix.PollFd{{Fd: int32(end.Int()), Events: events}}
	for ctx.Err() == nil {
		if n, err := unix.Poll(p, 1000); err == nil && n > 0 {
			return p[0].Revents
		}
	}
	t.Fatalf("none of the events %#x came in 20 s", events)
	return 0
}

// OpenProcess implements Caller.
func (*testCaller) OpenProcess() (*sys.FD, error) {
	n, err := unix.PidfdOpen(os.Getpid(), 0)
	return sys.Own(n), err
}
