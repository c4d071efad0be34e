//go:build linux

// Package wrapper tests that `ssa run` is a good wrapper: the program behaves
// as if it had been started without it, seen from the shell, the terminal and
// whoever sends signals.
package wrapper

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// sh is `ssa run -- sh -c script`.
func sh(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	return ssatest.Run{}.Command(t, "/bin/sh", "-c", script)
}

// status runs a command and returns how it ended, as a shell's $? says it, and
// what it wrote to standard error.
func status(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err == nil {
		return 0, stderr.String()
	}
	if !errors.As(err, &exit) {
		t.Fatalf("%s: %v", strings.Join(cmd.Args, " "), err)
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), stderr.String()
	}
	return exit.ExitCode(), stderr.String()
}

// start starts a shell script that talks to the test by '@' lines.
func start(t *testing.T, script string) *programs.Process {
	t.Helper()
	return programs.Start(t, sh(t, script))
}
