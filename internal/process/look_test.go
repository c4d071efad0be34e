package process

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// start runs a command that says a line once it is the program in question,
// and returns its pidfd.
func start(t *testing.T, cmd *exec.Cmd) *sys.FD {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if _, err := io.WriteString(in, "here\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "here\n" {
		t.Fatalf("the program said %q, %v", line, err)
	}
	n, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := sys.Own(n)
	t.Cleanup(func() { fd.Close() })
	return fd
}

// copyOf makes a program of its own that is cat(1).
func copyOf(t *testing.T, dir, name string) string {
	t.Helper()
	ssatest.Need(t, "cat")
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLook(t *testing.T) {
	path := copyOf(t, t.TempDir(), "program")
	cmd := exec.Command(path)
	fd := start(t, cmd)
	p, err := Looker{}.Look(fd)
	if err != nil || p.Exe != path || p.PID != cmd.Process.Pid || int(p.UID) != os.Getuid() || int(p.UIDs[0]) != os.Getuid() {
		t.Errorf("got %+v, %v, want %s", p, err, path)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if p, err := (Looker{}).Look(fd); err != nil || p.Exe != path+policy.DeletedMark {
		t.Errorf("after its file was removed: %+v, %v", p, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if p, err := (Looker{}).Look(fd); !errors.Is(err, errEnded) {
		t.Errorf("after its end: %+v, %v", p, err)
	}
}

// TestOtherMounts: a program that is mounted over another one, where anybody
// may do that, is not that one.
func TestOtherMounts(t *testing.T) {
	ssatest.Need(t, "unshare", "mount", "rm")
	if err := exec.Command("unshare", "-rm", "true").Run(); err != nil {
		ssatest.Missing(t, "user namespaces: "+err.Error())
	}
	dir := t.TempDir()
	trusted, evil := copyOf(t, dir, "trusted"), copyOf(t, dir, "evil")
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"where there is a loop here": "mount -t tmpfs none " + dir + " && mkdir " + loop + " && cp /bin/sh " + loop + "/p && exec " + loop + "/p -c 'read line; echo $line; read line'",
		"mounted":                    "mount --bind " + evil + " " + trusted + " && exec " + trusted,
		"mounted and removed":        "mount -t tmpfs none " + dir + " && cp /bin/sh " + trusted + " && exec " + trusted + " -c 'rm -f " + trusted + "; read line; echo $line; read line'",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Looker{}.Look(start(t, exec.Command("unshare", "-rm", "sh", "-c", script)))
			if err != nil || len(p.Exe) <= len(elsewhere) || p.Exe[:len(elsewhere)] != elsewhere || p.Script != "" {
				t.Errorf("it is seen as %q, %v, and must be seen as being elsewhere", p.Exe, err)
			}
		})
	}
}

func TestNoPidfd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	n, err := unix.Dup(int(r.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	fd := sys.Own(n)
	defer fd.Close()
	if p, err := (Looker{}).Look(fd); err == nil {
		t.Errorf("a pipe is process %+v", p)
	}
}
