//go:build linux

package wrapper

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// refusing is a command to which the kernel refuses something.
func refusing(t *testing.T, what string, command ...string) *exec.Cmd {
	t.Helper()
	path := ssatest.GoProgram(t, "./test/wrapper/refusing")
	return ssatest.Kill(t, exec.Command(path, append([]string{what}, command...)...))
}

// TestSocketsRefused: where sockets of AF_UNIX are refused, `ssa run` says what
// to allow, and does not start the program.
func TestSocketsRefused(t *testing.T) {
	inner := ssatest.Run{}.Command(t, "/bin/echo", "started")
	cmd := refusing(t, "unix", inner.Args...)
	cmd.Args[2] = inner.Path
	var out bytes.Buffer
	cmd.Stdout = &out
	got, stderr := status(t, cmd)
	if got != 125 || out.Len() > 0 || !strings.Contains(stderr, "RestrictAddressFamilies=") {
		t.Errorf("status %d, %q; wanted 125 and a word about RestrictAddressFamilies=:\n%s", got, out.String(), stderr)
	}
}

// TestLandlockRefused: where Landlock is refused, as containers do it, `ssa run`
// and the service go on without it, and the service says so.
func TestLandlockRefused(t *testing.T) {
	client := ssatest.GoProgram(t, "./test/wrapper/socketonly")
	socket := filepath.Join(t.TempDir(), "socket")
	daemon := refusing(t, "landlock", ssatest.SSA(t), "daemon", "--socket", socket, "--policy",
		ssatest.PolicyWithRoots(t, "", ssatest.NewAuthority(t).File(t)))
	said, err := daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	read := make(chan error, 1)
	go func() {
		_, err := log.ReadFrom(said)
		read <- err
	}()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the service does not listen at %s: %v", socket, err)
		}
	}
	got, stderr := status(t, refusing(t, "landlock", ssatest.SSA(t), "run", "--engine", "service",
		"--socket", socket, "--", client))
	if got != 0 {
		t.Errorf("a program ends with status %d:\n%s", got, stderr)
	}
	if err := daemon.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
	if err := daemon.Wait(); err != nil || !strings.Contains(log.String(), "Landlock") {
		t.Errorf("the service ended with %v, and said nothing of Landlock:\n%s", err, log.String())
	}
}

// TestNotDumpable: a program that its user cannot read is not dumpable. An
// ordinary user's `ssa run` may not look at it, which has it refused and is told
// once; root's may.
func TestNotDumpable(t *testing.T) {
	client := ssatest.GoProgram(t, "./test/wrapper/socketonly")
	image, err := os.ReadFile(client)
	if err != nil {
		t.Fatal(err)
	}
	hidden := filepath.Join(t.TempDir(), "hidden")
	if err := os.WriteFile(hidden, image, 0o111); err != nil {
		t.Fatal(err)
	}
	got, stderr := status(t, ssatest.Run{Verbose: true}.Command(t, hidden))
	if os.Getuid() == 0 {
		if got != 0 {
			t.Errorf("below root's ssa run: status %d:\n%s", got, stderr)
		}
		return
	}
	if got != 1 || !strings.Contains(stderr, "socket: permission denied") ||
		strings.Count(stderr, "is not dumpable") != 1 {
		t.Errorf("status %d, wanted 1, EACCES of socket and a word about it:\n%s", got, stderr)
	}
}
