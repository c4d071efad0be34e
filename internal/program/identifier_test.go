package program

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// newIdentifier makes one that holds what a policy with a profile for each path
// names.
func newIdentifier(t *testing.T, cfg Config, exes ...string) *Identifier {
	t.Helper()
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.SetPolicy(policyFor(t, exes...))
	return l
}

func policyFor(t *testing.T, exes ...string) *policy.Policy {
	t.Helper()
	text := "profiles:\n"
	for i, exe := range exes {
		text += fmt.Sprintf("  - {name: p%d, match: {exe: %q}}\n", i, exe)
	}
	if len(exes) == 0 {
		text = ""
	}
	rules, err := policy.Parse("/test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func (l *Identifier) mustIdentify(t *testing.T, fd *sys.FD) Process {
	t.Helper()
	p, err := l.Identify(fd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLook(t *testing.T) {
	path := copyOf(t, realTempDir(t), "program")
	cmd := exec.Command(path)
	fd := start(t, cmd)
	l := newIdentifier(t, Config{})
	p := l.mustIdentify(t, fd)
	if p.Exe != path || p.PID != cmd.Process.Pid || int(p.UID) != os.Getuid() ||
		int(p.UIDs[0]) != os.Getuid() ||
		int(p.GIDs[3]) != os.Getgid() || p.File == "" || p.Nested {
		t.Errorf("got %+v, want %s", p, path)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if p, err := l.Identify(fd); !errors.Is(err, errEnded) {
		t.Errorf("after its end: %+v, %v", p, err)
	}
}

// A program whose file was replaced keeps its path where the file is held, and
// only there.
func TestReplaced(t *testing.T) {
	dir := realTempDir(t)
	path := copyOf(t, dir, "program")
	fd := start(t, exec.Command(path))
	holds := newIdentifier(t, Config{Hold: true}, path)
	holdsOthers := newIdentifier(t, Config{Hold: true}, filepath.Join(dir, "other"))
	holdsNothing := newIdentifier(t, Config{}, path)
	replace := func() {
		if err := os.Rename(copyOf(t, dir, "new"), path); err != nil {
			t.Fatal(err)
		}
	}
	replace()
	for name, tc := range map[string]struct {
		l    *Identifier
		want string
	}{
		"held": {holds, path}, "another is held": {holdsOthers, Elsewhere + path + deleted}, "nothing is held": {holdsNothing, Elsewhere + path + deleted},
	} {
		if p := tc.l.mustIdentify(t, fd); p.Exe != tc.want {
			t.Errorf("%s: it is seen as %q, want %q", name, p.Exe, tc.want)
		}
	}
	// What was seen at the path is held from then on, and stays so at a reload.
	second := start(t, exec.Command(path))
	if p := holds.mustIdentify(t, second); p.Exe != path {
		t.Errorf("its successor is seen as %q", p.Exe)
	}
	replace()
	holds.SetPolicy(policyFor(t, path, "/other"))
	for name, fd := range map[string]*sys.FD{"the first": fd, "the second": second,
		"the third": start(t, exec.Command(path))} {
		if p := holds.mustIdentify(t, fd); p.Exe != path {
			t.Errorf("%s is seen as %q, want %q", name, p.Exe, path)
		}
	}
	// A service that starts now has seen none of them.
	if p := newIdentifier(t, Config{Hold: true}, path).mustIdentify(t, second); p.Exe == path {
		t.Error("a file that was never seen at the path is taken for one that was")
	}
	// Out of the policy, out of mind.
	holds.SetPolicy(policyFor(t, "/other"))
	holds.SetPolicy(policyFor(t, path))
	if p := holds.mustIdentify(t, fd); p.Exe == path {
		t.Error("a file is held that no policy names")
	}
	for range 2 * maxHeld {
		replace()
		holds.SetPolicy(policyFor(t, path))
	}
	if n := len(holds.held.files[path]); n != maxHeld {
		t.Errorf("%d files of a path are held, want %d", n, maxHeld)
	}
}

// realTempDir is a temporary folder by its real path.
func realTempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestNames: what a file is called where it was started counts, not what it is
// called besides.
func TestNames(t *testing.T) {
	dir := realTempDir(t)
	path, link := copyOf(t, dir, "program"), filepath.Join(dir, "link")
	if err := os.Link(path, link); err != nil {
		t.Fatal(err)
	}
	symlink := filepath.Join(dir, "symlink")
	if err := os.Symlink("program", symlink); err != nil {
		t.Fatal(err)
	}
	l := newIdentifier(t, Config{Hold: true}, path)
	for started, want := range map[string]string{path: path, link: link, symlink: path} {
		if p := l.mustIdentify(t, start(t, exec.Command(started))); p.Exe != want {
			t.Errorf("%s is seen as %q, want %q", started, p.Exe, want)
		}
	}
	odd := copyOf(t, dir, "program"+deleted)
	if p := l.mustIdentify(t, start(t, exec.Command(odd))); p.Exe != odd {
		t.Errorf("%s is seen as %q", odd, p.Exe)
	}
}

// TestOtherMounts: a program that is mounted over another one, where anybody
// may do that, is not that one, however it is started.
func TestOtherMounts(t *testing.T) {
	ssatest.Need(t, "unshare", "mount", "rm")
	if err := exec.Command("unshare", "-rm", "true").Run(); err != nil {
		ssatest.Missing(t, "user namespaces: "+err.Error())
	}
	dir := realTempDir(t)
	trusted, evil := copyOf(t, dir, "trusted"), copyOf(t, dir, "evil")
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"where there is a loop here": "mount -t tmpfs none " + dir + " && mkdir " + loop +
			" && cp /bin/sh " + loop + "/p && exec " + loop + "/p -c 'read line; echo $line; read line'",
		"mounted": "mount --bind " + evil + " " + trusted + " && exec " + trusted,
		"mounted and removed": "mount -t tmpfs none " + dir + " && cp /bin/sh " + trusted +
			" && exec " + trusted + " -c 'rm -f " + trusted + "; read line; echo $line; read line'",
	} {
		t.Run(name, func(t *testing.T) {
			fd := start(t, exec.Command("unshare", "-rm", "sh", "-c", script))
			for _, cfg := range []Config{{}, {Host: true, Hold: true}} {
				p := newIdentifier(t, cfg, trusted, loop+"/p").mustIdentify(t, fd)
				if !strings.HasPrefix(p.Exe, Elsewhere) || !p.Nested || int(p.Owner) != os.Getuid() {
					t.Errorf("it is seen as %+v, and must be seen as being elsewhere, below user %d", p, os.Getuid())
				}
			}
		})
	}
	t.Run("the same file", func(t *testing.T) {
		fd := start(t, exec.Command("unshare", "-rm", trusted))
		if p := newIdentifier(t, Config{Host: true}, trusted).mustIdentify(t,
			fd); p.Exe != trusted || !p.Nested {
			t.Errorf("it is seen as %+v, and is %s", p, trusted)
		}
	})
}

// TestPassedDescriptor: an executable that was opened in another namespace and
// removed there has no path, though the process that executes it has our mounts.
func TestPassedDescriptor(t *testing.T) {
	ssatest.Need(t, "unshare", "mount", "perl")
	if err := exec.Command("unshare", "-rm", "true").Run(); err != nil {
		ssatest.Missing(t, "user namespaces: "+err.Error())
	}
	dir := realTempDir(t)
	trusted := copyOf(t, dir, "trusted")
	// The process inside holds the file open; whoever executes it is outside.
	inside := exec.Command("unshare", "-rm", "sh", "-c",
		"mount -t tmpfs none "+dir+" && cp /bin/sh "+trusted+
			" && exec 7<"+trusted+" && rm "+trusted+" && read line; echo $line; read line")
	start(t, inside)
	outside := exec.Command(fmt.Sprintf("/proc/%d/fd/7", inside.Process.Pid), "-c",
		"read line; echo $line; read line")
	fd := start(t, outside)
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", outside.Process.Pid))
	if err != nil || link != trusted+deleted {
		t.Fatalf("the kernel calls it %q, %v; this test means nothing then", link, err)
	}
	p := newIdentifier(t, Config{Host: true, Hold: true}, trusted).mustIdentify(t, fd)
	if p.Exe != Elsewhere+link || p.Nested {
		t.Errorf("it is seen as %+v", p)
	}
}

// TestMemory: a program in memory has no path, whatever it calls itself.
func TestMemory(t *testing.T) {
	dir := realTempDir(t)
	trusted := copyOf(t, dir, "trusted")
	data, err := os.ReadFile(trusted)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.MemfdCreate(".."+trusted, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(n), "memory")
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/fd/3")
	// not open for writing, or it cannot be executed
	read, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", n))
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	file.Close()
	cmd.ExtraFiles = []*os.File{read}
	fd := start(t, cmd)
	if p := newIdentifier(t, Config{Hold: true}, trusted).mustIdentify(t,
		fd); !strings.HasPrefix(p.Exe, Elsewhere) || p.File == "" {
		t.Errorf("it is seen as %+v", p)
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
	if p, err := newIdentifier(t, Config{}).Identify(fd); err == nil {
		t.Errorf("a pipe is process %+v", p)
	}
}
