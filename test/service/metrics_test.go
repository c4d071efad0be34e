//go:build linux

package service

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// scrape reads the metrics of a Unix socket.
func scrape(t *testing.T, path string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string,
			string) (net.Conn, error) {
			return net.Dial("unix", path)
		}}}
	response, err := client.Get("http://localhost/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestMetricsAndAudit: a worker, which can open neither, has both.
func TestMetricsAndAudit(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Dir(w.policy)
	path, log := filepath.Join(dir, "m"), filepath.Join(dir, "audit.log")
	w.service(t, "--metrics", "unix:"+path, "--audit", log)
	l := w.network.Listen(t)
	p := w.python(t, nil, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
t = tls()
put(t, NAME, "b.example")
say(attempt(t.connect, ("127.0.0.1", int(args[0]))))
say("@done")
wait()
`, l.Port())
	l.Accept()
	l.AcceptFailing()
	p.Wait("done")
	page := scrape(t, path)
	for _, want := range []string{"ssa_handshakes_total{role=\"client\",profile=\"default\",version=\"TLS 1.3\"", `ssa_refusals_total{what="untrusted"} 1`,
		`reason="untrusted"} 1`, `ssa_connections_open{role="client",profile="default"} 1`, `ssa_certificate_expiry_timestamp_seconds{identity="www"}`} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics lack %s:\n%s", want, page)
		}
	}
	p.GoOn()
	p.Finish()
	awaitAudit(t, log, `"what":"untrusted"`)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "b.example") || strings.Contains(string(text), "a.example\"") {
		t.Errorf("the audit log is\n%s", text)
	}
}

// awaitAudit waits until an audit log has some words: it is written behind the
// connection's back.
func awaitAudit(t *testing.T, path, words string) {
	t.Helper()
	ssatest.Await(t, "the audit log has "+words, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(text), words)
	})
}

// TestLogAsJSON: what the service says of a connection has its TLS_ID.
func TestLogAsJSON(t *testing.T) {
	w := newWorld(t)
	s := w.service(t, "--log-format", "json", "-v")
	l := w.network.Listen(t)
	p := w.python(t, nil, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
say("@id", struct.unpack("=Q", s.getsockopt(205, ID, 8))[0])
wait()
`, l.Port())
	l.Accept()
	id := p.Wait("id")
	found := false
	for deadline := time.Now().Add(20 * time.Second); !found &&
		time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		found = toldOf(t, s.Said(), id)
	}
	if !found {
		t.Errorf("no line tells of connection %s:\n%s", id, s.Said())
	}
	p.GoOn()
	p.Finish()
}

// toldOf looks for the line about a connection in a log of JSON lines.
func toldOf(t *testing.T, log, id string) bool {
	t.Helper()
	for line := range strings.Lines(log) {
		var record struct {
			Message string `json:"msg"`
			ID      uint64 `json:"tls_id"`
			UID     *int   `json:"uid"`
			Program string `json:"program"`
			Peer    string `json:"peer"`
			TLS     struct {
				Version  string `json:"version"`
				Identity string `json:"peer_identity"`
			} `json:"tls"`
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("a line is no JSON: %s", line)
			continue
		}
		if record.Message == "connected" && strconv.FormatUint(record.ID, 10) == id &&
			record.UID != nil && *record.UID == os.Getuid() &&
			strings.Contains(record.Program, "python") && record.Peer != "" &&
			record.TLS.Version == "TLS 1.3" && record.TLS.Identity == "a.example" {
			return true
		}
	}
	return false
}

// TestAuditRotation: after SIGHUP lines go into the new file, and the next
// service serves metrics at the same places.
func TestAuditRotation(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Dir(w.policy)
	path, log := filepath.Join(dir, "m"), filepath.Join(dir, "audit.log")
	s := w.service(t, "--metrics", "unix:"+path, "--audit", log)
	l := w.network.Listen(t)
	refused := func() {
		t.Helper()
		p := w.python(t, nil, `
t = tls()
put(t, NAME, "b.example")
say(attempt(t.connect, ("127.0.0.1", int(args[0]))))
`, l.Port())
		l.AcceptFailing()
		wantTranscript(t, p, "EPROTO")
	}
	refused()
	awaitAudit(t, log, "untrusted")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	ssatest.Await(t, "there is an audit log", func() bool {
		_, err := os.Stat(log)
		return err == nil
	})
	refused()
	awaitAudit(t, log, "untrusted")
	w.service(t, "--replace", "--metrics", "unix:"+path, "--audit", log)
	ssatest.Await(t, "the metrics are those of the new service", func() bool {
		return strings.Contains(scrape(t, path), `ssa_refusals_total{what="untrusted"} 0`)
	})
}
