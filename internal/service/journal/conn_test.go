package journal

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// listen is the journal's side.
func listen(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	_ = os.Remove(path)
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// short is a folder whose name fits into sun_path.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssa-journal-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A journal that was started again gets the records from then on.
func TestStartedAgain(t *testing.T) {
	path := filepath.Join(short(t), "s")
	if _, err := Dial(path); err == nil {
		t.Fatal("there is no journal, and that is no error")
	}
	server := listen(t, path)
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server.Close()
	if err := c.send([]byte("lost")); err == nil {
		t.Error("nobody listens, and that is no error")
	}
	server = listen(t, path)
	for _, text := range []string{"a", "b"} {
		if err := c.send([]byte(text)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 10)
		if n, err := server.Read(buf); err != nil || string(buf[:n]) != text {
			t.Errorf("got %q, %v, want %q", buf[:n], err, text)
		}
	}
}

// A journal that does not read holds nobody up.
func TestBusy(t *testing.T) {
	path := filepath.Join(short(t), "s")
	listen(t, path)
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 1 << 20 {
		if err = c.send([]byte("x")); err != nil {
			break
		}
	}
	if !errors.Is(err, errBusy) {
		t.Fatalf("a journal that does not read: %v", err)
	}
	until := c.busy
	if err := c.send([]byte("x")); !errors.Is(err, errBusy) || c.busy != until {
		t.Errorf("it is tried again at once: %v", err)
	}
}
