package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// trial is what a gate of our own found out while it answered the calls of one
// subject. Errors are nil for what works, errUntried for what was not reached.
type trial struct {
	start    error // starting the subject under the filter
	killable bool  // WAIT_KILLABLE_RECV
	wake     error // SYNC_WAKE_UP
	getfd    error // pidfd_getfd
	addfd    error // ADDFD with SEND
	direct   error // process_vm_readv
	mem      error // /proc/PID/mem
	subject  error // what the subject says of all this
}

var errUntried = errors.New("it could not be tried")

// try starts the subject under the gate's own filter and answers it.
func try(ctx context.Context, command []string) *trial {
	t := &trial{wake: errUntried, getfd: errUntried, addfd: errUntried, direct: errUntried,
		mem: errUntried, subject: errUntried}
	if err := t.run(ctx, command); err != nil && t.start == nil {
		t.subject = err
	}
	return t
}

func (t *trial) run(ctx context.Context, command []string) error {
	arch, err := filter.ForGOARCH(runtime.GOARCH)
	if err != nil {
		t.start = err
		return err
	}
	code, err := bpf.Assemble(filter.Program(arch, false))
	if err != nil {
		t.start = err
		return err
	}
	said, says, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer said.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		says.Close()
		return err
	}
	defer null.Close()
	pid, listener, err := notify.Start(code, notify.Command{Path: command[0], Argv: command,
		Attr: syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null.Fd(), says.Fd(), says.Fd()}}})
	says.Close()
	if err != nil {
		t.start = err
		return err
	}
	defer listener.Close()
	t.killable = listener.Killable
	t.wake = listener.WakeOnSameCPU()
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(pid, unix.SIGKILL) })
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		t.answer(listener, arch, pid, said)
	}()
	text, _ := io.ReadAll(io.LimitReader(said, 4096)) // until the subject ends
	stop()
	// Linux before 6.11 lets go of the filter only then.
	status := wait(pid)
	<-answered
	if status.ExitStatus() == 0 {
		t.subject = nil
		return nil
	}
	return fmt.Errorf("the subject ended with status %d: %s", status.ExitStatus(),
		bytes.TrimSpace(text))
}

func wait(pid int) syscall.WaitStatus {
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			return status
		}
	}
}

// answer answers the subject's socket() and setsockopt(), and the rest as the
// kernel would, until the setsockopt or the subject's end.
func (t *trial) answer(l *notify.Listener, arch filter.Arch, pid int, pipe *os.File) {
	for {
		call, _, err := l.Receive()
		if errors.Is(err, notify.ErrGone) {
			continue
		}
		if err != nil {
			return
		}
		kind, _ := arch.Lookup(call.Number)
		switch kind {
		case filter.Socket:
			t.getfd = getDescriptor(pid, pipe)
			if t.addfd = giveSocket(l, call.ID); t.addfd != nil {
				_ = l.Reply(call.ID, 0, int(unix.ENOSYS))
			}
		case filter.Setsockopt:
			t.direct = readDirectly(call.Thread, uintptr(call.Args[3]))
			t.mem = readFile(call.Thread, int64(call.Args[3]))
			_ = l.Reply(call.ID, 0, 0)
			return
		default:
			_ = l.Continue(call.ID)
		}
	}
}

// giveSocket ends the call with a new descriptor in one step.
func giveSocket(l *notify.Listener, id uint64) error {
	s, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = l.ReplyFD(id, s.Int(), true)
	return err
}

// getDescriptor duplicates the subject's standard error, which is our pipe.
func getDescriptor(pid int, pipe *os.File) error {
	p, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(p)
	got, err := unix.PidfdGetfd(p, 2, 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(got), "standard error")
	defer file.Close()
	a, err := file.Stat()
	if err != nil {
		return err
	}
	b, err := pipe.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return errors.New("it gave another descriptor")
	}
	return nil
}

func readDirectly(thread int, address uintptr) error {
	buf := make([]byte, len(subjectName))
	local := []unix.Iovec{{Base: &buf[0]}}
	local[0].SetLen(len(buf))
	n, err := unix.ProcessVMReadv(thread, local, []unix.RemoteIovec{{Base: address, Len: len(buf)}}, 0)
	return sameName(buf[:max(n, 0)], err)
}

func readFile(thread int, address int64) error {
	mem, err := os.Open("/proc/" + strconv.Itoa(thread) + "/mem")
	if err != nil {
		return err
	}
	defer mem.Close()
	buf := make([]byte, len(subjectName))
	n, err := mem.ReadAt(buf, address)
	return sameName(buf[:n], err)
}

func sameName(got []byte, err error) error {
	if err == nil && !strings.EqualFold(string(got), subjectName) {
		return errors.New("it read something else")
	}
	return err
}
