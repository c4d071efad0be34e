//go:build linux

package contract

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// byName connects to a name with a socket of some family. fd and name stay
// what they are.
const byName = `
family, name, port = int(args[0]), args[1], args[2]
s = tls(family)
got = connect_name(s, name, port)
say("connect", got, "peer", repr(text(s, IDENTITY)), "name", repr(text(s, NAME)))
if got:
    say(text(s, ERROR))
else:
    say(s.recv(1))
`

// withHosts starts a program where /etc/hosts is another file, which says that
// both.example is at both loopback addresses.
func withHosts(t *testing.T, policy, code string, args ...any) *programs.Process {
	t.Helper()
	ssatest.Need(t, "python3", "unshare")
	flags := []string{"--mount"}
	if os.Getuid() != 0 {
		flags = append(flags, "--map-root-user")
	}
	if err := exec.Command("unshare", append(flags, "true")...).Run(); err != nil {
		ssatest.Missing(t, "a mount namespace: "+err.Error())
	}
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 both.example four.example\n::1 both.example six.example # not four\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	inner := pythonCommand(t, policy, code, args...)
	line := append(append(flags, "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, hosts), inner.Args...)
	return programs.Start(t, ssatest.Kill(t, exec.Command("unshare", line...)))
}

// TestHostNames: every family of socket takes a name for an address, and the
// name means what the machine says. AF_HOSTNAME tries what there is.
func TestHostNames(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t,
		ssatest.Leaf{Names: []string{"both.example", "four.example", "six.example"}})
	policy := ssatest.PolicyWithRoots(t, "", authority.File(t))
	for label, test := range map[string]struct {
		name   string
		family int
		ipv6   bool // where the server is; nothing listens at the other address
	}{
		"AF_INET":                      {"both.example", 2, false},
		"AF_INET6":                     {"both.example", 10, true},
		"AF_HOSTNAME, IPv4 alone":      {"four.example", 43, false},
		"AF_HOSTNAME, IPv6 alone":      {"six.example", 43, true},
		"AF_HOSTNAME, IPv4 is refused": {"both.example", 43, true},
		"AF_HOSTNAME, IPv6 is refused": {"both.example", 43, false},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			l := (&peer.Network{IPv6: test.ipv6,
				Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}).Listen(t)
			p := withHosts(t, policy, byName, test.family, test.name, l.Port())
			c := l.Accept()
			c.Say("x")
			if ip := c.RemoteAddr().IP; (ip.To4() == nil) != test.ipv6 {
				t.Errorf("the client comes from %v", ip)
			}
			wantTranscript(t, p, fmt.Sprintf("connect 0 peer '%s' name '%s'", test.name, test.name), "b'x'")
		})
	}
}

// TestHostNamesRefused: with nobody at any address it is ECONNREFUSED, as TCP
// says; with no address of the socket's family, EHOSTUNREACH.
func TestHostNamesRefused(t *testing.T) {
	port := (&peer.Network{}).ClosedPort(t)
	if l, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", port)); err != nil {
		t.Fatalf("port %d of ::1: %v", port, err)
	} else {
		l.Close()
	}
	got := withHosts(t, "", byName, 43, "both.example", port).Finish()
	wantLines(t, got, "connect ECONNREFUSED peer 'ENOTCONN' name 'both.example'", "exit status 0")
	got = withHosts(t, "", byName, 10, "four.example", port).Finish()
	wantLines(t, got, "connect EHOSTUNREACH peer 'ENOTCONN' name 'four.example'", "exit status 0")
}

// TestUnknownNames: a name that stands for nothing is EHOSTUNREACH at once, or
// EINVAL where it is no name; the sentence says so.
func TestUnknownNames(t *testing.T) {
	for name, want := range map[string]string{
		"no-such-host.invalid": "EHOSTUNREACH", "a b": "EINVAL", "a..b": "EINVAL",
	} {
		for _, family := range []int{2, 10, 43} {
			t.Run(fmt.Sprintf("%s/%d", name, family), func(t *testing.T) {
				t.Parallel()
				got := python(t, "", byName, family, name, 443).Finish()
				line := lineWith(t, got, "connect ")
				if wanted := fmt.Sprintf("connect %s peer 'ENOTCONN'", want); !strings.HasPrefix(line, wanted) {
					t.Errorf("the program printed %q, wanted %q", line, wanted)
				}
				if want == "EHOSTUNREACH" && !strings.Contains(got[1], name) {
					t.Errorf("the sentence does not name the host: %q", got[1])
				}
			})
		}
	}
}

// TestHostNameSockets: what socket(AF_HOSTNAME) tells of itself, and may not do.
func TestHostNameSockets(t *testing.T) {
	wantTranscript(t, python(t, "", `
s = tls(43)
say("domain", s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN), "type", s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE),
    "protocol", s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
say("datagrams", attempt(socket.socket, 43, socket.SOCK_DGRAM, 205))
say("short", attempt(lambda: libc.connect(s.fileno(), b"\x2b\0\0\x50", 4) and ctypes.get_errno()) == errno.EINVAL)
`), "domain 43 type 1 protocol 205", "datagrams EPROTONOSUPPORT", "short True")
}
