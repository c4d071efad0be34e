package notify

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// ok fails the test when there is an error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAnswers: a call has its arguments, and the program gets what it is
// answered, or what the kernel says.
func TestAnswers(t *testing.T) {
	r := newRig(t, Command{})
	r.order("ask", 5, 6)
	c := r.receive()
	if c.Number != unix.SYS_GETPPID || c.Args[0] != 5 || c.Args[1] != 6 || !r.listener.Valid(c.ID) {
		t.Errorf("the call is %+v", c)
	}
	if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(r.pid), "task",
		strconv.Itoa(c.Thread))); err != nil {
		t.Errorf("the thread is none of the program's: %v", err)
	}
	ok(t, r.listener.Reply(c.ID, 77, 0))
	r.want(77, 0)
	if r.listener.Valid(c.ID) {
		t.Error("a call that was answered waits still")
	}
	if err := r.listener.Reply(c.ID, 78, 0); !errors.Is(err, ErrGone) {
		t.Errorf("a second answer: %v", err)
	}
	r.order("ask")
	ok(t, r.listener.Reply(r.receive().ID, 0, int(unix.EPERM)))
	r.want(-1, int(unix.EPERM))
	r.order("ask")
	ok(t, r.listener.Continue(r.receive().ID))
	r.want(os.Getpid(), 0)
}

// TestDescriptors: the program gets a descriptor as its answer, or in the place
// of one that it has.
func TestDescriptors(t *testing.T) {
	r := newRig(t, Command{})
	file := func(text string) *os.File {
		path := filepath.Join(t.TempDir(), "x")
		ok(t, os.WriteFile(path, []byte(text), 0o600))
		f, err := os.Open(path)
		ok(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	one, two := file("one"), file("two")
	r.order("ask")
	c := r.receive()
	n, err := r.listener.ReplyFD(c.ID, int(one.Fd()), true)
	ok(t, err)
	r.want(n, 0)
	r.order("ask")
	c = r.receive()
	ok(t, r.listener.ReplaceFD(c.ID, int(two.Fd()), n, true))
	if !r.listener.Valid(c.ID) {
		t.Error("the call is over when a descriptor was replaced")
	}
	ok(t, r.listener.Reply(c.ID, 0, 0))
	r.want(0, 0)
	r.order("read", n)
	r.want(`"two"`, nil)
	if _, err := r.listener.ReplyFD(c.ID, int(one.Fd()), false); !errors.Is(err, ErrGone) {
		t.Errorf("a descriptor for a call that is over: %v", err)
	}
}

// TestKilled: an answer to who was killed is of no use, and when nobody is left
// there will be no call.
func TestKilled(t *testing.T) {
	r := newRig(t, Command{})
	if _, found, err := r.listener.TryReceive(); found || err != nil {
		t.Errorf("a call that nobody made: %v, %v", found, err)
	}
	r.order("ask")
	c := r.receive()
	r.kill()
	if err := r.listener.Reply(c.ID, 0, 0); r.listener.Valid(c.ID) || !errors.Is(err, ErrGone) {
		t.Errorf("an answer to a program that was killed: %v", err)
	}
	if _, _, err := r.listener.Receive(); !errors.Is(err, ErrEnded) {
		t.Errorf("a call after the last program: %v", err)
	}
	if _, _, err := r.listener.TryReceive(); !errors.Is(err, ErrEnded) {
		t.Errorf("a call after the last program: %v", err)
	}
}

// TestInterrupt: a signal is handled when the gate lets it, and the call begins
// anew.
func TestInterrupt(t *testing.T) {
	r := newRig(t, Command{})
	if !r.listener.Killable {
		ssatest.Missing(t, "signals that wait for a call (Linux 5.19)")
	}
	r.order("ask", 9)
	c := r.receive()
	ok(t, unix.Tgkill(r.pid, c.Thread, unix.SIGUSR1))
	if !r.listener.Valid(c.ID) {
		t.Error("a signal has ended the call")
	}
	ok(t, r.listener.Interrupt(c.ID))
	again := r.receive()
	if again.ID == c.ID || again.Args[0] != 9 {
		t.Errorf("the call that begins anew is %+v", again)
	}
	ok(t, r.listener.Reply(again.ID, 3, 0))
	r.want(3, 0)
	r.order("caught")
	r.want("caught")
}

// TestManyThreads: each call is received once, and gets its own answer.
func TestManyThreads(t *testing.T) {
	r := newRig(t, Command{})
	const threads = 200
	r.order("many", threads)
	var mu sync.Mutex
	var receivers sync.WaitGroup
	left := threads
	for range 4 {
		receivers.Go(func() {
			for {
				mu.Lock()
				more := left > 0
				left--
				mu.Unlock()
				if !more {
					return
				}
				c, _, err := r.listener.Receive()
				if err == nil {
					err = r.listener.Reply(c.ID, 2*int64(c.Args[0]), 0)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	receivers.Wait()
	r.want(threads, 0)
}

// TestSignalWhileLooking: a signal does not hide a call.
func TestSignalWhileLooking(t *testing.T) {
	for _, then := range []int16{0, unix.POLLIN, unix.POLLIN | unix.POLLERR, unix.POLLHUP} {
		says := []int16{unix.POLLERR, unix.POLLERR, then}
		got := settled(func() int16 {
			next := says[0]
			says = says[1:]
			return next
		})
		if got != then || len(says) > 0 {
			t.Errorf("after a signal %#x is taken for %#x", then, got)
		}
	}
}

// TestClose: nobody waits for a gate that has gone.
func TestClose(t *testing.T) {
	r := newRig(t, Command{})
	r.order("ask")
	r.receive()
	ok(t, r.listener.Close())
	r.want(-1, int(unix.ENOSYS))
}

// TestDenyTCP: where the kernel can, it refuses the program's own connections.
func TestDenyTCP(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	ok(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	free := newRig(t, Command{})
	free.order("connect", port)
	free.want(nil)
	r := newRig(t, Command{DenyTCP: true})
	if !r.listener.NoTCP {
		ssatest.Missing(t, "a Landlock that knows of TCP (Linux 6.7)")
	}
	r.order("connect", port)
	r.want(unix.EACCES)
}

// TestStartFails: what went wrong, and what to do, is said by step.
func TestStartFails(t *testing.T) {
	for _, tc := range []struct {
		filter []bpf.RawInstruction
		path   string
		step   Step
		errno  syscall.Errno
		words  string
	}{
		{onlyGetppid(t), "/no/such/program", Exec, unix.ENOENT, "starting the program"},
		{nil, "/proc/self/exe", Install, unix.EINVAL, "no seccomp user notification"},
	} {
		_, listener, err := Start(tc.filter, Command{Path: tc.path, Argv: []string{"x"}})
		var start *StartError
		if listener != nil || !errors.As(err, &start) || start.Step != tc.step ||
			!errors.Is(err, tc.errno) {
			t.Fatalf("starting %s: %v", tc.path, err)
		}
		if what, _ := Explain(err); !strings.Contains(what, tc.words) {
			t.Errorf("starting %s: explained as %q", tc.path, what)
		}
	}
	for errno, words := range map[syscall.Errno]string{unix.EBUSY: "already under a seccomp notifier",
		unix.EPERM: "does not allow seccomp", unix.ENOSYS: "no seccomp user notification"} {
		if what, hint := Explain(&StartError{Install, errno}); !strings.Contains(what, words) ||
			hint == "" {
			t.Errorf("%v is explained as %q, hint %q", errno, what, hint)
		}
	}
}
