package dashboard_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/dashboard"
)

// service is a service that counts how often it is asked.
type service struct {
	mu    sync.Mutex
	asked map[bool]int
	now   time.Time
	err   error
}

func (s *service) ask(series bool) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[series]++
	return []byte(`{"version":1}`), s.err
}

func (s *service) handler(port uint16) http.Handler {
	return dashboard.Handler(dashboard.Config{Ask: s.ask, Key: "KEY",
		Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port),
		Now:     func() time.Time { return s.now }})
}

func newService() *service {
	return &service{asked: map[bool]int{}, now: time.Unix(1e9, 0)}
}

func get(h http.Handler, method, host, target, authorization string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, target, nil)
	request.Host = host
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer
}

func TestRequests(t *testing.T) {
	s := newService()
	for _, tc := range []struct {
		port                 uint16
		method, host, target string
		key                  string
		want                 int
	}{
		{9206, "GET", "127.0.0.1:9206", "/", "", 200},
		{9206, "GET", "localhost:9206", "/app.js", "", 200},
		{9206, "GET", "LocalHost:9206", "/app.js", "", 200},
		{9206, "HEAD", "[::1]:9206", "/page.css", "", 200},
		{9206, "GET", "127.3.2.1:9206", "/icon.svg", "", 200},
		{80, "GET", "127.0.0.1", "/", "", 200},
		{80, "GET", "[::1]", "/", "", 200},
		{9206, "GET", "127.0.0.1:9206", "/status.json", "Bearer KEY", 200},
		{9206, "GET", "127.0.0.1:9206", "/status.json?series=1", "Bearer KEY", 200},
		{9206, "GET", "127.0.0.1:9206", "/status.json", "", 401},
		{9206, "GET", "127.0.0.1:9206", "/status.json", "Bearer KEYS", 401},
		{9206, "GET", "127.0.0.1:9206", "/status.json", "Bearer ", 401},
		{9206, "GET", "127.0.0.1:9206", "/status.json?key=KEY", "", 401},
		{9206, "GET", "127.0.0.1", "/", "", 421}, // not its port
		{9206, "GET", "127.0.0.1:9207", "/", "", 421},
		{9206, "GET", "evil.example:9206", "/", "", 421},
		{9206, "GET", "127.0.0.1.evil.example:9206", "/status.json", "Bearer KEY", 421},
		{9206, "GET", "localhost.evil.example:9206", "/", "", 421},
		{9206, "GET", "192.0.2.1:9206", "/", "", 421},
		{9206, "GET", "", "/", "", 421},
		{9206, "POST", "127.0.0.1:9206", "/", "", 405},
		{9206, "OPTIONS", "127.0.0.1:9206", "/status.json", "", 405},
		{9206, "PUT", "127.0.0.1:9206", "/status.json", "Bearer KEY", 405},
		{9206, "GET", "127.0.0.1:9206", "/index.html", "", 404},
		{9206, "GET", "127.0.0.1:9206", "/page/app.js", "", 404},
		{9206, "GET", "127.0.0.1:9206", "/%2e%2e/dashboard.go", "", 404},
	} {
		answer := get(s.handler(tc.port), tc.method, tc.host, tc.target, tc.key)
		if answer.Code != tc.want {
			t.Errorf("%s %s of %q: %d, want %d: %s", tc.method, tc.target, tc.host, answer.Code, tc.want,
				answer.Body)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY",
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"} {
			if got := answer.Header().Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s %s of %q has %s: %q", tc.method, tc.target, tc.host, name, got)
			}
		}
	}
}

// TestFiles: what the page names is there, as what it is.
func TestFiles(t *testing.T) {
	h := newService().handler(9206)
	for file, kind := range map[string]string{"/": "text/html", "/app.js": "text/javascript",
		"/chart.js": "text/javascript", "/charts.js": "text/javascript", "/parts.css": "text/css",
		"/icon.svg": "image/svg+xml"} {
		answer := get(h, "GET", "localhost:9206", file, "")
		if got := answer.Header().Get("Content-Type"); !strings.HasPrefix(got, kind) ||
			answer.Body.Len() == 0 {
			t.Errorf("%s is %s, %d bytes", file, got, answer.Body.Len())
		}
	}
}

func TestWithoutKey(t *testing.T) {
	h := dashboard.Handler(dashboard.Config{Ask: newService().ask,
		Address: netip.MustParseAddrPort("127.0.0.1:1")})
	for _, key := range []string{"", "Bearer ", "Bearer"} {
		if answer := get(h, "GET", "127.0.0.1:1", "/status.json", key); answer.Code != 401 {
			t.Errorf("a dashboard without a key answers %q with %d", key, answer.Code)
		}
	}
}

// TestAskedOnce: many pages ask as often as one, and what went wrong is told.
func TestAskedOnce(t *testing.T) {
	s := newService()
	h := s.handler(9206)
	look := func(target string) *httptest.ResponseRecorder {
		return get(h, "GET", "127.0.0.1:9206", target, "Bearer KEY")
	}
	for range 5 {
		look("/status.json")
	}
	look("/status.json?series=1")
	if s.asked[false] != 1 || s.asked[true] != 1 {
		t.Errorf("six looks at once ask the service %v times", s.asked)
	}
	s.now, s.err = s.now.Add(time.Second), errors.New(`no service is running at "/x"`)
	answer := look("/status.json")
	if s.asked[false] != 2 || answer.Code != 503 || answer.Body.String() != `{"problem":"no service is running at \"/x\""}` ||
		answer.Header().Get("Content-Type") != "application/json" {
		t.Errorf("asked %v times; without a service: %d %s", s.asked, answer.Code, answer.Body)
	}
	s.now, s.err = s.now.Add(-time.Hour), nil // a clock that was set
	if answer := look("/status.json"); answer.Code != 200 {
		t.Errorf("an hour before: %d %s", answer.Code, answer.Body)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", ":9206", "0.0.0.0:0", "192.0.2.1:9206", "[::]:0",
		"[::1%lo]:0", "[::ffff:192.0.2.1]:0", "localhost:9206", "127.0.0.1", "unix:/x"} {
		l, err := dashboard.Listen(address)
		if err == nil {
			l.Close()
			t.Errorf("%q was listened on", address)
		} else if !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestServe: it serves until its context ends.
func TestServe(t *testing.T) {
	l, err := dashboard.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		done <- dashboard.Serve(t.Context(), l,
			newService().handler(netip.MustParseAddrPort(l.Addr().String()).Port()))
	}()
	response, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("the page: %s", response.Status)
	}
	t.Cleanup(func() { // after the test's context has ended
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
