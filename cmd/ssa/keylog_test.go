package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestKeyLogToFIFO: what somebody has put in the place of the file does not
// keep the administrator waiting.
func TestKeyLogToFIFO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	o := keyLogOptions{to: name, duration: time.Minute}
	if err := o.run(io.Discard); err == nil ||
		!strings.Contains(err.Error(), "the file for the key log") {
		t.Errorf("a FIFO: %v", err)
	}
}
