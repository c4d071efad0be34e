//go:build linux

package wrapper

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// within runs `ssa run` from a shell that has done something first.
func within(t *testing.T, first, script string) *exec.Cmd {
	t.Helper()
	inner := ssatest.Run{}.Command(t, "/bin/sh", "-c", script)
	args := append([]string{"-c", first + `; exec "$@"`, "sh", inner.Path}, inner.Args[1:]...)
	return ssatest.Kill(t, exec.Command("/bin/sh", args...))
}

// TestStartedByManager: variables that name the process which a service manager
// has started name the program, and no others are touched.
func TestStartedByManager(t *testing.T) {
	const first = `LISTEN_PID=$$ WATCHDOG_PID=$$ SYSTEMD_EXEC_PID=1 LISTEN_PIDFDID=7 LISTEN_FDS=1; export LISTEN_PID WATCHDOG_PID SYSTEMD_EXEC_PID LISTEN_PIDFDID LISTEN_FDS`
	const script = `[ "$LISTEN_PID" = $$ ] && [ "$WATCHDOG_PID" = $$ ] && echo "$SYSTEMD_EXEC_PID $LISTEN_PIDFDID $LISTEN_FDS"; exit 7`
	cmd := within(t, first, script)
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 || string(out) != "1  1\n" {
		t.Errorf("the program finds %q, and the status is %v", out, err)
	}
}

// TestAddressSpace: the program has its own limit, whatever ssa needs.
func TestAddressSpace(t *testing.T) {
	if got := ssatest.Output(t, within(t, "ulimit -Sv 3000000", "ulimit -Sv")); got != "3000000\n" {
		t.Errorf("the program's limit is %q", got)
	}
	// With the race detector Go itself needs more than that, and has the word.
	sentence := "ssa run needs 1536"
	if strings.Contains(os.Getenv("SSA_TEST_BUILDFLAGS"), "-race") {
		sentence = "memory"
	}
	cmd := within(t, "ulimit -v 1400000", "echo started")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), sentence) {
		t.Errorf("with too little: %v, %q", err, out)
	}
}

// TestManyShortPrograms: with few descriptors, what is kept of programs that have
// ended does not use them up.
func TestManyShortPrograms(t *testing.T) {
	client := ssatest.GoProgram(t, "./test/wrapper/socketonly")
	script := fmt.Sprintf("for i in $(seq 100); do %s || exit 1; done; echo all", client)
	cmd := within(t, "ulimit -n 64", script)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "all\n" {
		t.Errorf("%v: %s", err, out)
	}
}

// TestKilledLeavesNothing: an `ssa run` that is killed leaves no folder behind.
func TestKilledLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	cmd := ssatest.Run{}.Command(t, "/bin/sh", "-c", "echo here; read x")
	cmd.Env = append(os.Environ(), "TMPDIR="+folder, "XDG_RUNTIME_DIR="+folder)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var word string
	if _, err := fmt.Fscan(stdout, &word); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	stdin.Close()
	_ = cmd.Wait()
	if left, err := filepath.Glob(folder + "/*"); len(left) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
