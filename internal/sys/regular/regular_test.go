package regular_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys/regular"
)

// TestNobodyWaits: what is no regular file is refused at once, with a word for
// what it is; a FIFO that nobody writes would keep an open waiting for good.
func TestNobodyWaits(t *testing.T) {
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	if err := errors.Join(unix.Mkfifo(name("fifo"), 0o600), os.Symlink("fifo", name("link")),
		os.Mkdir(name("folder"), 0o700),
		os.WriteFile(name("file"), []byte("text"), 0o600), os.Symlink("file", name("good"))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{name("fifo"): "a FIFO", name("link"): "a FIFO",
		name("folder"): "a folder", "/dev/null": "a device"} {
		_, err := regular.Open(path)
		if err == nil || !strings.Contains(err.Error(), want+", and must be a regular file") {
			t.Errorf("%s: %v", path, err)
		}
		var kind *regular.Error
		if !errors.As(err, &kind) {
			t.Errorf("%s: %T", path, err)
		}
	}
	for _, path := range []string{name("file"), name("good")} {
		if data, err := regular.ReadFile(path); err != nil || string(data) != "text" {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if _, err := regular.Open(name("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestFS: a file system is one in all else.
func TestFS(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "a/b"), 0o700),
		os.WriteFile(filepath.Join(dir, "a/b/c"), []byte("text"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(regular.FS(dir), "a/b/c"); err != nil {
		t.Error(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(regular.FS(dir), "fifo"); err == nil {
		t.Error("a FIFO was read")
	}
	if info, err := fs.Stat(regular.FS(dir), "fifo"); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("a FIFO looks like %v, %v", info, err)
	}
}
