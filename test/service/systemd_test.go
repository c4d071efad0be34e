//go:build linux

package service

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// activated is `ssa daemon` as systemd starts it: with sockets, sd_listen_fds(3).
func activated(t *testing.T, notify string, sockets ...*os.File) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	ssatest.Need(t, "sh")
	// The process id is known once it is there.
	script := `LISTEN_PID=$$ exec "$@"`
	cmd := ssatest.Kill(t, exec.Command("sh", "-c", script, "sh", ssatest.SSA(t), "daemon",
		"--policy", emptyPolicy(t), "--grace", "1s"))
	cmd.ExtraFiles = sockets
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify,
		"LISTEN_FDS="+string(rune('0'+len(sockets))))
	said := new(bytes.Buffer)
	cmd.Stderr = said
	return cmd, said
}

func emptyPolicy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("default: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// fileOf returns a duplicate of a socket's descriptor.
func fileOf(t *testing.T, s interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// notifications is where a service tells systemd how it is.
func notifications(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, path
}

// told waits for a line that begins with one of these, and returns it.
func told(t *testing.T, conn *net.UnixConn, beginnings ...string) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %q: %v", beginnings, err)
		}
		for line := range strings.SplitSeq(string(buf[:n]), "\n") {
			for _, b := range beginnings {
				if strings.HasPrefix(line, b) {
					return line
				}
			}
		}
	}
}

func TestStartedBySystemd(t *testing.T) {
	conn, notify := notifications(t)
	path := filepath.Join(t.TempDir(), "ssa.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cmd, said := activated(t, notify, fileOf(t, listener))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told(t, conn, "READY=1")
	ask := func() {
		t.Helper()
		ssatest.Output(t, exec.Command(ssatest.SSA(t), "run", "--engine", "service", "--socket", path,
			"--", "sh", "-c", ":"))
	}
	ask()
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	ask()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told(t, conn, "STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("the service ended with %v:\n%s", err, said)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket is systemd's, and was not left alone: %v", err)
	}
}

// TestUpgrade: SIGUSR2 starts the service's executable again, which takes over,
// and systemd is told of it.
func TestUpgrade(t *testing.T) {
	conn, notify := notifications(t)
	path := filepath.Join(t.TempDir(), "ssa.sock")
	ssatest.Need(t, "sh")
	cmd := ssatest.Kill(t, exec.Command(ssatest.SSA(t), "daemon", "--policy", emptyPolicy(t),
		"--socket", path))
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify)
	said := new(bytes.Buffer)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	told(t, conn, "READY=1")
	before := cmd.Process.Pid
	if err := cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimPrefix(told(t, conn, "MAINPID="), "MAINPID="))
	if err != nil || pid == before {
		t.Fatalf("the unit is said to be that of process %d, %v; it was that of %d", pid, err, before)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	// The new one has the standard error of the old one, which Wait waits for.
	state, err := cmd.Process.Wait()
	if err != nil || !state.Success() {
		t.Errorf("the service before ended with %v, %v:\n%s", state, err, said)
	}
	ssatest.Output(t, exec.Command(ssatest.SSA(t), "run", "--engine", "service", "--socket", path,
		"--", "sh", "-c", ":"))
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := told(t, conn, "STOPPING=1", "MAINPID="); got != "STOPPING=1" {
		t.Errorf("the end of the new service is told by %q", got)
	}
}

// TestUpgradeThatFails: a new version that cannot start leaves the old one
// where it is.
func TestUpgradeThatFails(t *testing.T) {
	policy, socket := emptyPolicy(t), filepath.Join(t.TempDir(), "ssa.sock")
	s := ssatest.StartService(t, policy, socket)
	ask := func() {
		t.Helper()
		ssatest.Output(t, exec.Command(ssatest.SSA(t), "run", "--engine", "service", "--socket", socket,
			"--", "sh", "-c", ":"))
	}
	ask() // it listens before it takes signals
	if err := os.WriteFile(policy, []byte("default: {versions: {min: nonsense}}\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the failure of one is no obstacle to another
		before := strings.Count(s.Said(), "was to take over has ended")
		if err := s.Cmd.Process.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); strings.Count(s.Said(),
			"was to take over has ended") == before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no word of the service that cannot start:\n%s", s.Said())
			}
		}
		ask()
	}
}

// TestWrongSocketsFromSystemd: the unit says what the service does not expect.
func TestWrongSocketsFromSystemd(t *testing.T) {
	_, notify := notifications(t)
	datagrams, _ := notifications(t)
	unix, err := net.ListenUnix("unix",
		&net.UnixAddr{Name: filepath.Join(t.TempDir(), "a"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for name, sockets := range map[string][]*os.File{
		"two":       {fileOf(t, unix), fileOf(t, unix)},
		"datagrams": {fileOf(t, datagrams)},
		"TCP":       {fileOf(t, tcp)},
	} {
		cmd, said := activated(t, notify, sockets...)
		if err := cmd.Run(); err == nil || !strings.Contains(said.String(), "ListenStream=") {
			t.Errorf("%s: ended with %v and said %q; want a hint about the unit", name, err, said)
		}
	}
}
