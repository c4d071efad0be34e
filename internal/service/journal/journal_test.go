package journal_test

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/journal"
)

// parse reads a record as the journal does.
func parse(data string) (map[string]string, error) {
	fields := map[string]string{}
	for data != "" {
		name, rest, ok := strings.Cut(data, "\n")
		if !ok || len(rest) < 8 {
			return nil, errors.New("a field is cut short")
		}
		n := binary.LittleEndian.Uint64([]byte(rest[:8]))
		if rest = rest[8:]; uint64(len(rest)) < n+1 || rest[n] != '\n' {
			return nil, errors.New("a value is cut short")
		}
		if _, twice := fields[name]; twice {
			return nil, errors.New(name + " comes twice")
		}
		fields[name], data = rest[:n], rest[n+1:]
	}
	return fields, nil
}

func TestRecords(t *testing.T) {
	dir, err := os.MkdirTemp("", "ssa-journal-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	journald, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := journal.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var fallback strings.Builder
	log := slog.New(journal.New(journal.Config{Conn: conn,
		Text:     func(r slog.Record) string { return "[x] " + r.Message },
		Fallback: slog.NewTextHandler(&fallback, nil),
		Expand: func(a slog.Attr) []slog.Attr {
			if a.Key == "two" {
				return []slog.Attr{slog.Int("one", 1), slog.Bool("more", true)}
			}
			return []slog.Attr{a}
		}}))
	log.With("id", uint64(7)).Warn("refused", "two", 2, "peer", "192.0.2.1:443", "program",
		"/tmp/a\nPRIORITY=0", "odd-Key.x", 3, "", "none")
	buffer := make([]byte, 1<<16)
	n, err := journald.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parse(string(buffer[:n]))
	want := map[string]string{"MESSAGE": "[x] refused", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "ssa",
		"TLS_ID": "7", "TLS_PEER": "192.0.2.1:443",
		"TLS_PROGRAM": "/tmp/a\nPRIORITY=0", "TLS_ODD_KEY_X": "3", "TLS_ONE": "1", "TLS_MORE": "true"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the journal got %v (%v), want %v", got, err, want)
	}
	journald.Close()
	log.Error("alone")
	if !strings.Contains(fallback.String(), "alone") {
		t.Errorf("without a journal the record went to %q", fallback.String())
	}
}

func TestConnected(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	here := slog.Uint64Value(uint64(st.Dev)).String() + ":" + slog.Uint64Value(st.Ino).String()
	for stream, want := range map[string]bool{here: true, here + "1": false, "": false, "x": false,
		"1:2": false} {
		if got := journal.Connected(file, stream); got != want {
			t.Errorf("%q: %v, want %v", stream, got, want)
		}
	}
}
