package main

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestPaint: colour is for terminals, and for those who want it.
func TestPaint(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		ssatest.Missing(t, "no terminal: "+err.Error())
	}
	defer terminal.Close()
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if painter(new(bytes.Buffer)) || painter(file) || !painter(terminal) {
		t.Errorf("buffer %v, file %v, terminal %v; want the last alone", painter(new(bytes.Buffer)), painter(file), painter(terminal))
	}
	if got := painter(terminal).bad("no") + painter(file).bad("no"); got != "\x1b[31mno\x1b[0mno" {
		t.Errorf("got %q", got)
	}
	t.Setenv("TERM", "dumb")
	if painter(terminal) {
		t.Error("colour on a dumb terminal")
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	if painter(terminal) {
		t.Error("colour in spite of NO_COLOR")
	}
}

func TestOneLine(t *testing.T) {
	err := errors.Join(errors.New("dial a: refused"), errors.New("dial b: \x1brefused"))
	if got, want := oneLine(err), "dial a: refused; dial b: ?refused"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain text": "plain text", "\x1b[2J\r\n": "?[2J??", "a\u202eb\u200bc": "a?b?c", "é漢": "é漢",
		"\xff": "?",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
