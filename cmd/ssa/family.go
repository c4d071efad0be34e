package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// family is the program and everything it starts: ssa is the reaper of those
// whose parents have gone, and stays as long as one of them lives.
type family struct {
	program  int
	listener *notify.Listener
	status   chan unix.WaitStatus // of the program itself
	signals  chan os.Signal
	done     chan struct{}
}

// startFamily starts the program under the filter. With denyTCP it cannot
// connect TCP sockets by itself, where the kernel has a way.
func startFamily(path string, what started, code []bpf.RawInstruction,
	denyTCP bool) (*family, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("becoming the reaper of the program's children: %w", err)
	}
	f := &family{status: make(chan unix.WaitStatus, 1), signals: make(chan os.Signal, 64),
		done: make(chan struct{})}
	signal.Notify(f.signals, append(forwarded(), unix.SIGCHLD)...)
	pid, listener, err := notify.Start(code, notify.Command{
		Path: what.path, Argv: what.argv, KeepPrivileges: mayKeepPrivileges(), DenyTCP: denyTCP,
		Attr: syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}},
	})
	if err != nil {
		signal.Stop(f.signals)
		return nil, startProblem(path, err)
	}
	_ = listener.WakeOnSameCPU()
	f.program, f.listener = pid, listener
	go f.attend()
	return f, nil
}

func startProblem(path string, err error) error {
	what, hint := notify.Explain(err)
	var start *notify.StartError
	if errors.As(err, &start) && start.Step == notify.Exec {
		return cannotExecute(path, start.Err)
	}
	return &problem{what: what, hint: hint, status: statusUsage}
}

func cannotExecute(path string, err error) error {
	p := &problem{what: fmt.Sprintf("%s cannot be executed: %v", path, err),
		status: statusNotExecutable}
	if errors.Is(err, unix.ENOEXEC) {
		p.hint = "a script needs a first line such as #!/bin/sh"
	}
	return p
}

// forwarded are the signals passed on to the program, unless ssa was started
// with them ignored, as nohup(1) does.
func forwarded() []os.Signal {
	var list []os.Signal
	for _, s := range []syscall.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM,
		unix.SIGUSR1,
		unix.SIGUSR2, unix.SIGALRM, unix.SIGWINCH} {
		if !signal.Ignored(s) {
			list = append(list, s)
		}
	}
	return list
}

// attend passes signals on and reaps processes until done is closed.
func (f *family) attend() {
	for {
		select {
		case s := <-f.signals:
			if s == unix.SIGCHLD {
				f.reap()
			} else if !fromTerminal(s) {
				_ = unix.Kill(f.program, s.(syscall.Signal))
			}
		case <-f.done:
			f.reap()
			return
		}
	}
}

// fromTerminal reports whether a signal is one that the terminal sends to the
// whole foreground process group, the program included.
func fromTerminal(s os.Signal) bool {
	if s != unix.SIGINT && s != unix.SIGQUIT && s != unix.SIGWINCH {
		return false
	}
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	foreground, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}

func (f *family) reap() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if pid == f.program && (status.Exited() || status.Signaled()) {
			f.status <- status
		}
	}
}

// wait returns the program's status, once no process is left under the filter.
func (f *family) wait() waitStatus {
	status := <-f.status
	signal.Stop(f.signals)
	close(f.done)
	return waitStatus(status)
}

// waitStatus is how the program ended.
type waitStatus unix.WaitStatus

// exit ends ssa as the program ended: by the same signal, or with its status.
func (p waitStatus) exit() error {
	status := unix.WaitStatus(p)
	if status.Signaled() {
		// No second core file, and no handler of ours.
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
		beforeEnd()
		sys.DieBySignal(status.Signal())
		return exitStatus(128 + int(status.Signal()))
	}
	if code := status.ExitStatus(); code != 0 {
		return exitStatus(code)
	}
	return nil
}
