package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
)

// gateProbes are about `ssa run`. Most are answered by one trial.
type gateProbes struct {
	cfg Config

	once  sync.Once
	trial *trial
}

func (g *gateProbes) area() area {
	return area{"the gate: ssa run", []probe{
		{"a program under ssa run", "5.14", true, g.program},
		{"a program of an ordinary user", "5.14", false, g.ordinary},
		{"seccomp user notification", "5.0", true, g.notification},
		{"descriptors handed over in one step (ADDFD_FLAG_SEND)", "5.14", true, g.addfd},
		{"duplicates of a program's descriptors (pidfd_getfd)", "5.6", true, g.getfd},
		{"memory of a program (process_vm_readv)", "3.2", true, g.memory},
		{"calls that signals do not interrupt (WAIT_KILLABLE_RECV)", "5.19", false, g.killable},
		{"wake-ups on the same processor (SYNC_WAKE_UP)", "6.6", false, g.wake},
		{"a folder for names of sockets", "", true, g.folder},
		{"32-bit programs, which would go round the gate, are refused", "", false, g.foreign},
	}, nil}
}

func (g *gateProbes) tried(ctx context.Context) *trial {
	g.once.Do(func() { g.trial = try(ctx, g.cfg.Subject) })
	return g.trial
}

// program runs the subject under the real thing.
func (g *gateProbes) program(ctx context.Context) outcome {
	return g.under(ctx, nil)
}

// nobody is the user that ordinary users are tried as.
const nobody = 65534

func (g *gateProbes) ordinary(ctx context.Context) outcome {
	if os.Geteuid() != 0 {
		return note("this user is one: see the line above", "")
	}
	o := g.under(ctx, &syscall.Credential{Uid: nobody, Gid: nobody})
	if o.state == Works {
		o.why = fmt.Sprintf("tried as user %d", nobody)
	}
	return o
}

func (g *gateProbes) under(ctx context.Context, as *syscall.Credential) outcome {
	line := append(append([]string{}, g.cfg.Run...), g.cfg.Subject...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = "/"
	if as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		cmd.Env = []string{"PATH=/usr/bin:/bin"} // its own folders, not root's
	}
	out, err := cmd.CombinedOutput()
	text := strings.TrimPrefix(string(bytes.TrimSpace(out)), "ssa: error: ")
	switch {
	case err == nil:
		return works("")
	case ctx.Err() != nil:
		return fails("it did not end in time", "")
	case text == "":
		text = err.Error()
	}
	why, do, _ := strings.Cut(text, "\nssa: hint: ")
	return fails(why, do)
}

func (g *gateProbes) notification(ctx context.Context) outcome {
	t := g.tried(ctx)
	if t.start != nil {
		return fails(notify.Explain(t.start))
	}
	if t.subject != nil {
		return fails(t.subject.Error(), "")
	}
	return works("")
}

// step is the outcome of a part of the trial.
func (t *trial) step(err error, do string) outcome {
	switch {
	case err == nil:
		return works("")
	case t.start != nil, errors.Is(err, errUntried):
		return unknown(errUntried.Error(), "")
	}
	return fails(err.Error(), do)
}

func (g *gateProbes) addfd(ctx context.Context) outcome {
	t := g.tried(ctx)
	return t.step(t.addfd, "a kernel of Linux 5.14 or later")
}

func (g *gateProbes) getfd(ctx context.Context) outcome {
	t := g.tried(ctx)
	return t.step(t.getfd, ptraceAdvice())
}

func (g *gateProbes) memory(ctx context.Context) outcome {
	t := g.tried(ctx)
	if t.direct != nil && t.mem == nil {
		return works("by /proc/PID/mem, which is slower: " + t.direct.Error())
	}
	return t.step(t.direct, ptraceAdvice())
}

// ptraceAdvice says what usually keeps a process from looking at its children.
func ptraceAdvice() string {
	scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if level := strings.TrimSpace(string(scope)); err == nil && (level == "2" || level == "3") {
		return "kernel.yama.ptrace_scope is " + level + ": sysctl kernel.yama.ptrace_scope=1 lets processes look at their own children"
	}
	return "in a container, allow the system calls pidfd_getfd and process_vm_readv in its security profile"
}

func (g *gateProbes) killable(ctx context.Context) outcome {
	t := g.tried(ctx)
	switch {
	case t.start != nil:
		return t.step(errUntried, "")
	case !t.killable:
		return fails("the kernel refuses it", "nothing: calls that signals interrupt are resumed")
	}
	return works("")
}

func (g *gateProbes) wake(ctx context.Context) outcome {
	t := g.tried(ctx)
	return t.step(t.wake, "nothing: intercepted calls cost a little more")
}

// folder looks for what `ssa run` needs one for: names that exist for a moment.
func (g *gateProbes) folder(context.Context) outcome {
	var tried []string
	for _, dir := range []string{g.cfg.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/dev/shm"} {
		if dir == "" {
			continue
		}
		made, err := os.MkdirTemp(dir, "ssa-")
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		err = bindThere(made + "/s")
		_ = os.RemoveAll(made)
		if err == nil {
			return works(dir)
		}
		tried = append(tried, err.Error())
	}
	return fails(strings.Join(tried, "; "), "set XDG_RUNTIME_DIR or TMPDIR to a folder that you can write")
}

// foreign tries to run the beginning of a 32-bit program.
func (g *gateProbes) foreign(ctx context.Context) outcome {
	f, err := os.CreateTemp("", "ssa-32-bit-")
	if err != nil {
		return unknown(err.Error(), "")
	}
	defer os.Remove(f.Name())
	header := append([]byte("\x7fELF\x01\x01\x01"), make([]byte, 45)...) // Elf32_Ehdr, elf(5)
	_, err = f.Write(header)
	if err := errors.Join(err, f.Chmod(0o755), f.Close()); err != nil {
		return unknown(err.Error(), "")
	}
	line := append(append([]string{}, g.cfg.Run...), f.Name())
	out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
	text := string(bytes.TrimSpace(out))
	switch {
	case err == nil:
		return fails("one was started", "this is a bug: please report it")
	case strings.Contains(text, "is a 32-bit program"):
		return works("")
	}
	return unknown(text, "")
}

func bindThere(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return fmt.Errorf("binding a socket to %s: %w", path, err)
	}
	return nil
}
