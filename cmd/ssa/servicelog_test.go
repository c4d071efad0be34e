package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/journal"
)

// logAll logs what has everything in it, and a name that a peer could choose to
// forge records or to speak to a terminal.
func logAll(log *slog.Logger) {
	log.Info("connected", "id", uint64(17), "program", "/usr/bin/curl", "uid", uint32(1000), "name",
		"a\nssa: [1] b\x1b[1m\u202e\u009b",
		"facts", &engine.Facts{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256,
			PeerIdentity: "a\nssa: b", PeerChain: [][]byte{[]byte("a certificate")}})
	log.Error("two\nssa: lines")
}

func TestLogAsText(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "1:2") // not standard error
	for _, format := range []string{logText, logAuto} {
		var out bytes.Buffer
		alarms, err := (&daemonOptions{logFormat: format}).alarms(&out)
		if err != nil {
			t.Fatal(err)
		}
		logAll(alarms)
		want := "ssa: [17] connected (program /usr/bin/curl, uid 1000, name a?ssa: [1] b?[1m??): TLS 1.3, TLS_AES_128_GCM_SHA256, peer a?ssa: b\n" +
			"ssa: error: two\n     ssa: lines\n"
		if got := out.String(); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", format, got, want)
		}
	}
}

// TestLogOfForger: a program's path does not look like what is known of it.
func TestLogOfForger(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(&lineHandler{out: &out})
	log.Info("connected", "id", uint64(1), "program", "/tmp/a, uid 0", "uid", 1000)
	log.Info("connected", "id", uint64(2), "program", "/tmp/a): TLS 1.3", "uid", 1000)
	log.Info("connected", "id", uint64(3), "program", "/usr/bin/a (deleted)", "uid", 1000)
	want := "ssa: [1] connected (program \"/tmp/a, uid 0\", uid 1000)\nssa: [2] connected (program \"/tmp/a): TLS 1.3\", uid 1000)\n" +
		"ssa: [3] connected (program /usr/bin/a (deleted), uid 1000)\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLogAsJSON(t *testing.T) {
	var out bytes.Buffer
	alarms, err := (&daemonOptions{logFormat: logJSON}).alarms(&out)
	if err != nil {
		t.Fatal(err)
	}
	logAll(alarms)
	var record struct {
		Time                      time.Time
		Level, Msg, Program, Name string
		ID                        uint64 `json:"tls_id"`
		UID                       uint32
		TLS                       map[string]any
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e\u009b") {
		t.Errorf("a terminal obeys %q", out.String())
	}
	line, _, _ := strings.Cut(out.String(), "\n")
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"version": "TLS 1.3", "suite": "TLS_AES_128_GCM_SHA256", "resumed": false,
		"peer_identity": "a\nssa: b"}
	if fmt.Sprint(record.TLS) != fmt.Sprint(want) || record.ID != 17 || record.UID != 1000 ||
		record.Msg != "connected" || record.Time.IsZero() ||
		record.Level != "INFO" || record.Program != "/usr/bin/curl" ||
		strings.Contains(line, "YSBjZXJ0aWZpY2F0ZQ") {
		t.Errorf("the record is %s", line)
	}
}

// The journal gets what is known of a connection as fields.
func TestLogFields(t *testing.T) {
	dir, err := os.MkdirTemp("", "ssa-journal-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	server, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := journal.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	logAll(slog.New(journal.New(journal.Config{Conn: conn, Text: lineText, Expand: expandFacts})))
	buf := make([]byte, 1<<16)
	n, err := server.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nTLS_ID\n\x02\x00\x00\x00\x00\x00\x00\x0017\n", "\nTLS_VERSION\n\x07\x00\x00\x00\x00\x00\x00\x00TLS 1.3\n",
		"\nTLS_PEER_IDENTITY\n\x08\x00\x00\x00\x00\x00\x00\x00a\nssa: b\n"} {
		if !strings.Contains(string(buf[:n]), want) {
			t.Errorf("there is no %q in %q", want, buf[:n])
		}
	}
}

func TestWrongLogFormats(t *testing.T) {
	for _, format := range []string{"", "xml"} {
		if _, err := (&daemonOptions{logFormat: format}).alarms(os.Stderr); err == nil {
			t.Errorf("%q is a format", format)
		}
	}
}
