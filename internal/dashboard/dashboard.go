// Package dashboard is a web page that shows what the service does, to who has
// its address. It reads and never changes anything, asks nobody but the
// service, and only answers on loopback, to browsers that came by an address
// with the secret in it: other users of the machine can connect, too.
package dashboard

import (
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// Config is what a page needs.
type Config struct {
	// Status asks the service for its status with the time series, as JSON.
	Status func() ([]byte, error)
	// Secret is the first part of the path; NewSecret makes one.
	Secret string
}

// NewSecret makes a secret that nobody guesses.
func NewSecret() string { return rand.Text() }

// Listen listens at an address of loopback.
func Listen(address string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() || at.Addr().Zone() != "" {
		return nil, fmt.Errorf("the page is shown at an address of loopback alone, such as 127.0.0.1:9206, not at %q", address)
	}
	return net.Listen("tcp", at.String())
}

// NewServer makes a server of the page.
func NewServer(cfg Config) *http.Server {
	return &http.Server{Handler: Handler(cfg), ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
}

// policy of what the page may load and do: itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// files are those of the page, by name, with their types.
var files = map[string]string{
	"index.html": "text/html; charset=utf-8", "style.css": "text/css; charset=utf-8",
	"app.js": "text/javascript; charset=utf-8", "charts.js": "text/javascript; charset=utf-8",
}

// Handler answers requests for the page.
func Handler(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			w.Header().Set(name, value)
		}
		name, status := cfg.resource(r)
		switch {
		case status != http.StatusOK:
			http.Error(w, http.StatusText(status), status)
		case name == "status.json":
			cfg.status(w)
		default:
			file(w, name)
		}
	})
}

// resource finds out what a request may have.
func (cfg Config) resource(r *http.Request) (name string, status int) {
	secret, name, inside := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case !isLocal(r.Host): // a name of somebody else's that leads here
		return "", http.StatusMisdirectedRequest
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return "", http.StatusMethodNotAllowed
	case !inside || cfg.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(cfg.Secret)) != 1:
		return "", http.StatusNotFound
	case name == "":
		return "index.html", http.StatusOK
	case name != "status.json" && files[name] == "":
		return "", http.StatusNotFound
	}
	return name, http.StatusOK
}

func (cfg Config) status(w http.ResponseWriter) {
	text, err := cfg.Status()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the browser has gone
}

func file(w http.ResponseWriter, name string) {
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.Error(w, "this is a bug in ssa: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", files[name])
	_, _ = w.Write(text) // the browser has gone
}

func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
