//go:build linux

package dashboard_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/dashboard"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/registry"
)

type moving struct{ n atomic.Int64 }

func (m *moving) Progress() (sent, received int64) { n := m.n.Load(); return 3 * n, n }

// sample is a registry with an hour behind it, and a peer with an evil name.
func sample() *registry.Registry {
	now := time.Now().Add(-time.Hour)
	r := registry.New(registry.Config{Build: "v1.2.3", Now: func() time.Time { return now }, UserName: func(uint32) string { return "alice" }})
	curl := registry.Program{PID: 1234, UID: 1000, Exe: "/usr/bin/curl", Profile: "default"}
	nginx := registry.Program{PID: 77, UID: 33, Exe: "/usr/sbin/nginx", Profile: "web"}
	suites := []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	id := uint64(0)
	counter := &moving{}
	for step := range 360 {
		now = now.Add(10 * time.Second)
		counter.n.Add(int64(100000 + 50000*(step%40)))
		for i := range 2 + step%17 {
			id++
			version := uint16(tls.VersionTLS13)
			if i%4 == 3 {
				version = tls.VersionTLS12
			}
			e := r.Begin(registry.Connection{ID: id, Role: engine.Role(i % 2), Program: []registry.Program{curl, nginx}[i%2], Name: "www.example.com", Peer: netip.MustParseAddrPort("192.0.2.7:443")})
			e.Established(&engine.Facts{Version: version, CipherSuite: suites[i%3], ServerName: "www.example.com", PeerIdentity: "www.example.com", Resumed: i%3 == 0}, counter)
			if step < 355 || i > 2 {
				e.Ended(engine.End{Sent: 1000, Received: 5000})
			}
		}
		if step%30 == 0 {
			id++
			r.Begin(registry.Connection{ID: id, Program: curl, Name: "<img src=x onerror=alert(1)>"}).Failed(&engine.Error{Reason: engine.Untrusted,
				Sentence: `the certificate of "<b>bold</b>" was issued by somebody unknown`})
		}
		if step%100 == 0 {
			r.Refused(nginx, registry.Refusal{What: registry.ByPolicy, Sentence: "TLS_VERSION_MIN 1.1 is not allowed", Position: "/etc/ssa/policy.yaml:3:1"})
		}
		r.Tick()
	}
	r.Begin(registry.Connection{ID: 424242, Program: curl, Name: "<script>alert(1)</script>"}).Established(&engine.Facts{Version: tls.VersionTLS13, CipherSuite: suites[0]}, counter)
	r.SetCertificates([]registry.Certificate{
		{Identity: "www", Names: []string{"www.example.com", "example.com"}, NotAfter: now.Add(12 * 24 * time.Hour)},
		{Identity: "mail", Names: []string{"mail.example.com"}, NotAfter: now.Add(200 * 24 * time.Hour)},
		{Identity: "old", Names: []string{"old.example.com"}, NotAfter: now.Add(-time.Hour)}})
	return r
}

func serve(t *testing.T, r *registry.Registry) string {
	t.Helper()
	cfg := dashboard.Config{Secret: dashboard.NewSecret(), Status: func() ([]byte, error) { return r.Answer(registry.Viewer{All: true}, []byte(`{"series":true}`)) }}
	listener, err := dashboard.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := dashboard.NewServer(cfg)
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String() + "/" + cfg.Secret + "/"
}

