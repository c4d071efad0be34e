//go:build linux

package seccomp_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
	"github.com/secure-socket-api/ssa/internal/policy"
	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// programEnv makes the test binary a program under a gate.
const programEnv = "SSA_TEST_GATE_PROGRAM"

func init() {
	// See notify.Start: the main goroutine keeps the main thread.
	runtime.LockOSThread()
}

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) == "replaced" {
		replaced()
	}
	if os.Getenv(programEnv) != "" {
		done := make(chan struct{})
		go func() {
			defer close(done)
			switch os.Getenv(programEnv) {
			case "FUSE":
				go serveFUSE(3)
				_, _ = io.Copy(io.Discard, os.Stdin)
			case "hold":
				if err := hold(); err != nil {
					fmt.Fprintln(os.Stderr, "holder:", err)
				}
			default:
				program()
			}
		}()
		<-done
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program carries out its orders: from so many threads, so many looks at the
// errors of a socket that has the given protocol. Less than -1 threads are those
// of a holder, which goes on; -1 tries all calls; and 0 ends the holders.
func program() {
	var holders []*exec.Cmd
	end := func() {
		for _, c := range holders {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
		holders = nil
	}
	defer end()
	for {
		var threads, looks, protocol int
		if _, err := fmt.Scan(&threads, &looks, &protocol); err != nil {
			return
		}
		var err error
		switch {
		case threads < -1:
			var c *exec.Cmd
			if c, err = startHolder(-threads); c != nil {
				holders = append(holders, c)
			}
		case threads == -1:
			err = tryAll()
		case threads == 0:
			end()
		}
		if err != nil {
			fmt.Println(err)
			continue
		}
		var all sync.WaitGroup
		failures := make(chan error, max(0, threads))
		for range threads {
			all.Go(func() {
				runtime.LockOSThread()
				if err := look(looks, protocol); err != nil {
					failures <- err
				}
			})
		}
		all.Wait()
		select {
		case err := <-failures:
			fmt.Println(err)
		default:
			fmt.Println("done")
		}
	}
}

func look(looks, protocol int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, protocol)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	for range looks {
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || n != 0 {
			return fmt.Errorf("SO_ERROR: %d, %w", n, err)
		}
		// Only the gate can tell this of a socket that the kernel has as AF_UNIX.
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err != nil ||
			protocol != 0 && n != protocol {
			return fmt.Errorf("SO_PROTOCOL: %d, %w", n, err)
		}
	}
	return nil
}

// rig is a gate with a program.
type rig struct {
	tb       testing.TB
	listener *notify.Listener
	orders   *os.File
	answers  *bufio.Scanner
	pid      int
	ended    chan error // of the gate
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	arch, err := filter.ForGOARCH(runtime.GOARCH)
	check(tb, err)
	code, err := bpf.Assemble(filter.Program(arch, false))
	check(tb, err)
	own, err := target.Self()
	check(tb, err)
	identifier, err := programs.New(programs.Config{})
	check(tb, err)
	tb.Cleanup(identifier.Close)
	rules, err := policy.LoadSystem(tb.TempDir())
	check(tb, err)
	finder := seccomp.NewFinder()
	log := slog.New(slog.DiscardHandler)
	tls := local.New(local.Config{})
	ends, err := unixend.New(unixend.Config{Finder: finder, Log: log, Dir: tb.TempDir()})
	check(tb, err)
	table := socket.NewTable(socket.Config{Engine: tls, Policy: rules, Resolver: net.DefaultResolver,
		Ends: ends, Log: log})
	orders, toProgram := pipe(tb)
	fromProgram, answers := pipe(tb)
	r := &rig{tb: tb, orders: toProgram, answers: bufio.NewScanner(fromProgram),
		ended: make(chan error, 1)}
	r.pid, r.listener, err = notify.Start(code, notify.Command{Path: "/proc/self/exe",
		Argv: []string{"program"},
		Attr: syscall.ProcAttr{Env: append(os.Environ(), programEnv+"=1"),
			Files: []uintptr{orders.Fd(), answers.Fd(), 2}}})
	check(tb, err)
	orders.Close()
	answers.Close()
	gate := seccomp.New(seccomp.Config{Listener: r.listener, Arch: arch, Sockets: table, Ends: ends,
		Finder: finder, Own: own, Programs: identifier, Log: log})
	go func() { r.ended <- gate.Run() }()
	tb.Cleanup(func() {
		r.orders.Close()
		var status unix.WaitStatus
		if _, err := unix.Wait4(r.pid, &status, 0, nil); err != nil || status.ExitStatus() != 0 {
			tb.Errorf("the program ended with %v, %v", status, err)
		}
		if err := <-r.ended; err != nil {
			tb.Errorf("the gate ended with %v", err)
		}
		table.Close()
		check(tb, ends.Close())
		tls.Close()
		r.listener.Close()
		fromProgram.Close()
	})
	return r
}

// order makes the program work, and returns its answer.
func (r *rig) order(threads, looks, protocol int) string {
	r.tb.Helper()
	if _, err := fmt.Fprintln(r.orders, threads, looks, protocol); err != nil {
		r.tb.Fatal(err)
	}
	if !r.answers.Scan() {
		r.tb.Fatalf("no answer of the program: %v", r.answers.Err())
	}
	return r.answers.Text()
}

func pipe(tb testing.TB) (r, w *os.File) {
	r, w, err := os.Pipe()
	check(tb, err)
	return r, w
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

const tls = abi.ProtocolTLS
