package metrics_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/metrics"
	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

type still struct{}

func (still) Progress() (sent, received int64) { return 3, 4 }

func sample() *registry.Registry {
	r := registry.New(registry.Config{Build: "v1", Now: func() time.Time { return time.Unix(1e9, 0) }})
	facts := &engine.Facts{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256,
		Resumed: true}
	odd := registry.ProgramInfo{Exe: "/tmp/a\"b\\c\nd\xff", Profile: "default"}
	r.Begin(registry.Connection{ID: 1, Program: odd}).Established(facts, still{})
	r.Begin(registry.Connection{ID: 2, Program: odd}).Failed(&engine.Error{Reason: engine.Refused,
		Sentence: "no"})
	r.SetCertificates([]registry.Certificate{{Identity: "www", NotAfter: time.Unix(2e9, 0)}})
	r.WatchQueue("handshakes", func() int { return 5 })
	r.WatchQueue("odd\n\xff", func() int { return 6 })
	return r
}

func text(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := metrics.Write(&out, sample().Counters()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestText(t *testing.T) {
	page := text(t)
	for _, want := range []string{
		"ssa_handshakes_total{role=\"client\",profile=\"default\",version=\"TLS 1.3\",suite=\"TLS_AES_128_GCM_SHA256\",resumed=\"true\"} 1\n",
		"ssa_handshake_failures_total{role=\"client\",profile=\"default\",reason=\"refused\"} 1\n",
		"ssa_handshake_duration_seconds_bucket{role=\"client\",le=\"0.001\"} 1\n", "ssa_handshake_duration_seconds_bucket{role=\"client\",le=\"+Inf\"} 1\n",
		"ssa_handshake_duration_seconds_count{role=\"client\"} 1\n",
		"ssa_program_bytes_total{program=\"a\\\"b\\\\c?d?\",direction=\"sent\"} 3\n", "ssa_queue_length{queue=\"odd\\n\uFFFD\"} 6\n",
		"ssa_certificate_expiry_timestamp_seconds{identity=\"www\"} 2e+09\n", "ssa_queue_length{queue=\"handshakes\"} 5\n",
		"ssa_refusals_total{what=\"policy\"} 1\n", "ssa_connections_open{role=\"client\",profile=\"default\"} 1\n", "ssa_bytes_total{direction=\"received\"} 4\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("there is no %q in\n%s", want, page)
		}
	}
}

// What Prometheus itself has against it.
func TestPromtool(t *testing.T) {
	ssatest.Need(t, "promtool")
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text(t))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", ":9205", "0.0.0.0:0", "[::]:0", "192.0.2.1:1", "localhost:1",
		"127.0.0.1", "unix:", "unix:relative", "[::1%lo]:1"} {
		if f, err := metrics.Listen(address); err == nil {
			f.Close()
			t.Errorf("%q was listened on", address)
		}
	}
}

func TestServe(t *testing.T) {
	dir, err := os.MkdirTemp("", "ssa-metrics-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "m")
	for _, address := range []string{"unix:" + path, "unix:" + path, "127.0.0.1:0"} {
		file, err := metrics.Listen(address)
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		network, at := "tcp", listener.Addr().String()
		if l, ok := listener.(*net.UnixListener); ok {
			network, at = "unix", path
			l.SetUnlinkOnClose(false)
			if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o660 {
				t.Errorf("the socket is %v, %v", st, err)
			}
		}
		listener.Close()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- metrics.Serve(ctx, file, sample()) }()
		client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string,
			string) (net.Conn, error) {
			return net.Dial(network, at)
		}}}
		response, err := client.Get("http://localhost/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 200 ||
			!strings.Contains(string(body), "ssa_build_info{version=\"v1\"") {
			t.Errorf("%s: %v, %d, %s", address, err, response.StatusCode, body)
		}
		client.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestRebinding(t *testing.T) {
	for host, want := range map[string]int{"evil.example": 421, "evil.example:9205": 421,
		"127.0.0.1:9205": 200, "[::1]:9205": 200, "localhost": 200, "": 421} {
		request := httptest.NewRequest("GET", "/metrics", nil)
		request.Host = host
		answer := httptest.NewRecorder()
		metrics.Handler(sample()).ServeHTTP(answer, request)
		if answer.Code != want {
			t.Errorf("asked as %q: %d, want %d", host, answer.Code, want)
		}
	}
}
