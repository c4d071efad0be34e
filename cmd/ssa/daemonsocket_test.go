package main

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// socketAt makes a socket of AF_UNIX with a short path.
func socketAt(t *testing.T, kind int) (fd *sys.FD, path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssa-socket-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	fd, err = sys.Socket(unix.AF_UNIX, kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fd.Close() })
	path = filepath.Join(dir, "s")
	if err := unix.Bind(fd.Int(), &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return fd, path
}

// fill makes a socket listen, and connects to it until no more can.
func fill(t *testing.T, listener *sys.FD, path string) {
	t.Helper()
	if err := unix.Listen(listener.Int(), 0); err != nil {
		t.Fatal(err)
	}
	for {
		c, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		err = unix.Connect(c.Int(), &unix.SockaddrUnix{Name: path})
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSocketIsNotTaken: what is at the service's path, and is not what an ended
// service left, stays there.
func TestSocketIsNotTaken(t *testing.T) {
	busy, busyPath := socketAt(t, unix.SOCK_STREAM)
	fill(t, busy, busyPath)
	_, datagrams := socketAt(t, unix.SOCK_DGRAM)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"a service that is busy", busyPath, "temporarily unavailable"},
		{"another kind of socket", datagrams, "wrong type"},
		{"a file", file, "is not a socket"},
		{"a folder that is not there", filepath.Join(file+"s", "and", "s"), "no such file"},
		{"a long path", filepath.Join(t.TempDir(), strings.Repeat("x", 108)), "at most 107"},
	} {
		for _, replace := range []bool{false, true} {
			before, beforeErr := os.Lstat(c.path)
			fd, err := (&daemonOptions{socket: c.path, replace: replace}).listen()
			if err == nil {
				fd.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s (replace %v): %v, want an error with %q", c.name, replace, err, c.want)
			}
			after, afterErr := os.Lstat(c.path)
			if beforeErr == nil && (afterErr != nil || !os.SameFile(before, after)) {
				t.Errorf("%s (replace %v): it was replaced", c.name, replace)
			}
		}
	}
	if _, err := os.Lstat(file + "s"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was made on the way to one that is not there: %v", err)
	}
}

// TestSocketIsMade: where nobody listens, in a folder that may not be there.
func TestSocketIsMade(t *testing.T) {
	ended, left := socketAt(t, unix.SOCK_STREAM)
	ended.Close()
	for _, path := range []string{left, filepath.Join(filepath.Dir(left), "new", "s")} {
		fd, err := (&daemonOptions{socket: path}).listen()
		if err != nil {
			t.Fatal(err)
		}
		if at := boundTo(fd); at != path || !listens(fd.Int()) {
			t.Errorf("it is at %s, and listens: %v; want %s", at, listens(fd.Int()), path)
		}
		fd.Close()
	}
}

// TestServiceNotThere: without being asked for a service, nobody is told at
// each start that there is none; all else about the service is told.
func TestServiceNotThere(t *testing.T) {
	_, dead := socketAt(t, unix.SOCK_STREAM)
	busy, full := socketAt(t, unix.SOCK_STREAM)
	fill(t, busy, full)
	for _, c := range []struct {
		name, path  string
		given, told bool
	}{
		{"nothing", dead + ".no", false, false},
		{"nothing where --socket says", dead + ".no", true, true},
		{"an ended service's socket", dead, false, false},
		{"an ended service's socket where --socket says", dead, true, true},
		{"a service that does not take us on", full, false, true},
	} {
		var told bytes.Buffer
		o := runOptions{engine: engineOptions{which: engineAuto, socket: c.path,
			given: func(string) bool { return c.given }}}
		chosen, err := o.chooseEngine(slog.New(slog.DiscardHandler), slog.New(&lineHandler{out: &told}))
		if err != nil {
			t.Fatal(err)
		}
		chosen.close()
		if chosen.remote || (told.Len() > 0) != c.told {
			t.Errorf("%s: the service is used: %v; said %q, want something: %v", c.name, chosen.remote, told.String(), c.told)
		}
	}
}

// TestOpenToAll: what somebody has put in the place of the socket is left alone.
func TestOpenToAll(t *testing.T) {
	dir := t.TempDir()
	file, link, path := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "s")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link} {
		if err := openToAll(path); err == nil || !strings.Contains(err.Error(), "something else") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", st.Mode(), err)
	}
	fd, err := makeSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if st, err := os.Lstat(path); err != nil || st.Mode() != os.ModeSocket|0o666 {
		t.Errorf("the socket's mode is %v, %v", st.Mode(), err)
	}
}
