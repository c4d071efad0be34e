//go:build linux

package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// statusOf reads a line of /proc/PID/status.
func statusOf(t *testing.T, pid int, key string) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("there is no %s in\n%s", key, data)
	return ""
}

// TestWorkerHasNoRights looks at the process that does TLS from outside. The
// policy's key is one that its user cannot read.
func TestWorkerHasNoRights(t *testing.T) {
	w := newWorld(t)
	if err := os.Chmod(w.key, 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.service(t)
	w.wantWorking(t)
	worker := s.Worker(t)
	uid := os.Getuid()
	for key, want := range map[string]string{
		"NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "1", "CapEff": "0000000000000000",
		"CapPrm": "0000000000000000", "CapInh": "0000000000000000",
	} {
		if uid != 0 && key == "Seccomp_filters" {
			continue // this test may be under one itself
		}
		if got := statusOf(t, worker, key); got != want {
			t.Errorf("%s of the worker is %s, want %s", key, got, want)
		}
	}
	users := strings.Fields(statusOf(t, worker, "Uid"))
	for _, u := range users {
		if u == "0" || uid != 0 && u != fmt.Sprint(uid) {
			t.Errorf("the worker's users are %v, and the service's is %d", users, uid)
		}
	}
	if uid == 0 && statusOf(t, worker, "Groups") != "" {
		t.Errorf("the worker is in the groups %s", statusOf(t, worker, "Groups"))
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", worker))
	if uid == 0 &&
		(err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "),
			"Max core file size 0 0 bytes")) {
		t.Errorf("core dumps of the worker are not switched off, %v:\n%s", err, limits)
	}
	if _, err := os.Open(fmt.Sprintf("/proc/%d/mem", worker)); uid != 0 &&
		!errors.Is(err, fs.ErrPermission) {
		t.Errorf("a process of the same user opens the worker's memory: %v", err)
	}
}

// TestWorkerInheritsNothing: what is open in the shell or the script that starts
// the service is not for the process that has no rights.
func TestWorkerInheritsNothing(t *testing.T) {
	if os.Getuid() != 0 {
		return // the worker shows what it has open to root alone
	}
	w := newWorld(t)
	// Without O_CLOEXEC, so that the service inherits it.
	left, err := unix.Open(w.key, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := w.service(t)
	unix.Close(left)
	if !slices.Contains(openFiles(t, s.Cmd.Process.Pid), w.key) {
		t.Fatal("the service did not inherit the file, which this test is about")
	}
	if open := openFiles(t, s.Worker(t)); slices.Contains(open, w.key) {
		t.Errorf("the worker has open %q", open)
	}
}

// openFiles returns what the descriptors of a process are.
func openFiles(t *testing.T, pid int) (names []string) {
	t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name, err := os.Readlink(filepath.Join(folder, e.Name())); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// TestWorkerKilled: connections of a worker that dies are reset, and another
// one serves, with the socket there was.
func TestWorkerKilled(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	p := w.python(t, []string{"--wait", "1m"}, `
s = listen(tls())
c, _ = s.accept()
say(c.recv(10))
say("@accepted")
wait()
say("read", attempt(c.recv, 1))
c, _ = s.accept()
say(c.recv(10), number(c, VERSION))
`)
	port := p.Port()
	a := w.network.Dial(t, port)
	a.Say("before")
	p.Wait("accepted")
	before := s.Worker(t)
	if err := unix.Kill(before, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if data, err := a.Drain(); err == nil || len(data) > 0 {
		t.Errorf("the client read %q, %v; want an end without close_notify", data, err)
	}
	w.wantWorking(t)
	if after := s.Worker(t); after == before {
		t.Errorf("the worker is still %d", after)
	}
	p.GoOn()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := w.network.TryDial(t, port)
		if err == nil {
			c.Say("after")
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the server is not served again: %v", err)
		}
	}
	wantTranscript(t, p, "b'before'", "read ECONNRESET", "b'after' 772")
	select {
	case <-s.Ended:
		t.Error("the service has ended with its worker")
	default:
	}
}

// TestMonitorKilled: without its monitor a worker serves nobody.
func TestMonitorKilled(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	worker, err := unix.PidfdOpen(s.Worker(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(worker)
	s.Kill()
	p := []unix.PollFd{{Fd: int32(worker), Events: unix.POLLIN}}
	if n, err := unix.Poll(p, 60_000); n != 1 || err != nil {
		t.Errorf("the worker goes on: %d, %v", n, err)
	}
}

// TestWorkerUser: who does TLS is chosen by root, and is not root.
func TestWorkerUser(t *testing.T) {
	w := newWorld(t)
	if os.Getuid() != 0 {
		s, text := w.fails(t, "--user", "nobody")
		if s == 0 || !strings.Contains(text, "root starts") {
			t.Errorf("--user of an ordinary user: status %d, %s", s, text)
		}
		return
	}
	for _, user := range []string{"root", "no-such-user"} {
		if s, text := w.fails(t, "--user", user); s == 0 || !strings.Contains(text, "hint") {
			t.Errorf("--user %s: status %d, %s", user, s, text)
		}
	}
	s := w.service(t, "--user", "daemon")
	if got := statusOf(t, s.Worker(t), "Uid"); got != "1 1 1 1" {
		t.Errorf("the worker of --user daemon is %s", got)
	}
	w.wantWorking(t)
}

// fails runs a service that must end at once.
func (w *world) fails(t *testing.T, args ...string) (status int, text string) {
	t.Helper()
	cmd := exec.Command(ssatest.SSA(t),
		append([]string{"daemon", "--socket", w.socket, "--policy", w.policy}, args...)...)
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}
