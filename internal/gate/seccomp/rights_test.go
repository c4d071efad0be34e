//go:build linux

package seccomp_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// replaced calls the gate by its main thread, and has another one execute
// something else once it is told to, from its third descriptor: the main
// thread's number is the new program's then, and its call is over.
func replaced() {
	go func() {
		_, _ = os.NewFile(3, "orders").Read(make([]byte, 1))
		_ = unix.Exec("/bin/cat", []string{"cat", "-", "/dev/fd/3"}, nil)
		os.Exit(1)
	}()
	_, _ = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, tls)
	os.Exit(1)
}

// TestRightsOfAnotherProgram: nothing is done for a call with the rights of what
// its thread executes after the call, which may be a set-user-ID program.
func TestRightsOfAnotherProgram(t *testing.T) {
	ssatest.NoLeaks(t)
	arch, err := filter.ForGOARCH(runtime.GOARCH)
	check(t, err)
	code, err := bpf.Assemble(filter.Program(arch, false))
	check(t, err)
	own, err := target.Self()
	check(t, err)
	name := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(name, []byte("text\n"), 0o600))
	stdin, err := os.OpenFile(name, os.O_RDONLY, 0)
	check(t, err)
	fromProgram, stdout := pipe(t)
	orders, toProgram := pipe(t)
	pid, listener, err := notify.Start(code, notify.Command{Path: "/proc/self/exe",
		Argv: []string{"program"},
		Attr: syscall.ProcAttr{Env: append(os.Environ(), programEnv+"=replaced"),
			Files: []uintptr{stdin.Fd(), stdout.Fd(), 2, orders.Fd()}}})
	check(t, err)
	for _, f := range []io.Closer{stdin, stdout, orders} {
		check(t, f.Close())
	}
	defer func() {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
		check(t, listener.Close())
		fromProgram.Close()
	}()
	call, _, err := listener.Receive()
	check(t, err)
	if call.Thread != pid {
		t.Fatalf("thread %d of %d has called, and not the main one", call.Thread, pid)
	}
	for what, err := range seccomp.Acts(listener, own, call, name) {
		if err != nil {
			t.Errorf("%s, while the call waits: %v", what, err)
		}
	}
	// The new program prints the file, and then waits for more orders.
	_, err = toProgram.Write([]byte("x"))
	check(t, err)
	defer toProgram.Close()
	if text, err := bufio.NewReader(fromProgram).ReadString('\n'); err != nil || text != "text\n" {
		t.Fatalf("the other program prints %q, %v", text, err)
	}
	for what, err := range seccomp.Acts(listener, own, call, name) {
		if !errors.Is(err, notify.ErrGone) {
			t.Errorf("%s, when another program has the thread's number: %v", what, err)
		}
	}
}
