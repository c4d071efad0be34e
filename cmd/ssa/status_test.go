package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

func sampleStatus() *registry.Status {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	curl := registry.ProgramInfo{PID: 1234, UID: 1000, User: "alice", Exe: "/usr/bin/curl",
		Profile: "default"}
	return &registry.Status{
		Version: 1, Time: now, AllUsers: true,
		Service: registry.Service{Build: "v1.0", Started: now.Add(-26 * time.Hour)},
		Totals: registry.Totals{Open: 2, Connecting: 1, Handshakes: 200, Resumed: 150,
			Failed: map[string]uint64{"network": 2}, Refused: map[string]uint64{"policy": 1},
			Sent: 999500, Received: 12},
		Programs: []registry.ProgramTotals{{Program: curl, Open: 2, Handshakes: 200, Resumed: 150,
			Failed: map[string]uint64{"network": 2}, Sent: 999500}},
		Connections: []registry.ConnectionInfo{
			{ID: 7, State: "connected", Role: "client", Program: curl, Name: "a.example",
				Peer: "192.0.2.1:443", Began: now.Add(-90 * time.Second),
				Version: "TLS 1.3", Suite: "TLS_AES_128_GCM_SHA256", Resumed: true, Sent: 1234567, Active: now},
			{ID: 8, State: "handshake", Role: "client", Program: curl, Name: "evil\x1b[2Jexample\nx", Began: now},
		},
		Refusals: []registry.Refusal{{Time: now, ID: 5, Program: curl, What: "policy",
			Sentence: "TLS_VERSION_MIN \x07 is not allowed"}},
		Certificates: []registry.Certificate{{Identity: "www", Names: []string{"a.example"},
			NotAfter: now.Add(3 * 24 * time.Hour), Soon: true}, {Identity: "old", NotAfter: now}},
	}
}

func TestStatusPage(t *testing.T) {
	for _, width := range []int{0, 200, 120, 80, 40} {
		var out bytes.Buffer
		v := statusPrinter{out: &out, width: width}
		v.all(sampleStatus())
		page := out.String()
		for _, want := range []string{"ssa v1.0", "up 1d 2h", "2 connections open (1 in their handshake)", "200 handshakes, 75% resumed",
			"sent 1.00 MB", "2 failed (2 network)",
			"1 refused", "/usr/bin/curl", "TLS_VERSION_MIN ? is not allowed", "! 3d 0h", "EXPIRED", "ID"} {
			if !strings.Contains(page, want) {
				t.Errorf("at width %d there is no %q:\n%s", width, want, page)
			}
		}
		if strings.ContainsAny(page, "\x1b\a") || strings.Contains(page, "\nx") {
			t.Errorf("at width %d a peer writes to the terminal: %q", width, page)
		}
		inTable := false
		for line := range strings.Lines(page) {
			line = strings.TrimSuffix(line, "\n")
			inTable = line != "" && (inTable || strings.HasPrefix(strings.TrimSpace(line), "ID ") ||
				strings.HasPrefix(line, "PROGRAM"))
			if inTable && width > 0 && utf8.RuneCountInString(line) > width {
				t.Errorf("at width %d a line has %d: %s", width, utf8.RuneCountInString(line), line)
			}
		}
		if all := strings.Contains(page, "TLS_AES_128_GCM_SHA256"); all != (width == 0 || width == 200) {
			t.Errorf("at width %d suites are shown: %v\n%s", width, all, page)
		}
	}
}

// TestMoments: what was on another day is not taken for today's.
func TestMoments(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.Local)
	for at, want := range map[time.Time]string{now.Add(-time.Hour): "02:04:05",
		now.AddDate(0, 0, -1): "2030-01-01 03:04:05", now.AddDate(0, 0, 1): "2030-01-03 03:04:05"} {
		if got := momentText(at, now); got != want {
			t.Errorf("%v is %q, want %q", at, got, want)
		}
	}
	s := sampleStatus()
	s.Refusals[0].Time = s.Time.AddDate(0, 0, -3)
	s.KeyLogs = []registry.KeyLog{{Profile: "web", Until: s.Time.AddDate(0, 0, 1)}}
	var out bytes.Buffer
	(&statusPrinter{out: &out}).all(s)
	for _, at := range []time.Time{s.Refusals[0].Time, s.KeyLogs[0].Until} {
		if want := at.Local().Format("2006-01-02 15:04:05"); !strings.Contains(out.String(), want) {
			t.Errorf("there is no %s:\n%s", want, &out)
		}
	}
}

// TestLook: a program does not look like a certificate that has expired.
func TestLook(t *testing.T) {
	s := sampleStatus()
	s.Programs[0].Program.Exe = "/tmp/EXPIRED  ! 3d"
	var out bytes.Buffer
	(&statusPrinter{out: &out, paint: true}).all(s)
	for line := range strings.Lines(out.String()) {
		red := strings.HasPrefix(line, "\x1b[31m")
		if strings.HasPrefix(line, "\x1b[33m/tmp") || red != strings.Contains(line, "old ") {
			t.Errorf("painted is %q", line)
		}
	}
	if !strings.Contains(out.String(), "\x1b[33mwww") {
		t.Errorf("what expires soon is not painted: %q", out.String())
	}
}

func TestStatusOfOne(t *testing.T) {
	s := sampleStatus()
	var out bytes.Buffer
	v := statusPrinter{out: &out}
	v.connection(&s.Connections[0], s.Time)
	for _, want := range []string{"7, client, connected", "/usr/bin/curl, process 1234 of alice",
		"a.example", "192.0.2.1:443", "TLS 1.3", "resumed  yes", "1m 30s ago",
		"1.23 MB (1234567 bytes)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q:\n%s", want, out.String())
		}
	}
}

func TestAmounts(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.00 kB", 9995: "10.0 kB",
		99949: "99.9 kB", 99950: "100 kB", 999499: "999 kB", 999500: "1.00 MB", 1 << 62: "4.61 EB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-1: "0s", 59 * time.Second: "59s",
		61 * time.Second: "1m 1s", 25 * time.Hour: "1d 1h", 3 * time.Hour: "3h 0m"} {
		if got := shortTime(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
