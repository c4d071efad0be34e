package metrics_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/metrics"
)

// TestListenReplaces: where a service follows another, readers find a socket at
// any moment, and with the right mode.
func TestListenReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	listen := func() *os.File {
		f, err := metrics.Listen("unix:" + path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := listen()
	defer first.Close()
	over, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-over:
				done <- nil
				return
			default:
			}
			info, err := os.Stat(path)
			if err == nil && info.Mode().Perm() != 0o660 {
				err = errors.New("its mode is " + info.Mode().String())
			}
			var c net.Conn
			if err == nil {
				c, err = net.Dial("unix", path)
			}
			// the queue, or one that has just ended
			if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ECONNREFUSED) {
				done <- err
				return
			}
			if c != nil {
				c.Close()
			}
		}
	}()
	for range 200 {
		listen().Close()
	}
	close(over)
	if err := <-done; err != nil {
		t.Errorf("a reader: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

// TestListenSparesFiles: what is no socket is nobody's to remove.
func TestListenSparesFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := metrics.Listen("unix:" + path); !errors.Is(err, unix.EADDRINUSE) {
		f.Close()
		t.Errorf("listening where a file is: %v, want EADDRINUSE", err)
	}
	if text, err := os.ReadFile(path); string(text) != "mine" {
		t.Errorf("the file has %q, %v", text, err)
	}
}
