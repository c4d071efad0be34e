package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/pflag"
)

// successor is the service that takes over from this one when it is told to by
// SIGUSR2: the same command, of the executable that has its name by then. What
// is connected stays here until it ends, so that an upgrade breaks nothing.
type successor struct {
	args   []string
	stderr io.Writer
	alarms *slog.Logger

	mu      sync.Mutex
	process *os.Process // nil when there is none
	over    bool        // it has taken over
}

func newSuccessor(given *pflag.FlagSet, stderr io.Writer, alarms *slog.Logger) *successor {
	s := &successor{args: []string{"daemon", "--replace"}, stderr: stderr, alarms: alarms}
	given.Visit(func(f *pflag.Flag) {
		if f.Name != "replace" {
			s.args = append(s.args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return s
}

// start starts it, unless it is under way already. It is not waited for: it
// outlives this process, or says itself why it does not.
func (s *successor) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.alarms.Warn("another service is taking over already")
		return
	}
	path, err := os.Executable() // not /proc/self/exe, which stays what it was
	if err != nil {
		s.alarms.Error("finding the executable of the service to come: " + err.Error())
		return
	}
	cmd := exec.Command(path, s.args...)
	cmd.Env, cmd.Stderr = successorEnvironment(os.Environ()), s.stderr
	if err := cmd.Start(); err != nil {
		s.alarms.Error("starting the service to come: " + err.Error())
		return
	}
	s.process = cmd.Process
	go s.watch(cmd)
}

// watch lets another one be tried when one ends before this process does.
func (s *successor) watch(cmd *exec.Cmd) {
	err := cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = nil
	s.alarms.Error(fmt.Sprintf("the service that was to take over has ended: %v", err))
}

// tookOver tells systemd whose the unit is from now on, sd_notify(3), when it
// is a successor of ours that has taken over. More calls do nothing.
func (s *successor) tookOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil && !s.over {
		s.over = true
		tell(fmt.Sprintf("MAINPID=%d", s.process.Pid))
	}
}

// stopping tells systemd that the service ends, unless it is not this process
// any more that systemd has to do with.
func (s *successor) stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		tell(daemon.SdNotifyStopping)
	}
}

// successorEnvironment leaves out the sockets that systemd has passed to this
// process: the successor asks for the one it needs.
func successorEnvironment(all []string) (kept []string) {
	for _, e := range all {
		if !strings.HasPrefix(e, "LISTEN_") {
			kept = append(kept, e)
		}
	}
	return kept
}
