package notify

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// programEnv makes the test binary a program under a filter.
const programEnv = "SSA_TEST_NOTIFY_PROGRAM"

func init() {
	// See Start: the main goroutine keeps the main thread.
	runtime.LockOSThread()
}

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		done := make(chan struct{})
		go func() {
			program()
			close(done)
		}()
		<-done
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program carries out its orders, and prints what came of each. Of its calls
// only getppid(2) is notified, which takes no arguments, so that the kernel
// minds none.
func program() {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR1)
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		var what string
		var a, b int
		_, _ = fmt.Sscan(orders.Text(), &what, &a, &b) // absent numbers are zero
		switch what {
		case "ask":
			r, _, errno := unix.Syscall(unix.SYS_GETPPID, uintptr(a), uintptr(b), 0)
			fmt.Println(int(r), int(errno))
		case "many":
			fmt.Println(many(a), 0)
		case "read":
			data := make([]byte, 100)
			n, err := unix.Read(a, data)
			fmt.Printf("%q %v\n", data[:max(n, 0)], err)
		case "caught":
			<-caught
			fmt.Println("caught")
		case "connect":
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
			if err == nil {
				err = unix.Connect(fd, &unix.SockaddrInet4{Port: a, Addr: [4]byte{127, 0, 0, 1}})
			}
			fmt.Println(err)
		}
	}
}

// many asks from many threads at a time, and counts the right answers.
func many(threads int) (right int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range threads {
		all.Go(func() {
			if r, _, errno := unix.Syscall(unix.SYS_GETPPID, uintptr(i), 0, 0); errno == 0 && int(r) == 2*i {
				mu.Lock()
				defer mu.Unlock()
				right++
			}
		})
	}
	all.Wait()
	return right
}

// onlyGetppid is a filter that notifies of getppid(2).
func onlyGetppid(t *testing.T) []bpf.RawInstruction {
	t.Helper()
	code, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_GETPPID, SkipFalse: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// rig is a program under the filter.
type rig struct {
	t        *testing.T
	listener *Listener
	pid      int
	orders   *os.File
	answers  *bufio.Scanner
}

func newRig(t *testing.T, p Command) *rig {
	t.Helper()
	ssatest.NoLeaks(t)
	in, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Path, p.Argv = "/proc/self/exe", []string{"program"}
	p.Attr = syscall.ProcAttr{Env: []string{programEnv + "=1"},
		Files: []uintptr{in.Fd(), answers.Fd(), 2}}
	pid, listener, err := Start(onlyGetppid(t), p)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	answers.Close()
	r := &rig{t, listener, pid, orders, bufio.NewScanner(out)}
	t.Cleanup(func() {
		r.kill()
		if _, err := io.Copy(io.Discard, out); err != nil {
			t.Error(err)
		}
		orders.Close()
		out.Close()
		listener.Close()
	})
	return r
}

// kill ends the program; again it does nothing.
func (r *rig) kill() {
	if r.pid == 0 {
		return
	}
	_ = unix.Kill(r.pid, unix.SIGKILL)
	if _, err := unix.Wait4(r.pid, nil, 0, nil); err != nil {
		r.t.Error(err)
	}
	r.pid = 0
}

// order has the program do something.
func (r *rig) order(words ...any) {
	r.t.Helper()
	if _, err := fmt.Fprintln(r.orders, words...); err != nil {
		r.t.Fatal(err)
	}
}

// receive takes the next call on.
func (r *rig) receive() Call {
	r.t.Helper()
	c, _, err := r.listener.Receive()
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// want fails the test unless this is what the program prints next.
func (r *rig) want(words ...any) {
	r.t.Helper()
	want := strings.TrimSuffix(fmt.Sprintln(words...), "\n")
	if !r.answers.Scan() || r.answers.Text() != want {
		r.t.Errorf("the program says %q, want %q", r.answers.Text(), want)
	}
}
