// Package dist_test proves that what an administrator installs is complete,
// well formed and can be removed again: `make install`, the units, the shell
// completions and the Debian package. It holds no other code.
package dist_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// made runs make once per target in the repository, with a folder of its own
// for what is built, and returns that folder.
func made(t *testing.T, target string, settings ...string) string {
	t.Helper()
	ssatest.Need(t, "make", "go")
	dir := t.TempDir()
	cmd := exec.Command("make", append([]string{"-s", target, "BIN=" + dir}, settings...)...)
	cmd.Dir = ".."
	ssatest.Output(t, ssatest.Kill(t, cmd))
	return dir
}

// filesBelow lists the files below a folder, with their modes where others
// than 0644.
func filesBelow(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		if mode := info.Mode().Perm(); mode != 0o644 {
			name += " " + mode.String()
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