// TestInBrowser: the page loads, shows what there is, and nothing it was told
// becomes code.
func TestInBrowser(t *testing.T) {
	b := startBrowser(t)
	url := serve(t, sample())
	b.open(url)
	b.await(`document.readyState === "complete" && [...document.querySelectorAll("#connections td")].some(c => c.textContent === "424242")`)
	for _, chart := range []string{"open", "bytes", "versions", "suites"} {
		b.await(`(document.querySelector("#chart-` + chart + ` polygon")?.getAttribute("points").split(" ").length ?? 0) >= 720`)
	}
	for _, want := range []string{"TLS 1.2", "TLS 1.3", "TLS_CHACHA20_POLY1305_SHA256", "v1.2.3", "www: in 1", "old: has expired", "mail.example.com",
		"/usr/bin/curl (alice)", "12 untrusted", "<b>bold</b>", "<script>alert(1)</script>"} {
		if text := b.eval("document.body.innerText"); !strings.Contains(text, want) {
			t.Errorf("the page does not show %q:\n%s", want, text)
		}
	}
	if n := b.eval(`document.querySelectorAll("img, b:not(.tile b), body script, iframe").length`); n != "0" {
		t.Errorf("%s elements came from what peers and programs said", n)
	}
	b.eval(`document.querySelector("button[data-series='1']").click()`)
	b.await(`document.querySelector("button[data-series='1']").getAttribute("aria-pressed") === "true" && document.querySelectorAll("#chart-versions polygon").length > 0`)
	b.eval(`document.querySelector("button[data-series='0']").click()`)
	for _, look := range []struct {
		name, scheme string
		width        int
	}{{"light", "light", 1280}, {"dark", "dark", 1280}, {"narrow", "light", 400}, {"narrow-dark", "dark", 400}} {
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": look.width, "height": 1000, "deviceScaleFactor": 1, "mobile": false}, nil)
		b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": look.scheme}}}, nil)
		b.await(`innerWidth === ` + map[int]string{1280: "1280", 400: "400"}[look.width] + ` && document.documentElement.scrollWidth <= innerWidth`)
		dark := b.eval(`getComputedStyle(document.body).backgroundColor`)
		if (dark == "rgb(16, 21, 28)") != (look.scheme == "dark") {
			t.Errorf("in %s mode the background is %s", look.scheme, dark)
		}
		b.screenshot(look.name)
	}
	if len(b.problems) > 0 {
		t.Errorf("the console has %v", b.problems)
	}
	if others := b.eval(`performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin) && !e.name.startsWith("data:")).length`); others != "0" {
		t.Errorf("%s things were loaded from elsewhere", others)
	}
}

// screenshot keeps what the page looks like, for who sets SSA_SCREENSHOTS to a
// folder.
func (b *browser) screenshot(name string) {
	dir := os.Getenv("SSA_SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot struct {
		Data string `json:"data"`
	}
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}

func TestRequests(t *testing.T) {
	h := dashboard.Handler(dashboard.Config{Secret: "secret", Status: func() ([]byte, error) { return nil, errors.New("no service is running") }})
	for _, tc := range []struct {
		method, host, path string
		want               int
	}{
		{"GET", "127.0.0.1:9206", "/secret/", 200},
		{"GET", "localhost:9206", "/secret/app.js", 200},
		{"HEAD", "[::1]:9206", "/secret/style.css", 200},
		{"GET", "127.0.0.1", "/secret/status.json", 502},
		{"GET", "evil.example:9206", "/secret/", 421},
		{"GET", "127.0.0.1.evil.example", "/secret/status.json", 421},
		{"GET", "127.0.0.1", "/", 404},
		{"GET", "127.0.0.1", "/secret", 404},
		{"GET", "127.0.0.1", "/wrong/", 404},
		{"GET", "127.0.0.1", "/secret/../secret/dashboard.go", 404},
		{"GET", "127.0.0.1", "/secret/assets/app.js", 404},
		{"POST", "127.0.0.1", "/secret/", 405},
	} {
		request := httptest.NewRequest(tc.method, "/", nil)
		request.Host, request.URL.Path = tc.host, tc.path
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, request)
		if answer.Code != tc.want || !strings.HasPrefix(answer.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") {
			t.Errorf("%s %s of %s: %d, want %d; %v", tc.method, tc.path, tc.host, answer.Code, tc.want, answer.Header())
		}
	}
	none := httptest.NewRecorder()
	request := httptest.NewRequest("GET", "//", nil)
	request.Host, request.URL.Path = "127.0.0.1", "//"
	dashboard.Handler(dashboard.Config{}).ServeHTTP(none, request)
	if none.Code != 404 {
		t.Errorf("without a secret: %d", none.Code)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", ":9206", "0.0.0.0:0", "192.0.2.1:9206", "[::]:0", "localhost:9206", "127.0.0.1"} {
		if l, err := dashboard.Listen(address); err == nil {
			l.Close()
			t.Errorf("%q was listened on", address)
		}
	}
}
