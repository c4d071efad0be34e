package keylog_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/keylog"
)

func open(t *testing.T, name string, mode os.FileMode) *os.File {
	t.Helper()
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, mode)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// me is the user of the test, whose files are.
func me() uint32 { return uint32(os.Getuid()) }

func content(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n") // without the heading
	return rest
}

func TestTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	synctest.Test(t, func(t *testing.T) {
		var told []string
		s := keylog.New(keylog.Config{Audit: func(event, sentence string) { told = append(told, event) }})
		if w := s.Writer("web"); w != nil {
			t.Fatal("a log is on that nobody switched on")
		}
		if err := s.On("web", 10*time.Minute, open(t, name, 0o600), me()); err != nil {
			t.Fatal(err)
		}
		w := s.Writer("web")
		if w == nil || s.Writer("default") != nil {
			t.Fatalf("the log of web is %v, of default %v", w, s.Writer("default"))
		}
		fmt.Fprintln(w, "one")
		if list := s.List(); len(list) != 1 || list[0].Profile != "web" || list[0].Written != 1 ||
			!list[0].Until.Equal(time.Now().Add(10*time.Minute)) {
			t.Errorf("listed as %+v", list)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		// The connection lives on, its secrets are not written any more.
		if n, err := fmt.Fprintln(w, "two"); n != 4 || err != nil {
			t.Errorf("a late write: %d, %v", n, err)
		}
		if s.Writer("web") != nil || len(s.List()) != 0 {
			t.Error("it is on after its time")
		}
		if got := strings.Join(told, " "); got != "key-log-on key-log-off" {
			t.Errorf("told %s", got)
		}
		s.Close()
	})
	if got := content(t, name); got != "one\n" {
		t.Errorf("written: %q", got)
	}
}

func TestReplacedAndClosed(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	var told []string
	s := keylog.New(keylog.Config{Audit: func(event, _ string) { told = append(told, event) }})
	for _, name := range []string{a, b} {
		if err := s.On("web", time.Hour, open(t, name, 0o600), me()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { fmt.Fprintln(s.Writer("web"), filepath.Base(name)) })
		}
		wg.Wait()
	}
	w := s.Writer("web")
	s.Close()
	if s.Off("web") {
		t.Error("it was on after Close")
	}
	if want := "key-log-on key-log-off key-log-on key-log-off"; strings.Join(told, " ") != want {
		t.Errorf("told %v, want %s", told, want)
	}
	fmt.Fprintln(w, "late")
	if gotA, gotB := content(t, a), content(t, b); gotA != "a\na\na\na\n" || gotB != "b\nb\nb\nb\n" {
		t.Errorf("written: %q and %q", gotA, gotB)
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	linked := filepath.Join(dir, "linked")
	open(t, linked, 0o600).Close()
	if err := os.Link(linked, filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	readOnly := filepath.Join(dir, "read-only")
	open(t, readOnly, 0o600).Close()
	reader, err := os.Open(readOnly)
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := keylog.New(keylog.Config{})
	defer s.Close()
	for _, tc := range []struct {
		name string
		file *os.File
		time time.Duration
		by   uint32
		want string
	}{
		{"readable by all", open(t, filepath.Join(dir, "open"), 0o644), time.Hour, me(), "mode 0644"},
		{"a device", null, time.Hour, me(), "regular file"},
		{"two names", open(t, linked, 0o600), time.Hour, me(), "second name"},
		{"cannot be written", reader, time.Hour, me(), "bad file descriptor"},
		{"somebody else's", open(t, filepath.Join(dir, "theirs"), 0o600), time.Hour, me() + 1, "asks: it must be new"},
		{"for too long", open(t, filepath.Join(dir, "long"), 0o600), 25 * time.Hour, me(), "at most 24h"},
		{"for no time", open(t, filepath.Join(dir, "none"), 0o600), 0, me(), "at most 24h"},
	} {
		err := s.On("web", tc.time, tc.file, tc.by)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		if _, err := tc.file.Stat(); err == nil {
			t.Errorf("%s: the file was left open", tc.name)
		}
	}
	if s.Writer("web") != nil {
		t.Error("a refused log is on")
	}
	for i := range 20 {
		err := s.On(fmt.Sprint("p", i), time.Hour, open(t, filepath.Join(dir, fmt.Sprint(i)),
			0o600), me())
		if (err == nil) != (i < 16) {
			t.Errorf("log %d: %v", i, err)
		}
	}
}

// TestSleep: while the machine slept, the time of a key log has passed.
func TestSleep(t *testing.T) {
	now := time.Now()
	var told []string
	s := keylog.New(keylog.Config{Now: func() time.Time { return now },
		Audit: func(event, _ string) { told = append(told, event) }})
	defer s.Close()
	if err := s.On("web", time.Hour, open(t, filepath.Join(t.TempDir(), "keys"), 0o600),
		me()); err != nil {
		t.Fatal(err)
	}
	if err := s.On("other", time.Hour, open(t, filepath.Join(t.TempDir(), "keys"), 0o600),
		me()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if list := s.List(); len(list) != 0 {
		t.Errorf("shown is %+v", list)
	}
	if s.Writer("web") != nil || strings.Join(told, " ") != "key-log-on key-log-on key-log-off" {
		t.Errorf("it is on after its time; told %v", told)
	}
}

// TestFull: a file that takes no more ends the log, once, and no connection.
func TestFull(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	var log bytes.Buffer
	s := keylog.New(keylog.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	file := open(t, name, 0o600)
	if err := s.On("web", time.Hour, file, me()); err != nil {
		t.Fatal(err)
	}
	w := s.Writer("web")
	fmt.Fprintln(w, "one")
	for range 3 {
		line := make([]byte, 65<<20)
		if n, err := w.Write(line); n != len(line) || err != nil {
			t.Errorf("a write ends with %d, %v", n, err)
		}
	}
	fmt.Fprintln(w, "late")
	if n := strings.Count(log.String(), "ended early"); n != 1 ||
		!strings.Contains(log.String(), "64 MiB") {
		t.Errorf("told %d times:\n%s", n, &log)
	}
	if s.Writer("web") != nil || len(s.List()) != 0 {
		t.Error("it is on, and writes nothing")
	}
	if text := content(t, name); strings.Contains(text, "late") {
		t.Error("something is written after the end")
	}
}

// TestUnwritable: the same of a disk that is full.
func TestUnwritable(t *testing.T) {
	var log bytes.Buffer
	s := keylog.New(keylog.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer s.Close()
	file := open(t, filepath.Join(t.TempDir(), "keys"), 0o600)
	if err := s.On("web", time.Hour, file, me()); err != nil {
		t.Fatal(err)
	}
	w := s.Writer("web")
	file.Close() // every write fails from now on
	for range 3 {
		fmt.Fprintln(w, "lost")
	}
	if n := strings.Count(log.String(), "ended early"); n != 1 || len(s.List()) != 0 {
		t.Errorf("told %d times, listed %v:\n%s", n, s.List(), &log)
	}
}

func BenchmarkOff(b *testing.B) {
	s := keylog.New(keylog.Config{})
	var w io.Writer
	for b.Loop() {
		w = s.Writer("web")
	}
	if w != nil {
		b.Fatal("on")
	}
}
