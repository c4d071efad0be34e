package notify

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// StartError says at which step starting a program under a filter failed.
type StartError struct {
	Step Step
	Err  error
}

// Step is a step of Start.
type Step uint8

// Steps.
const (
	NoNewPrivs Step = iota // prctl(PR_SET_NO_NEW_PRIVS)
	Install                // seccomp(SECCOMP_SET_MODE_FILTER)
	Exec                   // fork and execve
)

func (e *StartError) Error() string {
	what := [...]string{"setting no_new_privs", "installing the seccomp filter",
		"starting the program"}
	return what[e.Step] + ": " + e.Err.Error()
}

// Unwrap returns the errno.
func (e *StartError) Unwrap() error { return e.Err }

// Command is what Start executes.
type Command struct {
	Path string
	Argv []string
	Attr syscall.ProcAttr
	// KeepPrivileges leaves no_new_privs unset, which needs CAP_SYS_ADMIN:
	// set-user-ID programs then keep working.
	KeepPrivileges bool
	// DenyTCP keeps the program from connecting TCP sockets by itself, where
	// the kernel can: Listener.NoTCP says whether it does.
	DenyTCP bool
}

// Start runs a program under a filter and returns its process id and the
// listener for its calls. The caller must have locked the main goroutine to
// the main thread, so that no other goroutine runs there.
func Start(filter []bpf.RawInstruction, p Command) (int, *Listener, error) {
	type result struct {
		pid      int
		listener *Listener
		err      error
	}
	done := make(chan result)
	go func() {
		// A seccomp filter belongs to a thread and cannot be removed
		// (seccomp(2)). The goroutine ends locked, and so the thread ends
		// with it: only the program keeps the filter.
		runtime.LockOSThread()
		pid, listener, err := startHere(filter, p)
		done <- result{pid, listener, err}
	}()
	r := <-done
	return r.pid, r.listener, r.err
}

func startHere(filter []bpf.RawInstruction, p Command) (int, *Listener, error) {
	if !p.KeepPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return 0, nil, &StartError{NoNewPrivs, err}
		}
	}
	noTCP := p.DenyTCP && denyTCP() == nil
	// With WAIT_KILLABLE_RECV (Linux 5.19) a signal no longer breaks a call
	// off that has been received, so that none is carried out twice.
	killable := true
	n, err := sys.SeccompListener(filter, unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if errors.Is(err, unix.EINVAL) {
		killable = false
		n, err = sys.SeccompListener(filter, 0)
	}
	if err != nil {
		return 0, nil, &StartError{Install, err}
	}
	listener, err := newListener(sys.Own(n))
	if err != nil {
		return 0, nil, &StartError{Install, err}
	}
	listener.Killable, listener.NoTCP = killable, noTCP
	pid, err := syscall.ForkExec(p.Path, p.Argv, &p.Attr)
	if err != nil {
		listener.Close()
		return 0, nil, &StartError{Exec, err}
	}
	return pid, listener, nil
}

// Explain turns the error of Start into what happened and what to do.
func Explain(err error) (what, hint string) {
	var start *StartError
	if !errors.As(err, &start) {
		return err.Error(), ""
	}
	what = start.Error()
	if start.Step != Install {
		return what, ""
	}
	switch {
	case errors.Is(err, unix.EBUSY):
		return "this process is already under a seccomp notifier, and the kernel allows one",
			"inside `ssa run` every program is served already: start the program without a second `ssa run`"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Sprintf("this environment does not allow seccomp filters (%v)", start.Err),
			"in a container, allow the seccomp system call in its security profile"
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
		return fmt.Sprintf("this kernel has no seccomp user notification (%v)", start.Err),
			"Linux 5.14 or later with CONFIG_SECCOMP_FILTER is needed"
	}
	return what, ""
}
