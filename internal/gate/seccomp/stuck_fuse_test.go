//go:build linux

package seccomp_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// slowFile mounts a file system of FUSE and returns the name of a file in it,
// whose content never comes.
func slowFile(t *testing.T) string {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		ssatest.Missing(t, "FUSE: "+err.Error())
	}
	dir := t.TempDir()
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("test", dir, "fuse", 0, options); err != nil {
		unix.Close(fd)
		ssatest.Missing(t, "the right to mount (root): "+err.Error())
	}
	// In a process of its own: with the last descriptor the file system ends, and
	// every wait for it. This process waits for it itself.
	server := exec.Command("/proc/self/exe")
	server.Env = append(os.Environ(), programEnv+"=FUSE")
	server.ExtraFiles = []*os.File{os.NewFile(uintptr(fd), "fuse")}
	alive, err := server.StdinPipe() // ends when this process does
	check(t, err)
	err = server.Start()
	server.ExtraFiles[0].Close()
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_FORCE|unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		alive.Close()
		_ = server.Wait()
	})
	check(t, err)
	return filepath.Join(dir, "slow")
}
