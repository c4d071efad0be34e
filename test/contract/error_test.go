//go:build linux

package contract

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// failures makes calls fail, one after the other on one socket, and says after
// each what TLS_ERROR has: it is always of the call before.
const failures = `
def last(what, got, s):
    say(f"{what}: {got}: {text(s, ERROR)}")


port = int(args[0])
s = tls()
last("fresh", 0, s)
last("unknown option", put(s, 999, "x"), s)
last("too early", number(s, VERSION), s)
last("bad name", put(s, NAME, "no name"), s)
last("good name", put(s, NAME, "wrong.example"), s)
last("bad address", attempt(s.getpeername), s)
last("no certificate", attempt(s.listen, 5), s)
size = ctypes.c_uint32(1)
put(s, ALPN, "h2,http/1.1")
got = libc.getsockopt(s.fileno(), 205, ALPN, ctypes.create_string_buffer(1), ctypes.byref(size))
last("small buffer", errno.errorcode[ctypes.get_errno()] if got else 0, s)
last("room enough", text(s, ALPN), s)
got = libc.setsockopt(s.fileno(), 205, ALPN, ctypes.c_void_p(8), 4)
last("bad pointer", errno.errorcode[ctypes.get_errno()] if got else 0, s)
got = attempt(s.connect, ("127.0.0.1", port))
last("wrong certificate", got, s)
last("SO_TYPE", attempt(s.getsockopt, 1, 3), s)
last("peer of a failed connect", attempt(s.getpeername), s)
last("unknown after a failed connect", put(s, 999, "x"), s)
size = ctypes.c_uint32(1)
got = libc.getsockopt(s.fileno(), 205, ERROR, ctypes.create_string_buffer(1), ctypes.byref(size))
last("TLS_ERROR in a small buffer", errno.errorcode[ctypes.get_errno()] if got else 0, s)
put(s, NAME, "a.example")
last("success", attempt(s.connect, ("127.0.0.1", port)), s)
last("connected", attempt(s.connect, ("127.0.0.1", port)), s)
last("too late", put(s, NAME, "b.example"), s)
last("asking", attempt(s.getpeername)[0], s)
`

// TestLastError: TLS_ERROR is of the operation before, and there in time, for
// all that can fail.
func TestLastError(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	l := (&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}).Listen(t)
	p := python(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), failures, l.Port())
	_ = l.AcceptFailing() // only that it failed matters here
	c := l.Accept()
	c.ExpectEnd()
	c.Close()
	got := p.Finish()
	for _, want := range []struct{ what, errno, words string }{
		{"fresh", "0", ""},
		{"unknown option", "ENOPROTOOPT", "999"},
		{"too early", "ENOTCONN", "TLS_VERSION_CONN"},
		{"bad name", "EINVAL", "no name"},
		{"good name", "0", ""},
		{"bad address", "ENOTCONN", "getpeername"},
		{"no certificate", "EINVAL", "TLS_CERTIFICATE_CHAIN"},
		{"small buffer", "ERANGE", "TLS_ALPN"},
		{"room enough", "h2,http/1.1", ""},
		{"bad pointer", "EFAULT", "TLS_ALPN"},
		{"wrong certificate", "EPROTO", "wrong.example"},
		{"SO_TYPE", "1", "wrong.example"},
		{"peer of a failed connect", "ENOTCONN", "wrong.example"},
		{"unknown after a failed connect", "ENOPROTOOPT", "999"},
		{"TLS_ERROR in a small buffer", "ERANGE", "999"},
		{"success", "0", ""},
		{"connected", "EISCONN", "connect"},
		{"too late", "EISCONN", "TLS_REMOTE_HOSTNAME"},
		{"asking", "127.0.0.1", "TLS_REMOTE_HOSTNAME"},
	} {
		line := lineWith(t, got, want.what+": ")
		rest, ok := strings.CutPrefix(line, fmt.Sprintf("%s: %s: ", want.what, want.errno))
		if !ok || want.words == "" && rest != "" || !strings.Contains(rest, want.words) {
			t.Errorf("%s\nwant %s and a sentence with %q", line, want.errno, want.words)
		}
	}
	for _, words := range []string{"999", "no name", "TLS_CERTIFICATE_CHAIN", "setsockopt TLS_ALPN"} {
		if !strings.Contains(p.Stderr(), words) {
			t.Errorf("ssa run -v says nothing of %q:\n%s", words, p.Stderr())
		}
	}
}
