package service

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// counter is an Identifier that says what it is told to, and counts.
type counter struct {
	exe   string
	calls int
	err   error
}

func (c *counter) Identify(*sys.FD) (programs.Process, error) {
	c.calls++
	return programs.Process{Program: subject.Program{Exe: c.exe}}, c.err
}

func pidfdOf(t *testing.T, pid int) *sys.FD {
	t.Helper()
	n, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := sys.Own(n)
	t.Cleanup(func() { fd.Close() })
	return fd
}

func TestLooksAreRemembered(t *testing.T) {
	self := pidfdOf(t, os.Getpid())
	if _, ok := sys.IDOfPidfd(self.Int()); !ok {
		ssatest.Missing(t, "pidfds that can be told apart (Linux 6.9): nothing is remembered")
	}
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	other := pidfdOf(t, child.Process.Pid)
	c := &counter{exe: "/bin/a"}
	l := newIdentityCache(c)
	now := time.Now()
	l.now = func() time.Time { return now }
	step := func(what string, fd *sys.FD, exe string, want int, wantErr error) {
		t.Helper()
		c.calls = 0
		if p, err := l.identify(fd, claim{exe: exe}); !errors.Is(err, wantErr) ||
			err == nil && p.Exe != c.exe {
			t.Errorf("%s: got %+v and %v, want %s and %v", what, p, err, c.exe, wantErr)
		}
		if c.calls != want {
			t.Errorf("%s: identified %d times, want %d", what, c.calls, want)
		}
	}
	step("first", self, "/bin/a", 1, nil)
	step("again", self, "/bin/a", 0, nil)
	step("another descriptor of it", pidfdOf(t, os.Getpid()), "/bin/a", 0, nil)
	step("no claim", self, "", 1, nil)
	step("another process", other, "/bin/a", 1, nil)
	c.exe = "/bin/b"
	step("it executes something else", self, "/bin/b", 1, nil)
	step("and again", self, "/bin/b", 0, nil)
	now = now.Add(fresh)
	step("later", self, "/bin/b", 1, nil)
	step("the other one", other, "/bin/b", 1, nil)
	_ = child.Process.Kill()
	_ = child.Wait()
	c.err = errors.New("it has ended")
	step("an ended process", other, "/bin/b", 1, c.err)
	c.err = nil
	for i := range uint64(3 * maxCached) {
		l.keep(sys.PidfdID{Dev: 1, Ino: i}, cachedIdentity{})
	}
	if len(l.known) > maxCached {
		t.Errorf("%d processes are kept, at most %d should be", len(l.known), maxCached)
	}
}

// What is no pidfd, or one that cannot be told apart, is looked at each time.
func TestLooksOfOthers(t *testing.T) {
	c := &counter{}
	l := newIdentityCache(c)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := sys.Own(pair[0])
	defer fd.Close()
	defer unix.Close(pair[1])
	for range 2 {
		if _, err := l.identify(fd, claim{exe: "/bin/a"}); err != nil {
			t.Fatal(err)
		}
	}
	if c.calls != 2 {
		t.Errorf("identified %d times, want 2", c.calls)
	}
}
