package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestKeyLogEndsWithTakeover: what is on is what the service that answers tells.
func TestKeyLogEndsWithTakeover(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	w := (&daemonOptions{}).newWatching(quiet, quiet)
	defer w.close()
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "keys"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.keyLogs.On("web", time.Hour, file, uint32(os.Getuid())); err != nil {
		t.Fatal(err)
	}
	w.leave()
	if w.keyLogs.Writer("web") != nil || len(w.keyLogs.List()) != 0 {
		t.Error("the key log goes on, and nobody sees it")
	}
}
