package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// TestOverlay: where the machine's own files are on an overlay, a program is the
// one at its path, also when its file has been copied up, and when another one
// has come in its place. Nobody else's overlay gives that path.
func TestOverlay(t *testing.T) {
	ssatest.NeedRoot(t, "mounting an overlay for the machine takes root")
	ssatest.Need(t, "unshare", "mount")
	dir := realTempDir(t)
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyOf(t, filepath.Join(dir, "lower"), "program")
	path := filepath.Join(dir, "merged", "program")
	mount := fmt.Sprintf("cd %s && mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work merged", dir)
	if out, err := exec.Command("unshare", "-m", "sh", "-c", mount).CombinedOutput(); err != nil {
		ssatest.Missing(t, "overlayfs: "+string(out))
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", mount+" && exec "+path)
	fd := start(t, cmd)
	mounts := fmt.Sprintf("/proc/%d/root", cmd.Process.Pid)
	n, err := unix.Open(mounts, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	there, here := newIdentifier(t, Config{Hold: true}), newIdentifier(t, Config{Hold: true}, path)
	there.root.Close()
	there.root = root{sys.Own(n)}
	there.SetPolicy(policyFor(t, path))
	check := func(when string) {
		t.Helper()
		if p := there.mustIdentify(t, fd); p.Exe != path {
			t.Errorf("%s it is seen as %q, want %q", when, p.Exe, path)
		}
		if p := here.mustIdentify(t, fd); !strings.HasPrefix(p.Exe, Elsewhere) {
			t.Errorf("%s it is seen as %q where the overlay is not", when, p.Exe)
		}
	}
	check("at first")
	if err := os.Chmod(mounts+path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "upper", "program")); err != nil {
		t.Fatalf("it was not copied up: %v", err)
	}
	check("copied up")
	copyOf(t, mounts+filepath.Dir(path), "new")
	if err := os.Rename(mounts+path[:len(path)-len("program")]+"new", mounts+path); err != nil {
		t.Fatal(err)
	}
	check("replaced")
}

// TestInterpreterOfAFormat: what binfmt_misc starts for a file is the interpreter.
func TestInterpreterOfAFormat(t *testing.T) {
	ssatest.Need(t, "unshare", "mount", "cat")
	dir := realTempDir(t)
	interpreter, file := copyOf(t, dir, "interpreter"), filepath.Join(dir, "file.ssatest")
	if err := os.WriteFile(file, []byte("here\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	// Formats of a user namespace are its own (Linux 6.7).
	register := fmt.Sprintf("mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && printf %%s ':ssatest:E::ssatest::%s:' >/proc/sys/fs/binfmt_misc/register", interpreter)
	if out, err := exec.Command("unshare", "-Urm", "sh", "-c", register).CombinedOutput(); err != nil {
		ssatest.Missing(t, "binfmt_misc in a user namespace: "+string(out))
	}
	fd := start(t, exec.Command("unshare", "-Urm", "sh", "-c", register+" && exec "+file+" -"))
	if p := newIdentifier(t, Config{}, interpreter, file).mustIdentify(t, fd); p.Exe != interpreter {
		t.Errorf("it is seen as %q, want %q", p.Exe, interpreter)
	}
}

// TestTraced: who is started by a debugger is what he executes, at his first
// instruction too.
func TestTraced(t *testing.T) {
	runtime.LockOSThread() // it is the debugger
	defer runtime.UnlockOSThread()
	path := copyOf(t, realTempDir(t), "program")
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	var status unix.WaitStatus
	if _, err := unix.Wait4(cmd.Process.Pid, &status, 0, nil); err != nil || !status.Stopped() {
		t.Fatalf("process %d is not stopped: %v, %v", cmd.Process.Pid, status, err)
	}
	n, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := sys.Own(n)
	defer fd.Close()
	if p := newIdentifier(t, Config{}, path).mustIdentify(t, fd); p.Exe != path {
		t.Errorf("it is seen as %q, want %q", p.Exe, path)
	}
}
