//go:build linux

package service

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// asCaller runs caller.py as a user, for a process.
func (w *world) asCaller(t *testing.T, uid, port, pid int) string {
	t.Helper()
	ssatest.Need(t, "python3")
	text, err := os.ReadFile(filepath.Join("testdata", "caller.py"))
	if err != nil {
		t.Fatal(err)
	}
	python := "python3"
	if uid != os.Getuid() {
		python = "/usr/bin/python3" // one in PATH may be the tester's own
	}
	cmd := exec.Command(python, "-c", string(text), w.socket, fmt.Sprint(port), "a.example",
		fmt.Sprint(pid))
	cmd.Dir = "/"
	if uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid),
			Gid: uint32(uid)}}
	}
	return strings.TrimSpace(ssatest.Output(t, cmd))
}

// TestOtherLanguages: the protocol is small enough for anybody.
func TestOtherLanguages(t *testing.T) {
	w := newWorld(t)
	w.service(t)
	l := w.network.Listen(t)
	go l.ServeEcho()
	want := "peer a.example version 0x304\necho hello sent 5 received 5"
	if got := w.asCaller(t, os.Getuid(), l.Port(), 0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestImpersonation: a caller speaks for processes of its own user only, root
// for all.
func TestImpersonation(t *testing.T) {
	ssatest.NeedRoot(t, "only root can be two users")
	const nobody = 65534
	w := newWorld(t)
	if err := os.Chmod(filepath.Dir(w.socket), 0o755); err != nil {
		t.Fatal(err)
	}
	s := w.service(t)
	l := w.network.Listen(t)
	go l.ServeEcho()
	sleeper := exec.Command("sleep", "1000")
	sleeper.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody,
		Gid: nobody}}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = sleeper.Process.Kill()
		_ = sleeper.Wait()
	}()
	for _, tc := range []struct {
		name     string
		uid, pid int
		want     string
	}{
		{"root for root", 0, os.Getpid(), "echo hello"},
		{"root for nobody", 0, sleeper.Process.Pid, "echo hello"},
		{"nobody for nobody", nobody, sleeper.Process.Pid, "echo hello"},
		{"nobody for root", nobody, os.Getpid(), "its own user only"},
	} {
		if got := w.asCaller(t, tc.uid, l.Port(), tc.pid); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q in it", tc.name, got, tc.want)
		}
	}
	if all := w.refusals(t); len(all) != 1 || all[0].What != registry.Impersonation ||
		all[0].Program.UID != 0 || all[0].Caller != nobody {
		t.Errorf("the attempt is told as %+v", all)
	}
	if !strings.Contains(s.Said(), "impersonation") {
		t.Errorf("the service does not tell of the attempt; it says\n%s", s.Said())
	}
}
