package program

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// mountSilent mounts a file system of a user in user space that answers the
// first question, and nothing after it, for everybody (fuse(4)).
func mountSilent(t *testing.T) string {
	t.Helper()
	ssatest.NeedRoot(t, "only root may mount without fusermount(1)")
	dir := realTempDir(t)
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		ssatest.Missing(t, "FUSE: "+err.Error())
	}
	if err := unix.Mount("silent", dir, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse)); err != nil {
		ssatest.Missing(t, "FUSE: "+err.Error())
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		unix.Close(fuse) // whoever waits gets an error
	})
	// struct fuse_in_header with fuse_init_in, and the answer to it.
	ask := make([]byte, 128<<10)
	if _, err := unix.Read(fuse, ask); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 16+64)
	binary.NativeEndian.PutUint32(answer, uint32(len(answer)))
	copy(answer[8:16], ask[8:16]) // unique
	binary.NativeEndian.PutUint32(answer[16:], 7)
	binary.NativeEndian.PutUint32(answer[20:], 31)
	binary.NativeEndian.PutUint32(answer[36:], 4096) // max_write
	if _, err := unix.Write(fuse, answer); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSilentFileSystem: whoever names a file on a file system that never answers
// keeps nobody waiting.
func TestSilentFileSystem(t *testing.T) {
	dir := mountSilent(t)
	rules, err := policy.Parse("/test.yaml", []byte("profiles: [{name: scripts, match: {script: /**}}]"))
	if err != nil {
		t.Fatal(err)
	}
	l := newIdentifier(t, Config{Host: true, Hold: true})
	l.SetPolicy(rules)
	program := copyOf(t, realTempDir(t), "program")
	for _, name := range []string{"script", "folder/script"} {
		path := filepath.Join(dir, name)
		cmd := exec.Command(program, "-", path)
		fd := start(t, cmd)
		if p := l.mustIdentify(t, fd); p.Script != path || p.Exe != program {
			t.Errorf("it is the script %q of %q", p.Script, p.Exe)
		}
		_ = cmd.Process.Kill() // before it opens the file itself
	}
	if fd, err := l.root.executable(filepath.Join(dir, "program")); err == nil {
		fd.Close()
		t.Error("an executable is found there")
	}
}
