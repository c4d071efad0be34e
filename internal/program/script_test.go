package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// TestScript: the script is found without being opened, so that nothing that its
// owner has made of it holds anybody up.
func TestScript(t *testing.T) {
	dir := realTempDir(t)
	rules, err := policy.Parse("/test.yaml", []byte("profiles: [{name: scripts, match: {script: "+dir+"/*}}]"))
	if err != nil {
		t.Fatal(err)
	}
	l := newIdentifier(t, Config{})
	l.SetPolicy(rules)
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("script"), []byte("#!/bin/cat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("script", path("link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path("fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	program := copyOf(t, dir, "program")
	for _, tc := range []struct{ name, argument, want string }{
		{"a path", path("script"), path("script")},
		{"a relative path", "./script", path("script")},
		{"a symbolic link", "link", path("script")},
		{"a FIFO", "fifo", ""},
		{"a folder", ".", ""},
		{"a path that no profile names", "/etc/passwd", ""},
		{"nothing", "gone", path("gone")}, // it may have been removed since
	} {
		cmd := exec.Command(program, "-", tc.argument) // which opens it after its standard input only
		cmd.Dir = dir
		fd := start(t, cmd)
		if p := l.mustIdentify(t, fd); p.Script != tc.want || p.Exe != program {
			t.Errorf("%s: it is the script %q of %q, want %q", tc.name, p.Script, p.Exe, tc.want)
		}
		if p := newIdentifier(t, Config{}, program).mustIdentify(t, fd); p.Script != "" {
			t.Errorf("%s: a script is looked for though no profile is for one: %q", tc.name, p.Script)
		}
		_ = cmd.Process.Kill()
	}
	t.Run("programs share sessions by script", func(t *testing.T) {
		rules, err := policy.Parse("/test.yaml", []byte("profiles: [{name: own, match: {user: root}, sessions: {shared_by: program}}]"))
		if err != nil {
			t.Fatal(err)
		}
		l := newIdentifier(t, Config{})
		l.SetPolicy(rules)
		fd := start(t, exec.Command(program, "-", path("script")))
		if p := l.mustIdentify(t, fd); p.Script != path("script") {
			t.Errorf("it is the script %q: two scripts would share their sessions", p.Script)
		}
	})
	t.Run("leased", func(t *testing.T) {
		cmd := exec.Command(program, "-", path("script"))
		fd := start(t, cmd)
		n, err := unix.Open(path("script"), unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(n)
		if _, err := unix.FcntlInt(uintptr(n), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
			t.Fatal(err)
		}
		if p := l.mustIdentify(t, fd); p.Script != path("script") {
			t.Errorf("it is the script %q", p.Script)
		}
		if lease, err := unix.FcntlInt(uintptr(n), unix.F_GETLEASE, 0); err != nil ||
			lease != unix.F_WRLCK {
			t.Errorf("the lease is %d by now, %v: the file was opened", lease, err)
		}
		_ = cmd.Process.Kill()
	})
}
