package dashboard

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// headers go with every answer. Trusted types make the browser refuse to take
// any text as markup, should a script ever try.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
	"X-Frame-Options":              "DENY",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-store",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
}

// guard lets through who only looks, by an address of loopback. A page of
// elsewhere that has its own name point to loopback sends that name.
func guard(port uint16, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		switch {
		case !isLoopback(r.Host, port):
			http.Error(w, "wrong host name: the dashboard is at 127.0.0.1 or localhost, with its port", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the dashboard is read-only", http.StatusMethodNotAllowed)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isLoopback reports whether a Host is loopback with a port.
func isLoopback(host string, port uint16) bool {
	name, number, err := net.SplitHostPort(host)
	if err != nil { // there is no port in it: then it is that of HTTP
		name, number = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), "80"
	}
	if number != strconv.Itoa(int(port)) {
		return false
	}
	ip, err := netip.ParseAddr(name)
	return strings.EqualFold(name, "localhost") || err == nil && ip.IsLoopback() && ip.Zone() == ""
}
